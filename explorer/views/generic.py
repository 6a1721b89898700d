"""The generic page of a problem: the panel, then details, comparison and files of the released request."""

from __future__ import annotations

from explorer import problem_page, routes

if __name__ == "__main__":
    problem_page.show(routes.problem())
