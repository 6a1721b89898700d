"""Simulation: simulators, exact solutions and the data sources made of them, all independent of any network.

The results serve as training data, references and baselines. Statistics of arrays are in `core.descriptors`, files of
users in `core.readers`; the room never imports `core.invariances`, so that it can check them independently.
"""
