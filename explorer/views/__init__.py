"""One file per page. `generic.py` serves every problem that has no file of its own name here."""
