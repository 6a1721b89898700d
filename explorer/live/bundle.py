"""Joins the JavaScript modules of a panel into the one text that a Streamlit component takes.

The modules stand in their files with `import {a, b} from "./x.js"` and `export`, as browsers and node read them. Here
the imports of an entry are followed depth first; the result holds every module once, after those that it imports. All
modules share one scope then, so no two may declare a name."""

from __future__ import annotations

import re
from pathlib import Path

IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.{1,2}/[^"]+)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async function|function|class|const|let)\b)", re.MULTILINE)
DECLARATION = re.compile(r"^(export )?(?:async function|function|class|const|let) ([\w$]+)", re.MULTILINE)
DEFAULT = re.compile(r"^export default\b", re.MULTILINE)
LEFT_OVER = re.compile(r"^(?:import\b|export (?!default\b)).*", re.MULTILINE)


class BundleError(ValueError):
    """Modules that cannot be joined; the text is a sentence that names the file."""


def bundle(entry: Path) -> str:
    """The text of an entry module with everything it imports: no imports, and no export but the entry's default.

    Raises:
        BundleError: a file or an exported name is missing, modules import each other in a circle, two modules declare
            one name, a statement has a form that is not joined, or the default export is not the entry's alone.
    """
    texts: dict[Path, str] = {}
    owners: dict[str, Path] = {}
    add(entry.resolve(), entry.resolve(), texts, owners, ())
    return "\n".join(texts.values())


def add(path: Path, entry: Path, texts: dict[Path, str], owners: dict[str, Path], importers: tuple[Path, ...]) -> None:
    """Adds a module to `texts`, after those that it imports, and its names to `owners`."""
    if path in importers:
        raise BundleError(f"{path.name} imports itself by way of {importers[-1].name}.")
    if path in texts:
        return
    text = path.read_text(encoding="utf-8")
    for names, source in IMPORT.findall(text):
        imported = resolve(path, source)
        add(imported, entry, texts, owners, (*importers, path))
        check_imports(path, imported, names)
    for _, name in DECLARATION.findall(text):
        if owner := owners.get(name):
            raise BundleError(f"{path.name} and {owner.name} both declare {name}; a bundle has one scope.")
        owners[name] = path
    texts[path] = joined(text, path, is_entry=path == entry)


def resolve(path: Path, source: str) -> Path:
    """The file that `source` names in an import of the module at `path`."""
    imported = (path.parent / source).resolve()
    if not imported.is_file():
        raise BundleError(f"{path.name} imports {source}, and there is no such file.")
    return imported


def check_imports(path: Path, imported: Path, names: str) -> None:
    """Every imported name must be exported where it comes from."""
    exported = {name for export, name in DECLARATION.findall(imported.read_text(encoding="utf-8")) if export}
    for name in (stripped for part in names.split(",") if (stripped := part.strip())):
        if name not in exported:
            raise BundleError(f"{path.name} imports {name} from {imported.name}, which does not export it.")


def joined(text: str, path: Path, is_entry: bool) -> str:
    """A module without its imports and without `export`, except the default of the entry."""
    body = EXPORT.sub("", IMPORT.sub("", text))
    if left_over := LEFT_OVER.search(body):
        raise BundleError(f"{path.name} has a statement that cannot be joined: {left_over[0]}")
    if len(DEFAULT.findall(body)) != is_entry:
        raise BundleError(f"{path.name} must have {'one default export' if is_entry else 'no default export'}.")
    return body
