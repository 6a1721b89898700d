"""`python train.py` without the measurements after it: the same loop, files and stops, in seconds; same arguments."""

import train
from core.metrics import release
from core.training import inputs


def main(arguments):
    inputs.CALIBRATION_IMAGES = 16
    release.finish = lambda *args, **options: print("finished")
    return train.main(arguments)
