"""A small checkpoint to damage: its manifest and its tensors."""

import torch

ROW = {"name": "S2 error", "value": 0.00123456, "unit": "", "bar": 0.002, "rival": 0.0018, "note": "a | b"}
MANIFEST = {
    "problem": "two_phase",
    "preset": "fraction",
    "config": {"steps": 10, "betas": (0.0, 0.99), "turns": {"critic": 1}},
    "seeds": {"training": 0},
    "data": {"digest": "00ff", "images": 4},
    "versions": {"torch": "2"},
    "metrics": {"Held out": [ROW]},
    "limits": ["Only for λ > 0."],
}


def tensors(seed=0):
    generator = torch.Generator().manual_seed(seed)

    def rand(*shape):
        return torch.randn(shape, generator=generator)

    return {
        "generator.weight": rand(3, 4),
        "generator.half": rand(5).bfloat16(),
        "double": rand(2).double(),
        "step": torch.tensor(7),
        "flags": torch.tensor([True, False]),
        "bytes": torch.arange(6, dtype=torch.uint8).reshape(2, 3),
        "none": torch.zeros(0, 3),
    }
