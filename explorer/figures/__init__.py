"""Plotly figures: pure functions from numbers to figures, without Streamlit."""
