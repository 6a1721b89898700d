"""The page of the GAN lab: a GAN on a line, played by hand, its failures and their cures."""

from __future__ import annotations

from explorer import laboratory
from explorer.live import gan

if __name__ == "__main__":
    laboratory.show(gan.LAB, gan.panel)
