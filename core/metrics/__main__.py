"""The command `python -m core.metrics NAME`."""

from core.metrics import main

main()
