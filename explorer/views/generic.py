"""The page of any problem: the live panel, then details, comparison and files for what was released."""

from __future__ import annotations

from explorer import pages, workbench

if __name__ == "__main__":
    workbench.show(pages.problem())
