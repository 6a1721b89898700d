"""The model card of a checkpoint, in Markdown, written by code from its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.checkpoint import load
from core.files import write_atomic


def write(path: str | Path) -> Path:
    """Writes the card of a checkpoint to `<preset>.md` in the same folder; returns the path of the card."""
    path = Path(path)
    loaded = load(path)
    target = path.with_suffix(".md")
    write_atomic(target, render(loaded.manifest, loaded.digest).encode())
    return target


def render(manifest: Mapping[str, Any], digest: str = "") -> str:
    """The card of a manifest, as Markdown."""
    name = f"{manifest['problem']}/{manifest['preset']}"
    parts = [f"# {name}", manifest.get("title", ""), manifest.get("summary", "")]
    facts = {
        "problem": manifest["problem"],
        "preset": manifest["preset"],
        "digest": digest,
        **manifest.get("training", {}),
    }
    parts += ["## What it is", _pairs(facts)]
    for heading, name_of in (("Conditions", "conditions"), ("Latent directions", "latents")):
        rows = manifest.get(name_of)
        if rows and all(isinstance(r, dict) for r in rows):
            parts += [f"## {heading}", _table(rows)]
    parts += ["## Data", _pairs(manifest["data"]) or "None: this problem is learned from its equations alone."]
    for title, rows in manifest["metrics"].items():
        parts += [f"## {title}", _table(rows)]
    if manifest.get("limits"):
        parts += ["## Limits", "\n".join(f"- {limit}" for limit in manifest["limits"])]
    parts += [
        "## Configuration",
        _pairs({**manifest["config"], **{f"seed: {k}": v for k, v in manifest["seeds"].items()}}),
    ]
    parts += ["## Versions", _pairs(manifest["versions"])]
    parts += [
        "## Reproduce",
        f"```\npython train.py {name}\n```",
        f"```python\nimport core\nmodel = core.load({name!r})\n```",
    ]
    parts += ["## Source", manifest["citation"]] if manifest.get("citation") else []
    return (
        "\n\n".join(p for p in parts if p) + "\n\nWritten by code from the manifest of the checkpoint; do not edit.\n"
    )


def _pairs(facts: Mapping[str, Any]) -> str:
    """A two-column table."""
    return (
        _table([{"": name, "value": value} for name, value in facts.items() if value not in ("", None)])
        if facts
        else ""
    )


def _table(rows: list[dict[str, Any]]) -> str:
    """A Markdown table; the columns are the union of the rows' keys, in order of appearance."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if not columns:
        return "Nothing measured yet."
    lines = [columns, ["---"] * len(columns), *([_cell(row.get(c, "")) for c in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    """One cell: numbers to four digits, nested values as text, nothing that breaks the table."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        value = ", ".join(f"{k} {_cell(v)}" for k, v in value.items())
    elif isinstance(value, list):
        value = ", ".join(_cell(v) for v in value)
    return str("" if value is None else value).replace("|", "\\|").replace("\n", " ")
