"""A crash or a full disk while a checkpoint is written leaves the old file or the new one, never half of one."""

import io
import os

import pytest

from core import checkpoint as room
from core import files
from core.checkpoint import load, save, seal
from core.types import Checkpoint
from tests.faults.checkpoints import MANIFEST, tensors


def crashing(patched, nth, error):
    """Every operation of a save is counted; operation nth // 2 raises instead of (even nth) or after (odd nth) its
    work."""
    count = {"n": 0}

    def step(real):
        def call(*args, **kwargs):
            count["n"] += 1
            now = count["n"]
            if now * 2 == nth:
                raise error
            result = real(*args, **kwargs)
            if now * 2 + 1 == nth:
                if isinstance(result, io.FileIO):
                    result.close()
                raise error
            return result

        return call

    class File(io.FileIO):
        def write(self, blob):
            return first(self, blob[: len(blob) // 2]) + second(self, blob[len(blob) // 2 :])

    first, second = step(io.FileIO.write), step(io.FileIO.write)
    patched.setattr(files, "open", step(File), raising=False)
    for name in ("fsync", "replace", "open", "close"):
        patched.setattr(files.os, name, step(getattr(os, name)))
    return count


class Killed(BaseException):
    """Stands for the process ending here: nothing below catches it by name."""


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("tidies", [True, False])
@pytest.mark.parametrize("nth", range(2, 22))
def test_a_crash_while_writing_leaves_the_old_or_the_new(path, monkeypatch, nth, tidies, fresh):
    old = load(path).digest
    if fresh:
        path.unlink()
    new = Checkpoint(tensors(seed=1), MANIFEST)
    with monkeypatch.context() as patched:
        if not tidies:  # a process that is killed cannot even remove its partial file
            patched.setattr(type(path), "unlink", lambda *a, **k: None)
        count = crashing(patched, nth, Killed())
        try:
            save(path, new)
            happened = False
        except Killed:
            happened = True
    assert happened == (nth < 20) and (happened or count["n"] == 9)
    if path.exists() or not fresh:
        assert load(path).digest in {old, seal(new.tensors, room.plain(MANIFEST))}
    assert not tidies or list(path.parent.iterdir()) in ([], [path])
    assert save(path, new) == load(path).digest  # and the next save works
    assert [f.name for f in path.parent.iterdir()] == [path.name]


def test_a_full_disk_leaves_the_old(path, monkeypatch):
    old = path.read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(path, Checkpoint(tensors(1), MANIFEST))
    assert path.read_bytes() == old and [f.name for f in path.parent.iterdir()] == [path.name]
