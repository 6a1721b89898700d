"""The page of the linear game: equilibria, spectra and orbits, dragged and played."""

from __future__ import annotations

from explorer import laboratory
from explorer.live import linear

if __name__ == "__main__":
    laboratory.show(linear.LAB, linear.panel)
