"""The colours of fields, for the panel, the pages and the files: two phases, Okabe-Ito for categories, magma for
values."""

from __future__ import annotations

import numpy as np

from core.types import Array, Field

OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
MAGMA = ("#000004", "#180F3D", "#440F76", "#721F81", "#9E2F7F", "#CD4071", "#F1605D", "#FD9668", "#FECA8D", "#FCFDBF")
GREYS = ("#000000", "#FFFFFF")
DIVERGING = {
    False: (
        "#001261",
        "#023E7D",
        "#1E6F9D",
        "#71A7C4",
        "#C8DCE6",
        "#F4F1EF",
        "#E8C9B5",
        "#D29874",
        "#B95D2D",
        "#8B2E07",
        "#590008",
    ),
    True: (
        "#9EB0FF",
        "#5BA4DB",
        "#2D7597",
        "#1A4256",
        "#11191E",
        "#0E0D0D",
        "#280D01",
        "#501803",
        "#8A4F3F",
        "#C68580",
        "#FFADAD",
    ),
}
"""Below and above 0, in the light and the dark theme: perceptually uniform, after Crameri's vik and berlin."""
PHASES = {False: ("#F3EBDC", "#0B5C94"), True: ("#14263A", "#F2B134")}
"""Phase 0 and phase 1, in the light and the dark theme."""


GROUND = {False: "#E9EDF1", True: "#1B2733"}
"""Colour of the label `background`, in the light and the dark theme."""


def stops(field: Field, dark: bool = False) -> tuple[str, ...]:
    """One colour per label; for a continuous field the stops of its ramp from `low` to `high`."""
    if field.kind == "categorical":
        last = "#FFFFFF" if dark else OKABE_ITO[-1]
        ground = (GROUND[dark],) if field.labels[:1] == ("background",) else ()
        return (*ground, *OKABE_ITO[:-1], last)
    return PHASES[dark] if field.kind == "binary" else GREYS if field.ramp == "grey" else MAGMA


def colours(field: Field, dark: bool = False) -> Array:
    """The palette that uint8 indices of a picture point into: uint8 (k, 3), 256 steps for a continuous field."""
    table = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in stops(field, dark)], dtype=float)
    if field.kind == "continuous":
        at = np.linspace(0, len(table) - 1, 256)
        table = np.stack([np.interp(at, np.arange(len(table)), column) for column in table.T], 1)
    return np.rint(table).astype(np.uint8)


def indices(field: Field, arrays: Array) -> Array:
    """Continuous values, of any shape, as uint8 indices into `colours`; see `Field.gamma`."""
    share = np.clip((arrays - field.low) / (field.high - field.low), 0, 1)
    return np.rint(255 * share**field.gamma).astype(np.uint8)
