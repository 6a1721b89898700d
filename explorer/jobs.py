"""Long work in the background: commands in processes of low priority, each with a private folder, while the page stays
interactive.

A command prints lines `done/total`; the last line of its stderr is the message when it fails. Its output is read from a
pipe, so that it ends by itself soon after the explorer has ended."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Literal

import streamlit as st

ROOT = Path(__file__).resolve().parent.parent
MOST, KEPT = 3, 2 * 3600.0
"""Most jobs that run at once; seconds after which the results of a job are deleted."""
PRIORITY, PREFIX = 19, "invnet-explorer-job-"
LINE = re.compile(r"(\d+)/(\d+)\s*")
LONGEST_ERROR, GRACE = 400, 120.0
"""Most characters of an error message; seconds for which jobs wait for a page that has lost its connection."""

State = Literal["running", "done", "failed", "cancelled"]


class Job:
    """A running command. `folder` is its own and is deleted with it; `done` of `total` steps are finished."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        """Starts `python ARGUMENTS...` in the software's folder."""
        self.folder, self.done, self.total, self.started = folder, 0, 0, time.monotonic()
        self.seconds, self._cancelled = 0.0, False
        self._errors = folder / "errors.txt"
        with self._errors.open("w") as errors:
            self._process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                start_new_session=True,
            )
        os.setpriority(os.PRIO_PROCESS, self._process.pid, PRIORITY)
        self._reader = threading.Thread(target=self._follow, daemon=True)
        self._reader.start()

    def _follow(self) -> None:
        """Reads the lines of progress until the command ends."""
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                if progress := LINE.fullmatch(line):
                    self.done, self.total = int(progress[1]), int(progress[2])
        self._process.wait()
        self.seconds = time.monotonic() - self.started

    @property
    def state(self) -> State:
        """The state of the job."""
        if self._cancelled:
            return "cancelled"
        if self._reader.is_alive():
            return "running"
        return "failed" if self._process.returncode else "done"

    @property
    def share(self) -> float:
        """Share of the steps that are done, 0 to 1."""
        return self.done / self.total if self.total else 0.0

    @property
    def sentence(self) -> str:
        """Why it failed: the last line of its error output, or the signal that ended it."""
        lines = self._errors.read_text(errors="replace").strip().splitlines() if self._errors.exists() else []
        status = self._process.returncode
        if status is not None and status < 0:
            return f"The job was ended by signal {-status} (out of memory?). Request less, or try again."
        return lines[-1][:LONGEST_ERROR] if lines else f"The job ended with status {status} and no message. Try again."

    def close(self) -> None:
        """Ends the command if it runs, and deletes its folder."""
        self._cancelled = self._cancelled or self._reader.is_alive()
        self._process.kill()
        self._reader.join(10)
        shutil.rmtree(self.folder, ignore_errors=True)


def forget(parent: Path) -> None:
    """Deletes old folders of explorers that were killed from this folder."""
    for folder in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > 2 * KEPT:
                shutil.rmtree(folder)


class Jobs:
    """The jobs of one session, by name; all sessions together run at most `MOST` at once."""

    _running: ClassVar[list[Job]] = []
    _at_work: ClassVar[set[Jobs]] = set()
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """No jobs yet; `clock` gives seconds."""
        self._jobs: dict[str, Job] = {}
        self._clock = clock
        self._leaving: threading.Timer | None = None

    def start(self, name: str, command: Callable[[Path], Sequence[str]]) -> Job:
        """Starts `python` with `command(folder)` and drops the job that `name` had; `ValueError` with a sentence when
        too many run, or the machine has no room for another."""
        self.drop(name)
        with self._lock:
            Jobs._running = [job for job in Jobs._running if job.state == "running"]
            if len(Jobs._running) >= MOST:
                raise ValueError(f"{MOST} jobs run already on this machine. Wait for one to finish, or cancel it.")
            try:
                forget(Path(tempfile.gettempdir()))
                folder = Path(tempfile.mkdtemp(prefix=PREFIX))
                job = self._jobs[name] = Job(command(folder), folder)
            except OSError as error:
                raise ValueError(
                    f"The job could not be started ({error.strerror}). Make room in the temporary folder."
                ) from None
            Jobs._running.append(job)
            Jobs._at_work.add(self)
        return job

    def get(self, name: str) -> Job | None:
        """The job of that name; jobs older than `KEPT` are dropped first."""
        for old in [n for n, job in self._jobs.items() if self._clock() - job.started > KEPT]:
            self.drop(old)
        return self._jobs.get(name)

    def drop(self, name: str) -> None:
        """Ends the job and deletes its folder."""
        job = self._jobs.pop(name, None)
        if job is not None:
            job.close()

    def close(self) -> None:
        """Drops every job."""
        for name in list(self._jobs):
            self.drop(name)
        Jobs._at_work.discard(self)

    def leave(self, seconds: float) -> None:
        """Drops every job in `seconds`, unless `stay` is called: a page that lost its connection may come back."""
        self.stay()
        self._leaving = threading.Timer(seconds, self.close)
        self._leaving.daemon = True
        self._leaving.start()

    def stay(self) -> None:
        """Cancels `leave`: the page is connected."""
        if self._leaving:
            self._leaving.cancel()
            self._leaving = None

    @classmethod
    def close_all(cls) -> None:
        """Drops every job of every session, when the explorer ends."""
        for jobs in list(cls._at_work):
            jobs.close()


atexit.register(Jobs.close_all)


@st.cache_resource(scope="session", on_release=lambda jobs: jobs.leave(GRACE), show_spinner=False)
def _present(_jobs: Jobs) -> Jobs:
    """The same jobs, while the session's page is connected."""
    return _jobs


def mine() -> Jobs:
    """The jobs of this session, which end soon after its page is closed."""
    jobs: Jobs = st.session_state.setdefault("jobs", Jobs())
    jobs.stay()
    return _present(jobs)
