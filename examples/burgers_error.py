"""A solution of Burgers' equation from the network against the exact one (Cole-Hopf), and one Newton sweep better."""

import numpy as np

import core
from core.simulation import burgers

FREQUENCY, VISCOSITY = 3.0, 0.005

model = core.load("burgers/viscous")
sample = model.sample({"frequency": FREQUENCY, "viscosity": VISCOSITY}, project=False)
cells, times = len(sample.coords["x"]), sample.coords["t"]
initial = burgers.RaisedCosine(FREQUENCY)
exact = burgers.cole_hopf(initial, VISCOSITY, times[1:], cells).T
polished = model.sample({"frequency": FREQUENCY, "viscosity": VISCOSITY})


def error(field: np.ndarray) -> float:
    """Relative L2 error over all cells and all times after the first."""
    return float(np.linalg.norm(field[:, 1:] - exact) / np.linalg.norm(exact))


print(f"relative L2 error: network {error(sample.field[0]):.4f}, after one Newton sweep {error(polished.field[0]):.4f}")
assert error(polished.field[0]) < 0.01
