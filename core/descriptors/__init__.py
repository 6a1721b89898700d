"""Descriptors: statistics of finished arrays, by which structures, grains, shapes and micrographs are judged.

`two_phase` and `grains` measure periodic batches, `windows` a single micrograph without periodicity, `shapes` one mask.
They are not differentiable losses (these are in `core.invariances`, which this room never imports) and make no
structures (`core.simulation`).
"""
