"""`python train.py` without the measurements after it: the same loop, files and stops, in seconds; same arguments."""

import pytest

import train
from core.metrics import release
from core.training import inputs
from tests.calibration import shorten


def main(arguments):
    inputs.CALIBRATION_IMAGES = 16
    shorten(pytest.MonkeyPatch())
    release.finish = lambda *args, **options: print("finished")
    return train.main(arguments)
