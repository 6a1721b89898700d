"""Generators that read their statistics in a third of the time, for tests in which no number depends on it."""

from functools import partialmethod

from core.models.cahn_hilliard_layer import PhysicsLayer


def shorten(patch):
    """Two rounds of calibration of the two-phase physics instead of eight, until `patch` (a MonkeyPatch) ends."""
    patch.setattr(PhysicsLayer, "calibrate", partialmethod(PhysicsLayer.calibrate, rounds=2))
