"""Tables of numbers as users write them: separators, remarks, decimal commas, blanks, names and units of columns."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.readers.arrays import bad
from core.types import Array

ROWS, FEWEST, DIGITS = 100_000, 4, 40
"""Most lines of a table, fewest lines of numbers, most characters of a number."""
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([ed][+-]?\d+)?|nan|[+-]?inf(inity)?", re.IGNORECASE)
WHOLE = re.compile(r"[+-]?\d{1,20}", re.ASCII)
REMARKS = ("#", "%", "//", "!")
"""Beginnings of a remark."""
MISSING = {"", "na", "n/a", "#n/a", "null", "none", "-", "--"}
"""Cells that hold no number."""
SEPARATORS = (";", "\t", "|", ",", "")
"""Separators in the order in which they are tried; the empty one is any blanks."""
LENGTHS: dict[str, tuple[float, str]] = {
    **dict.fromkeys(("px", "pix", "pixel", "pixels", "vx", "voxel", "voxels"), (1.0, "px")),
    **dict.fromkeys(("å", "angstrom", "angstroms", "ångström"), (0.1, "nm")),
    **dict.fromkeys(("nm", "nanometer", "nanometers", "nanometre", "nanometres"), (1.0, "nm")),
    **dict.fromkeys(("um", "μm", "micron", "microns"), (1.0, "µm")),
    **dict.fromkeys(("micrometer", "micrometers", "micrometre", "micrometres"), (1.0, "µm")),
    **dict.fromkeys(("mm", "millimeter", "millimeters", "millimetre", "millimetres"), (1.0, "mm")),
    **dict.fromkeys(("cm", "centimeter", "centimeters", "centimetre", "centimetres"), (1.0, "cm")),
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), (1.0, "m")),
}
"""Units of length in names of columns: how many of the second unit one of the first is."""


@dataclass(frozen=True)
class Table:
    """Columns of numbers.

    Attributes:
        names: names of the columns, empty where the table has no names.
        columns: numbers (columns, lines), NaN where a cell is blank.
        labels: texts of the column of text (lines,), empty where there is none.
    """

    names: tuple[str, ...]
    columns: Array
    labels: tuple[str, ...] = ()


def parse(name: str, text: str) -> Table:
    """The table in a text.

    Columns are separated by semicolons, tabs, commas or blanks; `#`, `%`, `//` and `!` begin remarks; cells may be
    quoted, blank or padded; a comma within a cell is a decimal point. Names of columns stand above the numbers or in
    the last remark above them; lines before them are ignored.

    Args:
        name: name of the file, for messages.
        text: content of the file.

    Raises:
        ValueError: the text is not such a table.
    """
    lines = [line.strip(" \r\n\v\f") for line in text.splitlines() if line.strip()]
    if len(lines) > ROWS:
        raise bad(Path(name), f"has {len(lines)} lines; at most {ROWS} are read")
    remarks = [line.lstrip("#%/! \t") for line in lines if line.lstrip().startswith(REMARKS)]
    body = [_bare(line) for line in lines if not line.lstrip().startswith(REMARKS)]
    separator = max(SEPARATORS, key=lambda s: sum(_fit(cells(line, s)) for line in body[-40:]))
    rows = [cells(line, separator) for line in body]
    widths = Counter(len(row) for row in rows if _numeric(row) >= 2)
    width = widths.most_common(1)[0][0] if widths else 0
    start = next((i for i, row in enumerate(rows) if len(row) == width and _numeric(row) >= 2), 0)
    if width < 2 or len(rows) - start < FEWEST:
        raise bad(Path(name), f"is no table of two columns (distance, S2) with {FEWEST} lines of numbers or more")
    if separator == "," and (joined := _joined(rows[start:], width)):
        rows, width = [*rows[:start], *joined], width // 2
    data = [row[:width] + [""] * (width - len(row)) if not any(row[width:]) else row for row in rows[start:]]
    spoken = [j for j in range(width) if all(_text(row[j]) for row in data)][:1]
    kept = [j for j in range(width) if j not in spoken]
    numbers = np.full((len(data), len(kept)), np.nan)
    for i, row in enumerate(data):
        if len(row) != width or any(_text(row[j]) for j in kept):
            raise bad(
                Path(name), f"has no {width} numbers in line {start + i + 1} of its table: {' '.join(row)[:60]!r}"
            )
        numbers[i] = [np.nan if (v := number(row[j])) is None else v for j in kept]
    names = _names(name, body[:start], remarks, separator, width)
    labels = tuple(row[spoken[0]] for row in data) if spoken else ()
    return Table(tuple(names[j] for j in kept) if names else (), numbers.T, labels)


def _joined(rows: Sequence[Sequence[str]], width: int) -> list[list[str]]:
    """Decimal commas between commas, as in `0,5,0,27`: pairs of whole numbers joined; empty where these are none."""
    if width < 4 or width % 2 or not all(len(r) == width and all(map(WHOLE.fullmatch, r)) for r in rows):
        return []
    return [[f"{a}.{b}" for a, b in zip(row[::2], row[1::2], strict=True)] for row in rows]


def _bare(line: str) -> str:
    """The line without a remark behind its numbers."""
    return re.split(r"\s(?:[#%!]|//)", line)[0].strip(" ") if line[0] in "+-.0123456789" else line


def cells(line: str, separator: str) -> list[str]:
    """The cells of a line without their quotes; the empty separator is any blanks."""
    if not separator:
        return [c.strip('"') for c in line.split()]
    if '"' in line:
        try:
            return [c.strip() for c in next(csv.reader([line], delimiter=separator, skipinitialspace=True))]
        except (csv.Error, StopIteration):
            pass
    return [c.strip().strip("\"'") for c in line.split(separator)]


def number(text: str) -> float | None:
    """The number that a cell represents, with a decimal comma or point; None for any other text."""
    plain = text.replace(",", ".") if "." not in text else text
    if len(plain) > DIGITS or not NUMBER.fullmatch(plain):
        return None
    return float(re.sub("[dD]", "e", plain) if plain[-1].isdigit() else plain)


def _numeric(row: Sequence[str]) -> int:
    """How many cells are numbers."""
    return sum(number(c) is not None for c in row[:64])


def _fit(row: Sequence[str]) -> int:
    """2 for a row of numbers and blanks, 1 for one with text too, 0 for one with fewer than two numbers."""
    return 0 if _numeric(row) < 2 else 1 if any(map(_text, row[:64])) else 2


def _text(cell: str) -> bool:
    """Whether a cell is neither a number nor blank."""
    return cell.casefold() not in MISSING and number(cell) is None


def _names(name: str, above: Sequence[str], remarks: Sequence[str], separator: str, width: int) -> list[str]:
    """Names of the columns, from the lines above the numbers or else from a remark; empty where there are none."""
    titles = [t for line in above if (t := _titles(line, separator, width))]
    if len(titles) > 1 and all(not c or c.strip("()[]").casefold() in LENGTHS or c in "-1" for c in titles[-1]):
        return [f"{a} ({b.strip('()[]')})" if b else a for a, b in zip(titles[-2], titles[-1], strict=True)]
    if titles:
        return titles[-1]
    if above and width > 2:
        raise bad(
            Path(name), f"has {width} columns of numbers, which its header {above[-1][:60]!r} does not name one by one"
        )
    return next((t for line in remarks[::-1] if (t := _titles(line, separator, width)) and any(map(distance, t))), [])


def _titles(line: str, separator: str, width: int) -> list[str]:
    """The line as `width` names; empty where it is not."""
    if len(line) > 10_000:
        return []
    ways = [cells(line, s) for s in dict.fromkeys((separator, *SEPARATORS[:-1])) if s]
    ways += [re.split(r"\s{2,}|\t", line), cells(line, ""), re.findall(r"(?:[^\s(\[]|\([^)]*\)|\[[^\]]*\])+", line)]
    ways += [re.findall(r"[^\s(\[]+(?:\s*\([^)]*\)|\s*\[[^\]]*\])?", line)]
    ways += [["", *way] for way in ways if len(way) > 1]  # a table of R names no column of line numbers
    return next((way for way in ways if len(way) == width and any(map(_text, way))), [])


def words(title: str) -> list[str]:
    """The words of a name in small letters, without what stands in brackets."""
    plain = unicodedata.normalize("NFKC", title).casefold()
    return re.findall(r"[^\W_]+", re.sub(r"\(.*?\)|\[.*?\]", " ", plain))


def length_unit(title: str) -> tuple[float, str] | None:
    """The unit of length in the name of a column, as in `r (um)`, `r [nm]`, `r / m`, `distance_mm`; None without."""
    plain = re.sub(r"[${}]", "", unicodedata.normalize("NFKC", title).casefold()).replace("\\mu", "μ")
    bracketed = [c.strip() for c in re.findall(r"[(\[]([^)\]]*)[)\]]", plain)]
    bare = re.findall(r"[^\W_\d]+", re.sub(r"\(.*?\)|\[.*?\]", " ", plain))[1:]
    return next((LENGTHS[c] for c in (*bracketed, *bare[::-1]) if c in LENGTHS), None)


DISTANCES = (
    *("distance", "r", "lag", "separation", "radius", "dist", "h", "abstand", "entfernung", "displacement", "position"),
    *("distances", "lags", "bincenters", "centers", "centres", "center", "centre"),
)
"""Names of columns of distances, the preferred first."""


def distance(title: str) -> bool:
    """Whether a column of this name holds distances."""
    return bool(words(title)) and any(w in DISTANCES for w in words(title))
