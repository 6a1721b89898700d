"""One process or two: the real trainer ends with the same weights, averages and optimiser state, to rounding."""

import pytest
import safetensors.torch
import torch

from tests.distributed.trainer import SCHEMES


@pytest.mark.parametrize("scheme", SCHEMES)
def test_two_processes_train_as_one(written, scheme):
    names = (f"one.{scheme}.0", f"two.{scheme}.0", f"two.{scheme}.1")
    one, first, second = (safetensors.torch.load_file(written / f"{name}.safetensors") for name in names)
    assert one.keys() == first.keys()
    assert {k.split(".")[0] for k in one} == {"step", "critic", "generator", "ema", "optimiser0", "optimiser1"}
    assert all(torch.equal(first[k], second[k]) for k in first)
    assert {v.dtype for k, v in one.items() if k.split(".")[0] in ("critic", "generator")} == {torch.float64}
    gaps = {k: float((one[k].double() - first[k].double()).abs().max()) for k in one if one[k].numel()}
    worst = max(gaps, key=gaps.get)
    assert gaps[worst] < 1e-12, (worst, gaps[worst])
