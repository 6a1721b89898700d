"""The page of the GAN lab: a GAN on a line, stepped by hand, its failures and their cures."""

from __future__ import annotations

from explorer import lab_page
from explorer.labs import gan

if __name__ == "__main__":
    lab_page.show(gan.LAB, gan.panel)
