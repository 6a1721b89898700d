"""Guards: what is not finite is never written, and a signal ends at a step boundary."""

import os
import signal
import threading

import pytest
import torch

from core.training import distributed
from core.training.guards import Diverged, NanGuard, NotFinite, StopFlag, finite
from core.types import Player


def player():
    weight = torch.nn.Parameter(torch.zeros(3))
    return Player("critic", (weight,), lambda key: (weight.sum(), {}), torch.optim.Adam([weight]))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_finite_sees_every_bad_number(bad, dtype):
    good = [torch.randn(4, 5).to(dtype), torch.tensor(3e30).to(dtype), torch.zeros(0)]
    assert finite(good)
    broken = torch.randn(4, 5).to(dtype)
    broken[3, 4] = bad
    assert not finite([*good, broken])


def test_nothing_at_all_is_finite():
    assert finite([])


def test_guard_passes_good_numbers_through():
    grads = [torch.ones(3)]
    out, logs = NanGuard().watch(lambda p, k: (grads, {"loss": 1.0}))(player(), 0)
    assert out is grads and logs == {"loss": 1.0}


@pytest.mark.parametrize(("grad", "loss"), [(float("nan"), 1.0), (1.0, float("nan")), (1.0, float("inf"))])
def test_guard_skips_then_stops_and_leaves_the_weights(grad, loss):
    guard, one = NanGuard(limit=3), player()
    watched = guard.watch(lambda p, k: ([torch.full((3,), grad)], {"critic loss": loss}))
    for _ in range(2):
        with pytest.raises(NotFinite, match="critic: "):
            watched(one, 0)
    with pytest.raises(Diverged, match=r"critic: .* 3 steps in a row\. The last good state was kept"):
        watched(one, 0)
    assert guard.skipped == 3
    assert not one.parameters[0].detach().any() and not one.optimiser.state


def test_a_good_step_ends_the_streak():
    guard = NanGuard(limit=2)
    for _ in range(5):
        with pytest.raises(NotFinite):
            guard.check("generator", [torch.tensor(float("nan"))], {})
        guard.good()
    assert guard.skipped == 5 and guard.streak == 0


def test_a_bad_number_elsewhere_is_skipped_here_too(monkeypatch):
    monkeypatch.setattr(distributed, "agree", lambda flag: True)
    with pytest.raises(NotFinite, match="another process"):
        NanGuard().check("critic", [torch.ones(1)], {"loss": 0.0})


def test_limit_must_be_positive():
    with pytest.raises(ValueError, match="limit must be at least 1"):
        NanGuard(0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_raises_the_flag_and_handlers_come_back(number):
    before = signal.getsignal(number)
    with StopFlag() as stop:
        assert not stop
        os.kill(os.getpid(), number)
        assert stop and stop.signal == signal.Signals(number).name
    assert signal.getsignal(number) == before


def test_second_interrupt_is_immediate():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), StopFlag():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == before


def test_terminate_twice_still_waits_for_the_step():
    with StopFlag() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.signal == "SIGTERM"


def test_outside_the_main_thread_nothing_is_installed():
    seen = {}

    def work():
        with StopFlag() as stop:
            seen["handler"] = signal.getsignal(signal.SIGTERM)
            stop.ask()
            seen["asked"] = bool(stop)

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == {"handler": before, "asked": True}
