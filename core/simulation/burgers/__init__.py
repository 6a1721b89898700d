"""Burgers' equation on the periodic unit interval: exact solutions, initial conditions, schemes, solvers."""

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
