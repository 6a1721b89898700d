"""The scripts in examples/ run as they are; documents name files, commands and links that exist."""

import importlib.util
import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *(ROOT / folder / "README.md" for folder in ("core", "explorer", "examples")),
]
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_an_example_runs_and_writes_what_it_says(script, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script), run_name="__main__")
    written = re.findall(r"^written: (\S+)$", capsys.readouterr().out, re.M)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(written)
    assert all((tmp_path / name).stat().st_size for name in written)


def test_the_list_of_examples_is_complete():
    listed = re.findall(r"python examples/(\w+)\.py", (ROOT / "examples" / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == [script.stem for script in SCRIPTS]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_names_what_exists(document):
    text = document.read_text(encoding="utf-8")
    links = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    assert [target for target in links if target and not (document.parent / target).exists()] == []
    modules = set(re.findall(r"python -m ([\w.]+)", text)) - {"pytest"}
    assert [name for name in modules if importlib.util.find_spec(name) is None] == []
    paths = set(re.findall(r"`((?:core|explorer|tests|examples|docs)/[\w/]+\.\w+)`", text))
    if document.name != "CHANGELOG.md":  # which speaks of earlier layouts too
        assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_bytes()) <= 7000
