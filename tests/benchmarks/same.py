"""Do two checkouts behave the same, to the bit? `python -m tests.benchmarks.same OLD [NEW]` (some minutes).

The probe (`same_probe.py`) runs in each checkout as a process of its own, with one thread: samples of every shipped
checkpoint, live frames of every page and lab, one exported file of each kind, quality rows, a few training steps. Each
number, flag and array has a name; this program compares them and prints a line per group, each difference, and a last
line: `equal to the bit` (exit status 0) or `DIFFERENT` (1). Times and the words of pages are left out; the names of
fields and files are not.
"""

from __future__ import annotations

import argparse
import collections
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parents[2]
PROBE = Path(__file__).with_name("same_probe.py")
MOST = 20
"""Most differences that are printed for a group."""


def probe(checkout: Path, out: Path) -> subprocess.Popen[bytes]:
    """Starts the probe in a checkout; it writes the arrays into `out`."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    environment.pop("INVNET_CHECKPOINTS", None)
    environment["INVNET_CACHE"] = str(out.parent / f"cache-{out.stem}")
    return subprocess.Popen([sys.executable, str(PROBE), str(out)], cwd=checkout, env=environment)


def compare(old: np.lib.npyio.NpzFile, new: np.lib.npyio.NpzFile) -> dict[str, tuple[int, list[str]]]:
    """Group -> number of values, and a line for each that differs."""
    result: dict[str, tuple[int, list[str]]] = collections.defaultdict(lambda: (0, []))
    for name in sorted({*old.files, *new.files}):
        group = name.split("/", 1)[0]
        count, lines = result[group]
        line = difference(name, old[name] if name in old.files else None, new[name] if name in new.files else None)
        result[group] = (count + 1, [*lines, line] if line else lines)
    return dict(result)


def difference(name: str, old: np.ndarray | None, new: np.ndarray | None) -> str:
    """What differs between two values of one name; empty where they are equal to the bit."""
    if old is None or new is None:
        return f"{name}: only in the {'new' if old is None else 'old'} checkout"
    if old.dtype != new.dtype or old.shape != new.shape:
        return f"{name}: {old.dtype} {old.shape} became {new.dtype} {new.shape}"
    if old.tobytes() == new.tobytes():
        return ""
    if old.dtype.kind in "US":
        return f"{name}: {str(old)[:80]!r} became {str(new)[:80]!r}"
    apart = np.abs(old.astype(np.float64) - new.astype(np.float64))
    return f"{name}: {np.count_nonzero(apart)} of {apart.size} values differ, by {np.nanmax(apart):.3g} at most"


def main(arguments: list[str] | None = None) -> int:
    """Runs both probes, prints what differs; 0 when nothing does."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.same", description=__doc__.splitlines()[0])
    parser.add_argument("old", type=Path, help="a checkout of the version before")
    parser.add_argument("new", type=Path, nargs="?", default=HERE, help="the other one (default: this one)")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{name}.npz" for name in ("old", "new")]
        runs = [probe(c.resolve(), f) for c, f in zip((given.old, given.new), files, strict=True)]
        if any([run.wait() for run in runs]):
            print("A probe failed; its error is above.")
            return 1
        with np.load(files[0], allow_pickle=False) as old, np.load(files[1], allow_pickle=False) as new:
            groups = compare(old, new)
    for group, (count, lines) in groups.items():
        print(f"{group:<12} {count - len(lines):>6} equal {len(lines):>6} different")
        for line in lines[:MOST]:
            print(f"  {line}")
    same = not any(lines for _, lines in groups.values())
    print("equal to the bit" if same else "DIFFERENT")
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
