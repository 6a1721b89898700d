"""A bulk set whose processes are killed or stopped at any moment: nothing looks finished, nothing is lost, nobody stays
behind."""

import os
import signal
import time
from pathlib import Path

import pytest

from core.sampling.__main__ import main
from tests.core.sampling.test_bulk import contents, same
from tests.processes import Child

ASKED = ("two_phase/fraction", "-n", "320", "--size", "64")


class Bulk:
    """The same command again and again, with two workers."""

    def __init__(self, folder):
        self.out, self.parts = folder / "a.h5", folder / "a.h5.parts"

    def start(self):
        """The process."""
        return Child(main, [*ASKED, "--workers", "2", "--out", str(self.out)], environment={"OMP_NUM_THREADS": "1"})

    def blocks(self):
        """Finished blocks."""
        return {p.name for p in self.parts.glob("*.h5")}

    def end(self, number, blocks):
        """Send a signal once so many blocks are finished; returns (exit status, what it said)."""
        child = self.start()
        while len(self.blocks()) < blocks and child.running():
            time.sleep(0.005)
        family = {child.process.pid, *descendants(child.process.pid)}
        os.kill(child.process.pid, number)
        status, said = child.wait(120)
        deadline = time.monotonic() + 60
        while any(alive(pid) for pid in family) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(family) > 2 and not any(alive(pid) for pid in family)
        return status, said


def descendants(pid):
    """Process ids of the children and theirs."""
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return
    for child in map(int, listed.split()):
        yield child
        yield from descendants(child)


def alive(pid):
    """Whether the process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts processes in /proc")
def test_killed_and_stopped_the_same_command_ends_with_the_same_file(tmp_path):
    bulk = Bulk(tmp_path)
    status, _ = bulk.end(signal.SIGKILL, 1)
    kept = bulk.blocks()
    assert status == -signal.SIGKILL and kept and not bulk.out.exists()
    status, said = bulk.end(signal.SIGTERM, len(kept) + 1)
    assert (
        status == 130
        and "Stopped by SIGTERM after" in said
        and "the same command continues" in said
        and "Traceback" not in said
    )
    assert kept < bulk.blocks() and not bulk.out.exists()
    status, said = bulk.start().wait(120)
    assert status == 0 and said == f"written: {bulk.out}, 320 samples of 64 x 64\n"
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]
    assert main([*ASKED, "--workers", "1", "--out", str(tmp_path / "b.h5")]) == 0
    assert same(contents(bulk.out), contents(tmp_path / "b.h5")) == []
