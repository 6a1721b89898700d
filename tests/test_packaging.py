"""What goes into a wheel: `pyproject.toml` lists every package and every kind of file that the software reads."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOL = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
NOT_READ = {"core": {".md"}, "explorer": {".md", ".png"}}
"""Kinds of files that only a reader of the repository looks at."""


def test_every_package_is_listed():
    found = {f.parent.relative_to(ROOT) for top in ("core", "explorer") for f in (ROOT / top).rglob("__init__.py")}
    listed = set(TOOL["packages"]) - set(TOOL["package-dir"])
    assert listed == {".".join(p.parts) for p in found}, "list the package under [tool.setuptools] in pyproject.toml"
    assert len(TOOL["packages"]) == len(set(TOOL["packages"]))


def test_folders_of_the_checkout_lie_inside_the_packages():
    assert TOOL["package-dir"] == {"core.checkpoints": "checkpoints", "explorer.settings": ".streamlit"}
    assert set(TOOL["package-dir"]) <= set(TOOL["packages"])


def test_every_file_that_is_read_is_data_of_a_package():
    for package, folder in {"core": "core", "explorer": "explorer", **TOOL["package-dir"]}.items():
        files = {f for f in (ROOT / folder).rglob("*") if f.is_file() and "__pycache__" not in f.parts}
        data = {f for pattern in TOOL["package-data"][package] for f in (ROOT / folder).glob(pattern)}
        left_out = {f.name for f in files - data if f.suffix not in {".py", *NOT_READ.get(package, ())}}
        assert not left_out, f"package-data of {package} in pyproject.toml leaves out {left_out}"
