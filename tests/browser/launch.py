"""Starts the explorer for browser tests and benchmarks: `python launch.py SCRIPT PORT CHECKPOINTS [MORE-PROBLEMS]`."""

from __future__ import annotations

import contextlib
import importlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CANDIDATES = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")


def browser() -> str | None:
    """Path of the browser: `INVNET_BROWSER`, or the first of the usual places; None when there is none."""
    places = [os.environ.get("INVNET_BROWSER", ""), *CANDIDATES]
    return next((p for p in places if p and Path(p).is_file()), None)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextlib.contextmanager
def explorer(
    checkpoints: Path, script: str = "explorer/app.py", problems: Path | None = None, patience: float = 240
) -> Iterator[str]:
    """The address of a running explorer that reads this folder of checkpoints; stopped on the way out.

    Files in the folder `problems` are problems too, as if they lay in `core/problems`.
    """
    port = free_port()
    command = [
        sys.executable,
        str(Path(__file__)),
        script,
        str(port),
        str(checkpoints),
        *([str(problems)] if problems else []),
    ]
    server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"})
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/_stcore/health", server, patience)
        yield address
    finally:
        server.terminate()
        server.wait(20)


def wait_for(address: str, server: subprocess.Popen, patience: float) -> None:
    """Returns when the address answers; `RuntimeError` when the server ends or `patience` seconds have passed."""
    end = time.monotonic() + patience
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"The explorer did not start within {patience} s (exit status {server.poll()}).")


def main(script: str, port: str, checkpoints: str, problems: str = "") -> None:
    """Runs Streamlit in this process, on the given checkpoints."""
    sys.path.insert(0, str(ROOT))
    import core.sampling

    core.sampling.CHECKPOINTS = Path(checkpoints)
    if problems:
        importlib.import_module("core.problems").__path__.append(problems)
    from streamlit.web import cli

    sys.argv = ["streamlit", "run", str(ROOT / script), "--server.headless", "true", "--server.port", port]
    cli.main()


if __name__ == "__main__":
    main(*sys.argv[1:5])
