"""The initial condition of an evolution equation: the first column of the field."""

from __future__ import annotations

from torch import Tensor

from core.types import Conditions, Invariance


class InitialColumn(Invariance):
    """L_b = mean over cells of (u(:, 0) - b)^2 with b = `conditions["initial"]` (B, X); rows x, columns t.

    Source: InvNet (2019), eq. 6, as a mean instead of a sum over the column.
    """

    name = "initial"
    label = "Initial condition"
    unit = ""
    tolerance = 0.005
    source = "InvNet, eq. 6: the first column is the initial condition"

    def measure(self, fields: Tensor) -> Tensor:
        """The first column of fields (B, 1, X, T'); shape (B, X). `ValueError` for another number of channels."""
        if fields.ndim != 4 or fields.shape[1] != 1:
            raise ValueError(f"Fields must have shape (B, 1, X, T); got {tuple(fields.shape)}.")
        return fields[:, 0, :, 0]

    def local(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """u(x, 0) - b(x), one column, (B, X, 1); `ValueError` for an initial condition of another shape."""
        column, wanted = self.measure(fields), conditions[self.name]
        if wanted.shape != column.shape:
            raise ValueError(f"initial must have shape {tuple(column.shape)}; got {tuple(wanted.shape)}.")
        return (column - wanted.to(column))[..., None]

    def residual(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """Mean square of `local`; shape (B,)."""
        return self.local(fields, conditions).square().mean((1, 2))
