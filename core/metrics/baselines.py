"""Published baselines, trained here: `python -m core.metrics.baselines burgers` writes their errors next to the
checkpoints.

    encoder-decoder   Zhu et al. (2019): one convolutional decoder per case of Table 2, Sobel residual + 10 x initial
    column PINN              Raissi et al. (2019): a pointwise network on its standard case, L-BFGS

Each takes minutes. The file is written after every case, so the same command continues where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core import discovery, folders, sampling
from core.files import write_atomic
from core.keys import key
from core.metrics.solutions import case_name, relative
from core.models.burgers_baselines import STANDARD_VISCOSITY, CaseDecoder, Pinn, standard_edges
from core.simulation import burgers
from core.types import Array, Problem

GROUP = "Table 2"
BOUNDARY = 10.0
EDGE_POINTS, INNER_POINTS = 100, 4000


def encoder_decoder(problem: Problem, case: Mapping[str, Any], steps: int, seed: int) -> float:
    """Relative L2 error of one decoder trained for one case: Adam, a one-cycle learning rate with maximum 1e-3."""
    torch.manual_seed(key(seed, "encoder-decoder") % 2**63)
    requested = {k: np.array([v], dtype=np.float32) for k, v in case.items()}
    assert problem.truth.simulate is not None
    exact = problem.truth.simulate(requested, 1, 0, problem.field.shape)
    conditions = {k: torch.from_numpy(v) for k, v in requested.items()} | {"initial": torch.from_numpy(exact[:, :, 0])}
    network = CaseDecoder()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, total_steps=steps, pct_start=0.3, div_factor=2.0)
    weights = {"sobel": 1.0, "initial": BOUNDARY}
    for _ in range(steps):
        image = network()
        loss = torch.stack([weights[i.name] * i.residual(image, conditions).mean() for i in problem.invariances]).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        cycle.step()
    return relative(image[0, 0].detach().numpy(), exact[0])


def pinn(steps: int, seed: int) -> float:
    """Relative L2 error on the standard case after at most `steps` iterations of L-BFGS in float64."""
    torch.manual_seed(key(seed, "pinn") % 2**63)
    network = Pinn().double()
    edges, values = standard_edges(EDGE_POINTS, seed)
    inner = torch.rand(INNER_POINTS, 2, dtype=torch.float64) * torch.tensor([2.0, 1.0]) - torch.tensor([1.0, 0.0])
    optimiser = torch.optim.LBFGS(
        network.parameters(),
        max_iter=steps,
        max_eval=2 * steps,
        history_size=50,
        tolerance_grad=1e-9,
        tolerance_change=1e-12,
        line_search_fn="strong_wolfe",
    )

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = (network(edges) - values).square().mean() + network.residual(inner, STANDARD_VISCOSITY).square().mean()
        loss.backward()
        return loss

    optimiser.step(closure)
    return standard_error(network)


def standard_error(network: Callable[[torch.Tensor], torch.Tensor], cells: int = 512, levels: int = 50) -> float:
    """Relative L2 error of u(x, t) on the standard case, at the centres of cells, against Cole-Hopf cell averages.

    With y = (x + 1) / 2 and w = u / 2 it is the equation of `core.problems.burgers` with
    viscosity nu / 4 and w(y, 0) = sin(2 pi y) / 2.
    """
    times = np.linspace(0, 1, levels + 1)
    exact = 2 * burgers.cole_hopf(burgers.Fourier((0.0,), (0.5,)), STANDARD_VISCOSITY / 4, times, cells)
    nodes, weights = np.polynomial.legendre.leggauss(3)
    x = 2 * (np.arange(cells)[:, None] + (nodes + 1) / 2).ravel() / cells - 1
    grid = torch.from_numpy(np.stack(np.meshgrid(x, times), -1).reshape(-1, 2))
    with torch.no_grad():
        averages: Array = network(grid).numpy().reshape(len(times), cells, 3) @ weights / 2
    return relative(averages.T, exact.T)


def timed(call: Callable[[], float]) -> dict[str, float]:
    """The result of `call`, an error, and the seconds of the call."""
    start = time.perf_counter()
    error = call()
    return {"error": error, "seconds": round(time.perf_counter() - start, 1)}


def run(problem: Problem, path: Path, steps: int, pinn_steps: int, seed: int) -> dict[str, Any]:
    """Train the cases that the file does not hold at this seed and number of steps; write it after every case."""
    versions = {"torch": torch.__version__, "numpy": np.__version__, "python": platform.python_version()}
    settings = {"steps": steps, "L-BFGS iterations": pinn_steps, "seed": seed}
    results: dict[str, Any] = {"settings": settings, "versions": versions, "encoder-decoder": {}, "PINN": {}}
    if path.exists() and (earlier := json.loads(path.read_text(encoding="utf-8")))["settings"] == settings:
        results = earlier
    cases = problem.truth.test_cases[GROUP](1000)
    jobs: list[tuple[str, str, Callable[[], float]]] = [
        ("encoder-decoder", case_name(case), partial(encoder_decoder, problem, case, steps, seed)) for case in cases
    ]
    jobs.append(("PINN", "standard case", partial(pinn, pinn_steps, seed)))
    for method, name, call in jobs:
        if name not in results[method]:
            results[method][name] = timed(call)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, (json.dumps(results, indent=1) + "\n").encode())
        print(
            f"{method}, {name}: {results[method][name]['error']:.3g} ({results[method][name]['seconds']:g} s)",
            flush=True,
        )
    return results


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m core.metrics.baselines", description="Train the published baselines."
    )
    parser.add_argument("name", choices=["burgers"], help="problem")
    parser.add_argument("--steps", type=int, default=1200, help="Adam steps of each encoder-decoder")
    parser.add_argument("--pinn-steps", type=int, default=5000, help="iterations of L-BFGS of the PINN")
    parser.add_argument("--seed", type=int, default=0)
    written = folders.to_write(sampling.CHECKPOINTS)
    parser.add_argument("--out", type=Path, default=written, help="folder of the checkpoints")
    options = parser.parse_args(arguments)
    if min(options.steps, options.pinn_steps) < 1:
        parser.error(f"--steps and --pinn-steps must be at least 1; got {options.steps} and {options.pinn_steps}.")
    torch.set_num_threads(1)
    problem, _ = discovery.split(f"{options.name}/sobel")
    run(problem, options.out / options.name / "baselines.json", options.steps, options.pinn_steps, options.seed)


if __name__ == "__main__":
    main()
