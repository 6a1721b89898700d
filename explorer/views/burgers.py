"""The page of Burgers' equation: the panel of solutions, and a paragraph about computing time."""

from __future__ import annotations

from explorer import problem_page

PLAIN = """**What to expect.** In one space dimension no network beats a competent solver on time; the table is measured
here, on this machine, in one run. What the network adds: it was trained without any data, one network serves a whole
family of requests (initial conditions, viscosities), the whole field comes at once, its gradients with respect to the
inputs are at hand, and its residual is displayed with every picture, a certificate where no exact solution is known."""

if __name__ == "__main__":
    problem_page.show("burgers", PLAIN)
