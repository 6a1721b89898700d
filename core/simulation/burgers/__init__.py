"""Burgers' equation on the periodic unit interval, without any network.

`initial` holds initial conditions, `exact` and `interactive` exact solutions (the latter at display rate), `schemes`
numerical schemes, and `solvers` all of them as functions of a problem's conditions.
"""

from core.simulation.burgers.exact import END, cole_hopf, cole_hopf_fft, lax_oleinik, levels, translate
from core.simulation.burgers.initial import Fourier, Initial, RaisedCosine, Steps, random_initial
from core.simulation.burgers.schemes import explicit_euler, godunov, heat, march, muscl, newton_sweep

__all__ = [
    "END",
    "Fourier",
    "Initial",
    "RaisedCosine",
    "Steps",
    "cole_hopf",
    "cole_hopf_fft",
    "explicit_euler",
    "godunov",
    "heat",
    "lax_oleinik",
    "levels",
    "march",
    "muscl",
    "newton_sweep",
    "random_initial",
    "translate",
]
