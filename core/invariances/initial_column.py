"""The initial condition of an evolution equation: the first column of the field."""

from __future__ import annotations

from torch import Tensor

from core.types import Conditions, Invariance


class InitialColumn(Invariance):
    """Initial condition: L_b = mean over cells of (u(:, 0) - b)^2 with b = `conditions["initial"]` (B, X).

    Rows are x, columns t.

    Reference:
        InvNet (2019), eq. 6, as a mean instead of a sum over the column.
    """

    name = "initial"
    label = "Initial condition"
    unit = ""
    tolerance = 0.005
    source = "InvNet, eq. 6: the first column is the initial condition"

    def measure(self, fields: Tensor) -> Tensor:
        """The first column (B, X) of fields (B, 1, X, T').

        Raises:
            ValueError: there is not exactly one channel.
        """
        if fields.ndim != 4 or fields.shape[1] != 1:
            raise ValueError(f"Fields must have shape (B, 1, X, T); got {tuple(fields.shape)}.")
        return fields[:, 0, :, 0]

    def local(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """u(x, 0) - b(x) as one column, (B, X, 1).

        Raises:
            ValueError: the initial condition has another shape.
        """
        column, target = self.measure(fields), conditions[self.name]
        if target.shape != column.shape:
            raise ValueError(f"initial must have shape {tuple(column.shape)}; got {tuple(target.shape)}.")
        return (column - target.to(column))[..., None]

    def residual(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """Mean square of `local`; shape (B,)."""
        return self.local(fields, conditions).square().mean((1, 2))
