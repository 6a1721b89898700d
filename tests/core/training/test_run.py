"""A run on disk: how it starts, what its state says, how it goes on, on machines with and without bf16 hardware."""

import json
from dataclasses import replace

import pytest
import torch

import train
from core import checkpoint, discovery
from core.metrics import release
from core.training import precision
from core.training.run import Folders, Run
from core.types import Checkpoint, Progress

NAME = "burgers/sobel"
PROBLEM, PRESET = discovery.split(NAME)
ONE_STEP = ("--budget", "1e-9")
MACHINES = {"with": {"avx512_bf16": True}, "without": {"avx2": True}}


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Runs `train.py` on a machine with or without bf16 hardware, without the measurements after the training; returns
    (exit code, output)."""
    monkeypatch.setattr(release, "finish", lambda run, calibration, samples, quick: print("finished"))

    def call(machine, *more):
        monkeypatch.setattr(precision, "cpu_capabilities", lambda: MACHINES[machine])
        strict = torch.are_deterministic_algorithms_enabled()
        folders = ["--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "out")]
        code = train.main([NAME, "--tiny", "--device", "cpu", *folders, *more])
        torch.use_deterministic_algorithms(strict)
        text = capsys.readouterr()
        return code, text.out + text.err

    call.state = tmp_path / "runs" / NAME / "state.safetensors"
    return call


def equal(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)


@pytest.mark.parametrize(
    ("machine", "name", "reason"),
    [("with", "bf16", "computed in hardware here"), ("without", "fp32", "no hardware for bf16 here")],
)
def test_the_precision_is_printed_and_stands_in_the_manifest(command, machine, name, reason):
    code, text = command(machine, *ONE_STEP)
    assert code == 0 and f"{NAME}: starting afresh, 20 steps, cpu, {name} ({reason})" in text
    manifest = checkpoint.load(command.state).manifest
    assert manifest["training"] == {"precision": name} and manifest["config"]["precision"] == "auto"


@pytest.mark.parametrize(("first", "then", "name"), [("with", "without", "bf16"), ("without", "with", "fp32")])
def test_a_run_goes_on_elsewhere_in_the_precision_it_began_with(command, tmp_path, first, then, name):
    command(first, *ONE_STEP)
    code, text = command(then)
    assert code == 0 and f"continuing at step 1, 20 steps, cpu, {name} (as this run began" in text
    resumed = checkpoint.load(command.state)
    assert resumed.manifest["training"] == {"precision": name} and int(resumed.tensors["step"]) == 20
    command(then, "--precision", name, "--runs", str(tmp_path / "whole"))
    whole = checkpoint.load(tmp_path / "whole" / NAME / "state.safetensors")
    assert whole.manifest["config"]["precision"] == name and equal(whole.tensors, resumed.tensors)


def test_the_command_line_overrides(command):
    assert "cpu, fp32 (as configured)" in command("with", "--precision", "fp32", *ONE_STEP)[1]
    assert checkpoint.load(command.state).manifest["training"] == {"precision": "fp32"}
    code, text = command("with", "--precision", "bf16")
    assert code == 1 and "belongs to a run with another configuration" in text
    assert "continuing at step 1" in command("with", "--precision", "fp32")[1]


def test_a_state_from_before_auto_goes_on_in_bf16(command):
    command("with", "--precision", "bf16", *ONE_STEP)
    state = checkpoint.load(command.state)
    checkpoint.save(
        command.state, Checkpoint(state.tensors, {k: v for k, v in state.manifest.items() if k != "training"})
    )
    code, text = command("without")
    assert code == 0 and "continuing at step 1, 20 steps, cpu, bf16" in text and "finished" in text


def test_a_state_of_another_configuration_is_refused_before_any_data_are_made(command):
    command("with", *ONE_STEP)
    code, text = command("with", "--seed", "7")
    assert code == 1 and "choose another folder with --runs" in text


@pytest.fixture
def run(tmp_path):
    """A started run."""
    made = Run(PROBLEM, PRESET, replace(PRESET.tiny, steps=2, precision="fp32"), Folders(tmp_path, tmp_path / "out"))
    assert made.start(None, None) == "starting afresh"
    return made


def progress(step, loss):
    return Progress(step, 2, {"sobel.loss": loss}, {"sobel": 2 * loss}, 0.1, 3.14159, dict)


def test_the_log_has_a_line_for_each_step_and_loses_those_that_run_again(run):
    for step in (1, 2, 3):
        run.append_log(progress(step, step / 2))
    lines = [json.loads(line) for line in run.log.read_text().splitlines()]
    assert lines[1] == {"step": 2, "sobel.loss": 1.0, "sobel": 2.0, "seconds": 0.0, "images_per_second": 3.14}
    with open(run.log, "a") as file:
        file.write('{"step": 4, "sob')  # a line that a crash cut off
    run.drop_after(2)
    assert [json.loads(line)["step"] for line in run.log.read_text().splitlines()] == [1, 2]


def test_the_trace_holds_means_since_its_last_line_and_replaces_lines_of_steps_run_again(run):
    for step in (1, 2, 3, 4):
        run.append_log(progress(step, float(step)))
    run.append_trace(progress(1, 1.0), {"error": 9.0})
    run.append_trace(progress(4, 4.0), {"error": 8.0})
    assert run.read_trace()[1] == {"step": 4, "minutes": 0.0, "sobel.loss": 3.0, "sobel": 6.0, "error": 8.0}
    run.append_trace(progress(3, 3.0), {"error": 7.0})
    assert [line["step"] for line in run.read_trace()] == [1, 3]


def test_films_are_kept_by_step(run):
    pictures = torch.arange(24, dtype=torch.uint8).reshape(2, 3, 4, 1)
    for step in (1, 20):
        run.keep_film(step, (pictures + step).numpy())
    assert list(run.read_film(10)) == ["film.0000001"]
    assert torch.equal(run.read_film(20)["film.0000020"], pictures + 20)


def test_saving_and_starting_again_gives_the_same_state(run, tmp_path):
    run.trainer.step()
    run.seconds = 12.5
    run.save()
    again = Run(PROBLEM, PRESET, run.config, Folders(tmp_path, tmp_path / "out"))
    assert again.start(None, None) == "continuing at step 1" and again.seconds == 12.5
    assert equal(again.trainer.state(), run.trainer.state())
