"""One file per problem; composition only. `core.discovery` finds them by file name.

The package can be called: once a problem is imported, Python replaces the function `core.problems` by this
package, and `core.problems()` must still list the names."""

from __future__ import annotations

import sys
from types import ModuleType

from core import discovery


class _Listing(ModuleType):
    """A package that returns the names of its problems when it is called."""

    def __call__(self) -> tuple[str, ...]:
        """Names of all problems, sorted."""
        return discovery.problems()


sys.modules[__name__].__class__ = _Listing
