"""`python train.py` without the measurements after it: the same loop, files and stops, in seconds; same arguments."""

import train


def main(arguments):
    train.CALIBRATION_IMAGES = 16
    train.finish = lambda *args: print("finished")
    return train.main(arguments)
