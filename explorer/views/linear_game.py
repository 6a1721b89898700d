"""The page of the linear game: equilibria, spectra and orbits, dragged and played."""

from __future__ import annotations

from explorer import lab_page
from explorer.labs import linear

if __name__ == "__main__":
    lab_page.show(linear.LAB, linear.panel)
