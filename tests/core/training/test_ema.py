"""The moving average against its recursion written out."""

import pytest
import torch
from torch import nn

from core.training.ema import Ema


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
        self.register_buffer("count", torch.zeros(1))


def test_average_follows_its_recursion_and_buffers_are_copied():
    net, decay = Net(), 0.6
    ema, average = Ema(net, decay), net.weight.detach().clone()
    for step in range(40):
        with torch.no_grad():
            net.weight += torch.tensor([0.1, -0.3]) * (step + 1)
        net.count += 1
        ema.update(net, step)
        beta = min(decay, (1 + step) / (10 + step))
        average = beta * average + (1 - beta) * net.weight.detach()
        torch.testing.assert_close(
            ema.module.weight, nn.Parameter(average, requires_grad=False), rtol=1e-13, atol=1e-13
        )
    assert int(ema.module.count) == 40


def test_early_average_forgets_the_initial_weights():
    """At step 0 the rate is 1/10: nine tenths of the first update come in at once."""
    net = Net()
    ema = Ema(net, 0.999)
    with torch.no_grad():
        net.weight.fill_(11.0)
    ema.update(net, 0)
    assert ema.module.weight[0].item() == pytest.approx(1.0 / 10 + 11.0 * 9 / 10)


def test_average_is_a_frozen_copy():
    net = Net()
    ema = Ema(net, 0.9)
    with torch.no_grad():
        net.weight.zero_()
    assert ema.module.weight.tolist() == [1.0, -2.0] and not ema.module.weight.requires_grad and not ema.module.training
    assert net.weight.requires_grad and net.training
