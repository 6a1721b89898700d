"""`python train.py` without the measurements after it: the same loop, files and stops, in seconds; same arguments."""

import train

if __name__ == "__main__":
    train.CALIBRATION_IMAGES = 24
    train.finish = lambda *args: print("finished")
    raise SystemExit(train.main())
