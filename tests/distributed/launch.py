"""Run a function on several processes of this machine, as torchrun would."""

import socket

from tests.processes import FORKED, FRESH, Child


def launch(processes, main, *arguments):
    """One child per rank on one free port, the first one forked, the others interpreters of their own; an error in any
    fails."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": str(processes), "OMP_NUM_THREADS": "1"}
    running = [
        Child(
            main,
            *arguments,
            environment={**common, "RANK": rank, "LOCAL_RANK": rank},
            context=FRESH if rank != "0" else FORKED,
        )
        for rank in map(str, range(processes))
    ]
    try:
        for child in running:
            status, said = child.wait()
            assert status == 0, said
    finally:
        for child in running:
            child.process.kill()
