"""Whether two checkouts compute the same, to the bit: samples, frames, files, quality, data and training steps.

    python -m tests.benchmarks.same OLD_CHECKOUT [NEW_CHECKOUT] [--words]

A probe runs in each checkout (one thread, empty cache) and writes what it computed; the results are compared by name.
Numbers, booleans, arrays, the keys of headers and files, and names of the protocol must be equal. Sentences and labels
may change by intention: they are counted as reworded (`--words` prints both texts), only how many there are must be
equal; the description of a panel's controls may gain entries. Not compared: times (`ms`, `times`, `seconds`,
`milliseconds`) and versions (`software`, `versions`).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

PROBE = Path(__file__).with_name("probe.py")
SHOWN = 40
"""Most differences that are named in each group."""


def start(checkout: Path, folder: Path) -> subprocess.Popen[bytes]:
    """The probe of a checkout, writing into the folder."""
    folder.mkdir()
    settings = {
        "PYTHONPATH": str(checkout),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "INVNET_CACHE": str(folder / "cache"),
    }
    settings |= {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    environment = {k: v for k, v in os.environ.items() if k != "INVNET_CHECKPOINTS"} | settings
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, str(PROBE), str(folder)], cwd=checkout, env=environment, stderr=log, stdout=log
        )


def read(folder: Path) -> dict[str, Any]:
    """What a probe found; `SystemExit` with the end of its log when it did not get to the end."""
    path = folder / "found.json"
    if not path.exists():
        raise SystemExit(f"The probe failed:\n{(folder / 'log').read_text(errors='replace')[-4000:]}")
    return json.loads(path.read_text(encoding="utf-8")) | {"values": np.load(folder / "values.npz")}


def gap(name: str, old: dict[str, Any], new: dict[str, Any]) -> str:
    """How far two values are apart, in words."""
    if not (name in old["hashes"] and name in new["hashes"]):
        return "only in OLD" if name in old["hashes"] else "only in NEW"
    if not (name in old["kept"] and name in new["kept"]):
        return "differs"
    a, b = (found["values"][found["kept"][name]] for found in (old, new))
    if a.shape != b.shape or a.dtype != b.dtype:
        return f"{a.dtype}{list(a.shape)} and {b.dtype}{list(b.shape)}"
    wide = (a.astype(np.complex128) - b.astype(np.complex128), np.isnan(a) != np.isnan(b))
    return f"max |difference| {np.nanmax(np.abs(wide[0]), initial=0):.3g} of {a.size}, {int((a != b).sum())} entries"


def compare(old: dict[str, Any], new: dict[str, Any], words: bool) -> bool:
    """Prints a table and every difference; whether all is equal."""
    table: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    differences: dict[str, list[str]] = defaultdict(list)
    for name in dict.fromkeys([*old["hashes"], *new["hashes"]]):
        group = name.split("|", 1)[0]
        if group == "panels" and (name.endswith(".keys") or name not in old["hashes"]):
            continue
        same = old["hashes"].get(name) == new["hashes"].get(name)
        table[group][0 if same else 1] += 1
        if not same:
            differences[group].append(f"  {name.split('|', 1)[1]}: {gap(name, old, new)}")
    for name in dict.fromkeys([*old["words"], *new["words"]]):
        texts = [found["words"].get(name) for found in (old, new)]
        table[name.split("|", 1)[0]][2] += texts[0] != texts[1]
        if words and texts[0] != texts[1]:
            print(f"reworded {name}\n    {texts[0]}\n    {texts[1]}")
    for group, (equal, different, reworded) in table.items():
        print(f"{group:<10}{equal:7d} equal {different:6d} different {reworded:6d} reworded")
        print("".join(f"{line}\n" for line in differences[group][:SHOWN]), end="")
        if len(differences[group]) > SHOWN:
            print(f"  and {len(differences[group]) - SHOWN} more")
    failures = [(label, *item) for label, found in (("OLD", old), ("NEW", new)) for item in found["failed"].items()]
    for label, name, trace in failures:
        print(f"failed in {label}: {name}\n{trace}")
    return not failures and not any(differences.values())


def main(argv: Sequence[str] | None = None) -> int:
    """Runs both probes side by side and compares; 0 when all is equal to the bit, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.same", description=__doc__.splitlines()[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path, nargs="?", default=Path(__file__).resolve().parents[3])
    parser.add_argument("--words", action="store_true", help="print the texts that are not the same")
    given = parser.parse_args(argv)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="same-") as name:
        folders = [Path(name) / label for label in ("old", "new")]
        probes = [start(c.resolve(), f) for c, f in zip((given.old, given.new), folders, strict=True)]
        for probe in probes:
            probe.wait()
        equal = compare(*(read(folder) for folder in folders), given.words)
    print(f"{time.monotonic() - begun:.0f} s")
    print("equal to the bit" if equal else "DIFFERENT")
    return 0 if equal else 1


if __name__ == "__main__":
    raise SystemExit(main())
