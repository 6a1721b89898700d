"""Precision `auto`: bf16 where the hardware computes it, else fp32, on faked machines."""

import dataclasses

import pytest
import torch

from core import discovery
from core.training import distributed, precision
from core.training.loop import Trainer
from core.training.precision import resolve
from core.types import TrainConfig

WITH, WITHOUT = {"avx2": True, "avx512_bf16": True}, {"avx2": True, "avx512_f": True, "avx512_bf16": False}
AMX = {"avx2": True, "amx_bf16": True}
AUTO = TrainConfig()


@pytest.fixture
def processor(monkeypatch):
    """Fakes the processor's instruction sets."""
    return lambda flags: monkeypatch.setattr(precision, "cpu_capabilities", lambda: flags)


def test_auto_is_the_default_of_every_preset_that_has_no_reason_for_another():
    fixed = {"motif", "showers", "inverse", "two_phase/data_free", "burgers/viscous", "burgers/inviscid"}
    assert AUTO.precision == "auto"
    for name in (*discovery.problems(), *discovery.point_problems()):
        for preset in discovery.problem(name).presets:
            chosen = "fp32" if {name, f"{name}/{preset.name}"} & fixed else "auto"
            assert preset.config.precision == chosen, f"{name}/{preset.name}"


@pytest.mark.parametrize(("flags", "name"), [(WITH, "bf16"), (AMX, "bf16"), (WITHOUT, "fp32"), ({}, "fp32")])
def test_auto_follows_the_processor(processor, flags, name):
    processor(flags)
    choice = resolve(AUTO, "cpu")
    assert choice.name == name and choice.apply(AUTO) == dataclasses.replace(AUTO, precision=name)
    assert choice.reason == ("computed in hardware here" if name == "bf16" else "no hardware for bf16 here")


@pytest.mark.parametrize(("hardware", "name"), [(True, "bf16"), (False, "fp32")])
def test_auto_follows_the_gpu_and_not_its_emulation(monkeypatch, processor, hardware, name):
    processor({} if hardware else WITH)
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or hardware
    )
    assert resolve(AUTO, torch.device("cuda", 0)).name == name


@pytest.mark.parametrize("flags", [WITH, WITHOUT])
@pytest.mark.parametrize("name", ["bf16", "fp32", "fp64"])
def test_what_is_configured_is_trained_anywhere(processor, flags, name):
    processor(flags)
    choice = resolve(dataclasses.replace(AUTO, precision=name), "cpu")
    assert (choice.name, choice.reason) == (name, "as configured")


def test_a_run_keeps_the_precision_it_began_with(processor):
    processor(WITH)
    assert resolve(AUTO, "cpu", started="fp32") == precision.Precision("fp32", "as this run began")
    assert resolve(AUTO, "cpu", started="bf16").reason == "as this run began"
    processor(WITHOUT)
    kept = resolve(AUTO, "cpu", started="bf16")
    assert kept.name == "bf16" and "emulated here and slow" in kept.reason
    assert resolve(dataclasses.replace(AUTO, precision="fp32"), "cpu", started="bf16").name == "fp32"


def test_one_process_without_the_hardware_decides_for_all(monkeypatch, processor):
    processor(WITH)
    monkeypatch.setattr(distributed, "agree", lambda flag: True)
    assert resolve(AUTO, "cpu").name == "fp32"


def test_this_machine_names_its_instruction_sets():
    found = precision.cpu_capabilities()
    assert isinstance(found, dict) and found
    assert precision.computes_bf16(torch.device("cpu")) == any(found.get(flag) for flag in precision.CPU_FLAGS)


@pytest.mark.parametrize(("flags", "name"), [(WITH, "bf16"), (WITHOUT, "fp32")])
def test_a_trainer_resolves_it(processor, flags, name):
    processor(flags)
    problem, preset = discovery.split("burgers/sobel")
    trainer = Trainer(problem, preset, dataclasses.replace(preset.tiny, precision="auto"), None)
    assert trainer.config.precision == trainer.game.config.precision == name
    assert trainer.game.autocast()._enabled == (name == "bf16")
