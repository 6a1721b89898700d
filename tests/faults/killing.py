"""Start a training, kill it at a random moment with kill -9, start it again: for test_kill.py and the kill
benchmark."""

import json
import random
import time

from core import checkpoint
from tests.processes import FORKED, Child

NAME = "two_phase/fraction"


class Training:
    """The same main(arguments) again and again, in a folder of its own; `log` is what it appends a line to after every
    step."""

    def __init__(self, folder, cache, main, *arguments, context=FORKED):
        self.folder, self.main, self.context = folder, main, context
        folders = ["--runs", str(folder / "runs"), "--out", str(folder / "out")]
        self.arguments = [NAME, "--tiny", "--device", "cpu", "--save-every", "1", *folders, *arguments]
        self.environment = {"INVNET_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
        self.log = folder / "runs" / NAME / "metrics.jsonl"

    def start(self):
        """The process."""
        return Child(self.main, self.arguments, environment=self.environment, context=self.context)

    def finish(self):
        """Run to the end; returns what it said, remembers how long it took."""
        began = time.perf_counter()
        status, said = self.start().wait()
        assert status == 0, said
        self.seconds = time.perf_counter() - began
        return said

    def kill_after(self, seconds, lines=0):
        """kill -9 `seconds` after the log has grown by `lines`; returns (whether it was still running, what it had
        said)."""
        goal, child = self.steps() + lines, self.start()
        while self.steps() < goal and child.running():
            time.sleep(0.002)
        time.sleep(seconds)
        return child.kill()

    def steps(self):
        """Number of lines in the log."""
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0

    def pace(self):
        """Seconds of a step, from the log."""
        return json.loads(self.log.read_text().splitlines()[-1])["seconds"] / self.steps()

    def weights(self):
        """The final training state."""
        return checkpoint.load(self.folder / "runs" / NAME / "state.safetensors").tensors


def differing(one, two):
    """Names of the tensors that are not the same bits."""
    shared = one.keys() & two.keys()
    return sorted(one.keys() ^ two.keys()) + [k for k in shared if one[k].numpy().tobytes() != two[k].numpy().tobytes()]


def moments(seed, kills, calm):
    """Random (seconds, steps) to wait before each kill, on this machine's scale as the undisturbed training `calm`
    shows it.

    One in four anywhere in the start-up, the others after a step and within the next two: in a step, in a save, between
    them."""
    rng = random.Random(seed)
    start, steps = min(2.5, 0.3 * calm.seconds), 2 * calm.pace()
    return [(rng.uniform(0, start), 0) if n % 4 == 0 else (rng.uniform(0, steps), 1) for n in range(kills)]
