"""Tables of quality: thresholds and code refer to rows by id; tables, cards and pages show their labels."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from core.types import Row, Threshold

Values = Mapping[Row, float]
"""Row -> measured value: one column of a table."""


def slug(name: str) -> str:
    """A name as part of an id: lower-case letters, digits and underscores."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def tabulated(columns: Mapping[str, Values], thresholds: Sequence[Threshold] = (), column: str = "") -> pd.DataFrame:
    """The table of these columns, its rows by id in the order of their first appearance.

    Two columns come first: `label`, and `bar`, the threshold on a row such as `<= 0.01`, empty where there is none.

    Args:
        columns: name of a column -> its values.
        thresholds: thresholds of the problem.
        column: thresholds of this column are listed in `bar` too; those of other named columns are not.
    """
    rows = dict.fromkeys(row for values in columns.values() for row in values)
    bars = {t.row: t.text for t in thresholds if t.column in ("", column)}
    numbers = {name: [values.get(row, math.nan) for row in rows] for name, values in columns.items()}
    table = pd.DataFrame(numbers, index=[row.id for row in rows])
    table.insert(0, "label", [row.label for row in rows])
    table.insert(1, "bar", [bars.get(row.id, "") for row in rows])
    return table


def displayed(table: pd.DataFrame) -> pd.DataFrame:
    """The table indexed by its labels instead of its ids."""
    return table.set_index("label").rename_axis(None) if "label" in table.columns else table


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as a manifest holds them: the label as `quantity`, and the measured values."""
    return [
        {"quantity": str(label), **{str(k): v for k, v in row.items() if v == v}}
        for label, row in displayed(table).iterrows()
    ]


def labelled(values: Values) -> dict[str, float]:
    """Label -> value, as a trace holds a column."""
    return {row.label: value for row, value in values.items()}
