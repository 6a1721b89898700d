"""Readers: files of users become arrays, labels, curves and data sources, checked before they are decoded.

A file is identified by its first bytes, limits are checked in its headers, and what cannot be used raises `ValueError`
with a sentence. The room writes nothing; what is computed from the arrays is in `core.descriptors`, and the project's
own simulations are in `core.simulation`.
"""
