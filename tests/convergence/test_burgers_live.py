"""The exact solutions at display rate are the exact solutions."""

import numpy as np
import pytest

from core.simulation import burgers
from core.simulation.burgers.interactive import cole_hopf_live, lax_oleinik_live

SQUARE = burgers.Steps(tuple(np.where(np.arange(192) < 96, 1.0, 0.0)))
RAMP = burgers.Steps(tuple(np.linspace(-1, 2, 192)))


@pytest.mark.parametrize(
    ("initial", "viscosity"),
    [
        (SQUARE, 0.002),
        (RAMP, 0.004),
        (burgers.RaisedCosine(1.0), 0.002),
        (burgers.RaisedCosine(1.4, 0.3), 0.001),
        (burgers.RaisedCosine(5.5), 0.006),
    ],
)
def test_viscous(initial, viscosity):
    times = burgers.levels(64)
    found = cole_hopf_live(initial, viscosity, times, 192)
    chosen = [0, 1, 2, 30, 64]
    np.testing.assert_allclose(found[chosen], burgers.cole_hopf(initial, viscosity, times[chosen], 192), atol=1e-9)


@pytest.mark.parametrize(
    ("initial", "accuracy"),
    [(SQUARE, 1e-12), (RAMP, 1e-12), (burgers.RaisedCosine(2.0), 1e-5), (burgers.RaisedCosine(5.5, 0.3), 1e-4)],
)
def test_inviscid(initial, accuracy):
    times = burgers.levels(6, power=1.0)
    np.testing.assert_allclose(
        lax_oleinik_live(initial, times, 192), burgers.lax_oleinik(initial, times, 192), atol=accuracy
    )


def test_what_they_refuse():
    with pytest.raises(ValueError, match="viscosity"):
        cole_hopf_live(SQUARE, 0.0, burgers.levels(4), 192)
    with pytest.raises(ValueError, match="times"):
        lax_oleinik_live(SQUARE, [0.0, np.nan], 192)
