"""Module paths of version 0.1 that moved: they still import in this version, with a `DeprecationWarning`.

Version 0.3 will remove them.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import warnings
from collections.abc import Sequence
from types import CodeType, ModuleType

MOVED = {
    "core.models.decoder": "core.models.burgers_baselines",
    "core.models.pinn": "core.models.burgers_baselines",
    "core.companions": "core.problems.points",
    "core.companions.inverse": "core.problems.points.inverse",
    "core.models.blobs": "core.models.shapes",
    "core.models.crystal": "core.models.polycrystal",
    "core.models.digits": "core.models.motif",
    "core.models.ema": "core.training.ema",
    "core.models.family": "core.models.burgers",
    "core.models.generator": "core.models.two_phase",
    "core.models.offsets": "core.models.optimal_transport",
    "core.models.physics": "core.models.cahn_hilliard_layer",
    "core.models.points": "core.models.inverse",
    "core.models.textures": "core.models.two_phase_plain",
    "core.models.threshold": "core.models.grain_growth_layer",
    "core.refinement": "core.projection.two_point",
    "core.sampling.carrying": "core.sampling.custom_motif",
    "core.simulation.burgers_initial": "core.simulation.burgers.initial",
    "core.simulation.burgers_live": "core.simulation.burgers.interactive",
    "core.simulation.burgers_makers": "core.simulation.burgers.solvers",
    "core.simulation.burgers_schemes": "core.simulation.burgers.schemes",
    "core.simulation.colouring": "core.readers.colouring",
    "core.simulation.components": "core.descriptors.components",
    "core.simulation.crystals": "core.readers.misorientation",
    "core.simulation.descriptors": "core.descriptors.two_phase",
    "core.simulation.dream3d": "core.readers.dream3d",
    "core.simulation.grain_statistics": "core.descriptors.grains",
    "core.simulation.idx": "core.readers.idx",
    "core.simulation.micrographs": "core.descriptors.windows",
    "core.simulation.morphometry": "core.descriptors.shapes",
    "core.simulation.own_curves": "core.readers.curves",
    "core.simulation.own_files": "core.readers.arrays",
    "core.simulation.own_hdf5": "core.readers.hdf5",
    "core.simulation.own_labels": "core.readers.labels",
    "core.simulation.own_maps": "core.readers.maps",
    "core.simulation.own_uploads": "core.readers.uploads",
    "core.simulation.thresholds": "core.readers.otsu",
    "core.training.gan_lab": "core.theory.gan_lab",
    "core.training.gan_report": "core.theory.gan_report",
    "core.training.gan_theory": "core.theory.gan_exact",
    "core.training.linear_game": "core.theory.linear_game",
    "core.training.linear_theory": "core.theory.linear_exact",
    "core.training.points": "core.training.point_game",
}
"""New path by old path."""


class _Alias(importlib.abc.InspectLoader):
    """Loads the module at the new path under the old name."""

    def exec_module(self, module: ModuleType) -> None:
        """Warns, and puts the module at the new path under the old name."""
        old = module.__name__
        warnings.warn(f"{old} is now {MOVED[old]}; version 0.3 removes the old path.", DeprecationWarning, stacklevel=2)
        sys.modules[old] = importlib.import_module(MOVED[old])

    def get_source(self, fullname: str) -> None:
        """None: an alias has no source."""
        return None

    def get_code(self, fullname: str) -> CodeType:
        """For `python -m` with the old path: code that runs the new module as the main program."""
        new = MOVED[fullname]
        text = (
            "import runpy, warnings\n"
            f"warnings.warn('{fullname} is now {new}; use python -m {new}.', DeprecationWarning)\n"
            f"runpy.run_module({new!r}, run_name='__main__', alter_sys=True)\n"
        )
        return compile(text, fullname, "exec")


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the old paths."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A spec for a path that moved, else None."""
        if fullname not in MOVED:
            return None
        return importlib.machinery.ModuleSpec(fullname, _Alias(), is_package=fullname == "core.companions")


def install() -> None:
    """Makes the old paths importable; repeated calls have no effect."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
