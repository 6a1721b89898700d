"""Baselines of others: their residuals and references are right, and their training can be stopped and continued."""

import json
import math

import numpy as np
import pytest
import torch

from core import discovery
from core.metrics import ablation, baselines
from core.models.burgers_baselines import STANDARD_VISCOSITY, CaseDecoder, DenseBlock, Pinn, standard_edges
from core.simulation import burgers

NU = STANDARD_VISCOSITY


class Polynomial(Pinn):
    """u = x^2 t, whose residual can be written down."""

    def forward(self, points):
        return points[:, 0] ** 2 * points[:, 1]


def test_the_residual_of_a_polynomial():
    points = torch.rand(20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x, t = points.T
    torch.testing.assert_close(Polynomial().residual(points, 0.3), x**2 + 2 * x**3 * t**2 - 0.3 * 2 * t)


def test_the_residual_is_differentiable_in_the_weights():
    network = Pinn(2, 5).double()
    network.residual(torch.rand(7, 2, dtype=torch.float64), NU).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert sum(float(p.grad.abs().sum()) for p in network.parameters()) > 0


def test_edges_of_the_standard_case():
    points, values = standard_edges(100, 0)
    start, ends = points[:, 1] == 0, points[:, 0].abs() == 1
    assert start.sum() == 50 and ends.sum() == 50 and points[:, 0].abs().max() <= 1 and points[:, 1].min() >= 0
    torch.testing.assert_close(values[start], -torch.sin(math.pi * points[start, 0]))
    assert (values[ends] == 0).all() and {-1.0, 1.0} == set(points[ends, 0].tolist())
    assert not torch.equal(points, standard_edges(100, 1)[0])


def basdevant(grid):
    """u of the standard case by Gauss-Hermite quadrature (Basdevant et al. 1986), another road than ours."""
    x, t = grid.numpy().T
    nodes, weights = np.polynomial.hermite.hermgauss(120)
    at = x[:, None] - np.sqrt(4 * NU * np.maximum(t, 1e-12))[:, None] * nodes
    log = -np.cos(np.pi * at) / (2 * np.pi * NU)
    mass = weights * np.exp(log - log.max(1, keepdims=True))
    return torch.from_numpy(-(np.sin(np.pi * at) * mass).sum(1) / mass.sum(1))


def test_the_reference_of_the_standard_case_is_that_of_the_literature():
    assert baselines.standard_error(basdevant, cells=128, levels=8) < 1e-3
    assert baselines.standard_error(lambda grid: 0 * grid[:, 0], cells=64, levels=4) == pytest.approx(1)
    assert baselines.standard_error(lambda grid: 1.1 * basdevant(grid), cells=64, levels=4) == pytest.approx(
        0.1, rel=0.05
    )


def test_a_decoder_of_one_case():
    network = CaseDecoder()
    image = network()
    assert image.shape == (1, 1, 64, 64)
    image.square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert 2e5 < sum(p.numel() for p in network.parameters()) < 6e5
    block = DenseBlock(5, 3, 4)
    x = torch.randn(2, 5, 6, 6)
    assert block(x).shape == (2, 17, 6, 6) and torch.equal(block(x)[:, :5], x)


def test_a_decoder_learns_its_case():
    problem, _ = discovery.split("burgers/sobel")
    case = problem.truth.test_cases["Table 2"](1)[0]
    first, later = (baselines.encoder_decoder(problem, case, steps, 0) for steps in (2, 24))
    assert later < 0.9 * first


def test_a_pinn_learns_the_standard_case(monkeypatch):
    monkeypatch.setattr(baselines, "INNER_POINTS", 300)
    first, later = (baselines.pinn(steps, 0) for steps in (1, 15))
    assert later < 0.9 * first


def test_a_run_is_written_after_every_case_and_continues(monkeypatch, tmp_path, capsys):
    problem, _ = discovery.split("burgers/sobel")
    calls = []

    def decoder(problem, case, steps, seed):
        calls.append(case)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return 0.1

    monkeypatch.setattr(baselines, "encoder_decoder", decoder)
    monkeypatch.setattr(baselines, "pinn", lambda steps, seed: 0.5)
    path = tmp_path / "burgers" / "baselines.json"
    with pytest.raises(KeyboardInterrupt):
        baselines.run(problem, path, 5, 5, 0)
    assert len(json.loads(path.read_text())["encoder-decoder"]) == 3
    found = baselines.run(problem, path, 5, 5, 0)
    assert len(calls) == 4 + 13 and json.loads(path.read_text()) == found
    assert len(found["encoder-decoder"]) == 16 and found["PINN"]["standard case"]["error"] == 0.5
    assert found["settings"]["seed"] == 0 and {"torch", "numpy", "python"} <= set(found["versions"])
    baselines.run(problem, path, 6, 5, 0)
    assert len(calls) == 17 + 16
    assert capsys.readouterr().out.count("encoder-decoder") == 3 + 16 + 16


# --- the ablation -----------------------------------------------------------------------------------------------------


def test_newtons_target_is_met_by_the_discrete_solution_alone():
    _, preset = discovery.split("burgers/viscous")
    times = preset.generator().times.tolist()
    start = burgers.RaisedCosine(2.0).cells(192)
    solved = burgers.march(start - start.mean(), 0.01, times, iterations=6) + start.mean()
    fields = torch.from_numpy(solved.T)[None, None]
    asked = {"initial": torch.from_numpy(start)[None], "viscosity": torch.tensor([0.01], dtype=torch.float64)}
    target = ablation.NewtonTarget(times, comoving=True)
    assert float(target.residual(fields, asked)) < 1e-12
    moved = fields.clone().requires_grad_()
    off = target.residual(moved + 0.01 * torch.sin(torch.arange(65.0, dtype=torch.float64)), asked)
    assert float(off.detach()) > 1e-5 and torch.autograd.grad(off.sum(), moved)[0].abs().max() > 0


def test_every_variant_gets_the_same_number_of_gradients():
    _, preset = discovery.split("burgers/viscous")
    for variant in ablation.VARIANTS["burgers"]:
        config = ablation.configuration(preset, variant, 400, 3)
        assert config.steps * variant.evaluations == 400 and config.seed == 3
        moves = sum(config.turns.values()) * (2 if config.scheme == "extragradient" else 1)
        assert moves == variant.evaluations
        used = {n for n, w in config.weights.items() if w}
        assert len(used) == 1 if variant.hard else used == {"duhamel", "initial"}


@pytest.mark.parametrize("number", [0, 4, 6])
def test_a_variant_trains_and_is_measured(number):
    problem, preset = discovery.split("burgers/viscous")
    variant = ablation.VARIANTS["burgers"][number]
    row = ablation.trained(problem, preset, variant, 4)
    assert row["gradients"] == 4 and 0 < row["mean"] <= row["max"] < 1
    assert (row["initial column, mean"] < 1e-6) == variant.hard


def test_a_problem_without_variants_is_told_so():
    with pytest.raises(ValueError, match=r"two_phase has no ablation by training; only burgers has"):
        ablation.run("two_phase")
