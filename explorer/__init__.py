"""The explorer: drag a slider, and a structure with the requested statistics follows. Start: `streamlit run
explorer/app.py`."""
