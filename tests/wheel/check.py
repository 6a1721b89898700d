"""Does the wheel work without the checkout? `python tests/wheel/check.py`, with the Python that has it installed.

.ci/run builds the wheel, installs it in an environment of its own and runs this in an empty folder: a sample from a
shipped model, the commands, and one frame of the explorer, started by `invnet` with the shipped settings.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from importlib.metadata import files
from pathlib import Path

import websockets

import core
import train
from core import folders, sampling
from explorer import command
from explorer.live import protocol
from explorer.panel_spec import ROUTE

SITE = Path(sysconfig.get_path("purelib")).resolve()
INVNET = Path(sysconfig.get_path("scripts")) / "invnet"
PATIENCE = 120.0
"""Seconds for the explorer to start."""
PROBE = """
import json, os, streamlit as st
app = st.App(__file__)
print(json.dumps({name: st.get_option(name) for name in json.loads(os.environ["PROBED"])}), flush=True)
os._exit(0)
"""
"""An application that prints settings instead of serving pages."""
KINDS = (".py", ".js", ".css", ".html", ".safetensors", ".md", ".json", ".toml", ".typed")


def check(holds: bool, claim: str) -> None:
    """Prints a claim that holds; ends with the claim otherwise."""
    if not holds:
        raise SystemExit(f"FAILED: {claim}")
    print(f"ok: {claim}")


def origin() -> None:
    """Everything comes from the wheel, and the wheel holds nothing besides."""
    for module in (core, train, command):
        check(Path(module.__file__ or "").resolve().is_relative_to(SITE), f"{module.__name__} comes from the wheel")
    here = Path.cwd().resolve()
    check(
        not any((p / "core" / "__init__.py").exists() for p in (here, *here.parents)),
        "the working directory is outside of a checkout",
    )
    listed = [f for f in files("invnet-explorer") or [] if "__pycache__" not in f.parts and not f.is_absolute()]
    own = [f for f in listed if ".dist-info" not in f.parts[0] and ".." not in f.parts]
    check({f.parts[0] for f in own} == {"core", "explorer", "train.py"}, "the wheel holds core, explorer and train.py")
    check(all(f.suffix in KINDS for f in own), f"its {len(own)} files are of the kinds {' '.join(KINDS)}")
    check(not any(p in ("tests", "runs", "cache") for f in own for p in f.parts), "no tests, runs or caches among them")


def samples() -> None:
    """A shipped model is found and gives what is requested."""
    check(sampling.CHECKPOINTS == SITE / "core" / "checkpoints", "models are loaded from inside the package")
    check(not folders.to_write(sampling.CHECKPOINTS).is_absolute(), "training writes into the working directory")
    labels = core.load("two_phase").sample({"volume_fraction": 0.35}, n=1, seed=0).labels
    check(abs(labels.mean() - 0.35) <= 1 / labels[0].size, "core.load('two_phase') gives the requested volume fraction")


def commands() -> None:
    """Help of each command, a word that is no command, a training of seconds and a set of samples."""
    began = time.perf_counter()
    text = said("--help")
    check("invnet train" in text, f"invnet --help answers in {time.perf_counter() - began:.2f} s")
    check("usage: invnet train" in said("train", "--help"), "invnet train --help")
    check("--shard" in said("sample", "--help"), "invnet sample --help")
    made = said("sample", "two_phase/fraction", "-n", "2", "--size", "64", "--out", "two.h5")
    check("2 samples of 64 x 64" in made and Path("two.h5").is_file(), "invnet sample writes a file")
    check("no command 'open'" in said("open", status=2), "an unknown command is refused with a sentence")
    trained = said("train", "inverse/cgan", "--tiny", "--samples", "16")
    check("INVNET_CHECKPOINTS=checkpoints invnet" in trained, "invnet train says how to look at what it made")
    check(Path("checkpoints/inverse/cgan.safetensors").is_file(), "invnet train writes into the working directory")


def said(*words: str, status: int = 0) -> str:
    """What `invnet` prints, on either stream; it must end with this status."""
    ended = subprocess.run([INVNET, *words], capture_output=True, text=True, check=False)
    if ended.returncode != status:
        raise SystemExit(
            f"FAILED: invnet {' '.join(words)} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}"
        )
    return ended.stdout + ended.stderr


def settings() -> None:
    """Streamlit takes each of the shipped settings, in a folder that has settings of its own."""
    Path(".streamlit").mkdir()
    Path(".streamlit/config.toml").write_text('[server]\naddress = "0.0.0.0"\n[browser]\ngatherUsageStats = true\n')
    shipped = dotted(tomllib.loads(command.settings_file().read_text(encoding="utf-8")))
    Path("probe.py").write_text(PROBE)
    words = [sys.executable, "-m", "streamlit", "run", "probe.py", "--server.headless", "true"]
    variables = command.environment() | {"PROBED": json.dumps(list(shipped))}
    printed = subprocess.run(words, env=variables, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout
    in_force = json.loads(printed.splitlines()[-1])
    lists = {n: json.loads(v) for n, v in in_force.items() if n.startswith("theme.") and str(v).startswith("[")}
    different = {name: in_force[name] for name, value in shipped.items() if {**in_force, **lists}[name] != value}
    check(not different, f"all {len(shipped)} settings are in force; others: {different}")


def dotted(table: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Settings by the names that Streamlit gives them, such as server.address."""
    found: dict[str, object] = {}
    for key, value in table.items():
        found |= dotted(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
    return found


@contextlib.contextmanager
def explorer() -> Iterator[int]:
    """The port of an explorer started by `invnet`, which then ends within seconds of Ctrl-C."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    server = subprocess.Popen([INVNET, "--no-browser", "--port", str(port)])
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health", server)
        yield port
        server.send_signal(signal.SIGINT)
        check(
            server.wait(20) in (0, 1, 130, -signal.SIGINT), "Ctrl-C ends the explorer"
        )  # 1: Streamlit says "Aborted!"
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()


def wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    """Returns when the address answers."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise SystemExit(f"FAILED: the explorer did not start (exit status {server.poll()})")


async def frame(port: int) -> None:
    """One request over the live route, and the picture that comes back."""
    request = {"id": 7, "model": "two_phase/fraction", "conditions": {"volume_fraction": 0.3}, "size": 64}
    async with websockets.connect(f"ws://127.0.0.1:{port}{ROUTE}") as route:
        await route.send(json.dumps(request))
        header, arrays = protocol.decode(bytes(await asyncio.wait_for(route.recv(), 60)))
    shapes = {name: array.shape for name, array in arrays.items()}
    check(
        header["id"] == 7 and (64, 64) in shapes.values(), f"the live route answers with a picture of 64 x 64: {shapes}"
    )


def loopback(port: int) -> None:
    """The server listens on 127.0.0.1 alone, although the folder's own settings say otherwise."""
    with socket.socket() as other:
        other.settimeout(2)
        check(other.connect_ex(("127.0.0.2", port)) != 0, "the explorer listens on 127.0.0.1 alone")


def main() -> int:
    """All checks, in the folder that is the working directory."""
    os.environ.pop(folders.VARIABLE, None)
    origin()
    samples()
    commands()
    settings()
    with explorer() as port:
        asyncio.run(frame(port))
        if sys.platform == "linux":
            loopback(port)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
