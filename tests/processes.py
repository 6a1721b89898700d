"""Processes that tests start, wait for and kill: forked from one that has imported everything, so that each starts at
once."""

import multiprocessing
import os
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType

import pytest

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["torch._dynamo", "train", "core.sampling.__main__", "core.problems.two_phase"])
FRESH = multiprocessing.get_context("spawn")
"""An interpreter of its own: sets have another order there."""


def run(words, environment, main, arguments):
    """In the child: says everything into a file, ends with what `main` returns."""
    os.environ.update(environment)
    with open(words, "wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    raise SystemExit(main(*arguments))


class Child:
    """A process that runs main(*arguments) with more in its environment."""

    def __init__(self, main, *arguments, environment=None, context=FORKED):
        handle, words = tempfile.mkstemp()
        os.close(handle)
        self.words = Path(words)
        self.process = context.Process(target=run, args=(words, environment or {}, main, arguments))
        with pytest.MonkeyPatch.context() as patch:  # children import the main module: after AppTest, a page
            patch.setitem(sys.modules, "__main__", ModuleType("__main__"))
            self.process.start()

    def running(self):
        return self.process.exitcode is None

    def kill(self):
        """kill -9; returns (whether it was still running, what it had said)."""
        running = self.running()
        self.process.kill()
        return running, self.wait()[1]

    def wait(self, seconds=600):
        """Returns (exit status, what it said)."""
        end = time.monotonic() + seconds
        self.process.join(seconds)
        assert time.monotonic() < end, "it does not end"
        said = self.words.read_text()
        self.words.unlink()
        return self.process.exitcode, said
