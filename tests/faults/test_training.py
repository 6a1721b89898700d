"""Training under attack: bad numbers, stop requests, resuming. Nothing bad is written; what is saved continues
exactly."""

import dataclasses
import functools
import os
import signal

import pytest
import torch

from core import checkpoint, discovery, losses
from core.training import distributed
from core.training.guards import Diverged, StopFlag
from core.training.loop import Trainer, fit
from core.training.schemes import SCHEMES
from core.types import Checkpoint
from tests.calibration import shorten

NAME = "two_phase/fraction"
PROBLEM, PRESET = discovery.split(NAME)
TINY = dataclasses.replace(PRESET.tiny, steps=3, images=16, batch=2, warmup=0)
MANIFEST = {
    "problem": PROBLEM.name,
    "preset": PRESET.name,
    "config": {},
    "seeds": {},
    "data": {},
    "versions": {},
    "metrics": {},
}


@functools.cache
def start():
    """Networks that have read their statistics, and the images they read: made once, as it takes seconds."""
    images = PROBLEM.source.draw(range(TINY.images), (TINY.size, TINY.size))
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch)
        return images, Trainer(PROBLEM, PRESET, TINY, images).state()


def make(**changes):
    images, state = start()
    trainer = Trainer(PROBLEM, PRESET, dataclasses.replace(TINY, **changes), images, fit=False)
    trainer.restore(state)
    return trainer


@functools.cache
def undisturbed(scheme, optimiser="adam"):
    trainer = make(scheme=scheme, optimiser=optimiser)
    list(fit(trainer))
    return trainer.state()


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)


def saved(path, trainer):
    """State through a file and back; the process that reads it has another global random state."""
    torch.rand(3)
    checkpoint.save(path, Checkpoint(trainer.state(), MANIFEST))
    return checkpoint.load(path).tensors


def poison(monkeypatch, which, bad_calls):
    """The adversarial loss of the critic (0) or the generator (1) is NaN at these calls (counted from 1)."""
    count = {"n": 0}
    real = losses.ADVERSARIAL["relativistic"]

    def poisoned(*scores):
        count["n"] += 1
        value = real[which](*scores)
        return value * float("nan") if count["n"] in bad_calls else value

    monkeypatch.setitem(losses.ADVERSARIAL, "relativistic", (poisoned, real[1]) if which == 0 else (real[0], poisoned))


@pytest.mark.parametrize(("which", "who"), [(0, "critic"), (1, "generator")])
def test_a_nan_in_a_loss_is_skipped_and_training_goes_on(monkeypatch, which, who):
    trainer, seen = make(), []
    poison(monkeypatch, which, {2})
    for progress in fit(trainer):
        seen.append(progress.note)
        assert not checkpoint.unfit(trainer.state())
    assert [bool(note) for note in seen] == [False, True, False]
    assert seen[1].startswith("Update skipped (1 in a row)") and f"{who}: " in seen[1] and "nan" in seen[1]


def test_a_skipped_update_writes_nothing(monkeypatch):
    trainer = make()
    poison(monkeypatch, 0, {2})
    steps = fit(trainer)
    next(steps)
    before = trainer.state()
    assert next(steps).note
    after = trainer.state()
    changed = {k.split(".")[0] for k in before if not torch.equal(before[k], after[k])}
    assert changed <= {"step", "ema"}
    assert not next(steps).note
    assert any(not torch.equal(v, after[k]) for k, v in trainer.state().items() if k.startswith("critic."))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_too_many_in_a_row_stop_with_a_sentence_and_a_good_state(monkeypatch, tmp_path, scheme):
    trainer = make(scheme=scheme, steps=20)
    next(fit(trainer))
    before = trainer.state()
    poison(
        monkeypatch, 0, set(range(2, 99, 2) if scheme == "extragradient" else range(1, 99))
    )  # after the look-ahead, or at once
    with pytest.raises(Diverged, match=r"critic: .* in a row\. The last good state was kept\. Lower the learning rate"):
        for _ in fit(trainer):
            pass
    state = saved(tmp_path / "state.safetensors", trainer)
    assert same(*({k: v for k, v in s.items() if k.split(".")[0] not in ("step", "ema")} for s in (before, state)))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_at_a_step_boundary_and_the_rest_is_as_if_it_never_came(monkeypatch, tmp_path, number):
    trainer, real = make(), losses.ADVERSARIAL["relativistic"]

    def interrupted(*scores):
        if trainer.done == 1:
            os.kill(os.getpid(), number)
        return real[0](*scores)

    with monkeypatch.context() as patched, StopFlag() as stop:
        patched.setitem(losses.ADVERSARIAL, "relativistic", (interrupted, real[1]))
        for _ in fit(trainer):
            if distributed.agree(bool(stop)):
                break
    assert stop.signal == signal.Signals(number).name and trainer.done == 2
    resumed = make()
    resumed.restore(saved(tmp_path / "state.safetensors", trainer))
    list(fit(resumed))
    assert same(resumed.state(), undisturbed("alternating"))


@pytest.mark.parametrize(
    ("scheme", "optimiser", "at"),
    [(s, "adam", 2) for s in SCHEMES]
    + [("alternating", "adam", 0), ("optimistic", "adam", 1), ("extragradient", "muon", 2)],
)
def test_a_saved_state_continues_to_the_same_bits(tmp_path, scheme, optimiser, at):
    first, second = (make(scheme=scheme, optimiser=optimiser) for _ in range(2))
    list(fit(first, at))
    second.restore(saved(tmp_path / "state.safetensors", first))
    list(fit(second))
    assert same(second.state(), undisturbed(scheme, optimiser))


def test_different_seeds_train_differently():
    one, two = make(steps=1), make(steps=1, seed=1)
    list(fit(one)), list(fit(two))
    assert not same(one.state(), two.state())


def test_a_state_of_another_run_is_refused():
    trainer, state = make(), start()[1]
    for broken in [{}, {k: v for k, v in state.items() if k != "step"}, {**state, "generator.more": torch.ones(1)}]:
        with pytest.raises(ValueError, match="does not fit this run"):
            trainer.restore(broken)
