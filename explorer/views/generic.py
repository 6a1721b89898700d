"""The page of any problem: the live panel, then details, comparison and files for what was released."""

from __future__ import annotations

from explorer import problem_page, routes

if __name__ == "__main__":
    problem_page.show(routes.problem())
