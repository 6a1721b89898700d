"""The JavaScript modules: they are joined into bundles, node reads them all, and the pure ones run without a page."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from explorer import glossary
from explorer.labs import glossary as lab_glossary
from explorer.live.bundle import BundleError, bundle

EXPLORER = Path(__file__).resolve().parents[3] / "explorer"
LIVE, LABS = EXPLORER / "live" / "browser", EXPLORER / "labs" / "browser"
ENTRIES = [LIVE / "panel.js", LIVE / "relay.js", *(LABS / f"{name}.js" for name in ("linear", "gan", "inverse"))]
MODULES = sorted([*LIVE.rglob("*.js"), *LABS.glob("*.js")])
FOLDERS = [LIVE, LABS]
node = pytest.mark.skipif(not shutil.which("node"), reason="no node here")


def written(folder, **modules):
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")
    return folder / "entry.js"


def test_imports_come_first_and_once(tmp_path):
    entry = written(
        tmp_path,
        entry='import { b } from "./b.js";\nimport {\n  a,\n} from "./a.js";\nexport default () => a + b;\n',
        a="export const a = 1;\n",
        b='import { a } from "./a.js";\nexport function b() {}\nconst inner = a;\n',
    )
    text = bundle(entry)
    assert "import" not in text and re.findall(r"export.*", text) == ["export default () => a + b;"]
    assert [text.count(line) for line in ("const a = 1;", "function b() {}", "const inner = a;")] == [1, 1, 1]
    assert text.index("const a") < text.index("function b") < text.index("export default")


DEFAULT = "export default 1;\n"
BAD = {
    "b.js, which does not export it": {"entry": 'import { c } from "./b.js";\n' + DEFAULT, "b": "const c = 1;\n"},
    "imports ./none.js, and there is no such file": {"entry": 'import { c } from "./none.js";\n' + DEFAULT},
    "entry.js imports itself by way of b.js": {
        "entry": 'import { b } from "./b.js";\n' + DEFAULT,
        "b": 'import { a } from "./entry.js";\nexport const b = 1;\n',
    },
    "entry.js and b.js both declare same": {
        "entry": 'import { b } from "./b.js";\nconst same = 1;\n' + DEFAULT,
        "b": "export const b = 1;\nfunction same() {}\n",
    },
    'cannot be joined: import all from "./b.js";': {"entry": 'import all from "./b.js";\n' + DEFAULT, "b": ""},
    "cannot be joined: export { a };": {"entry": "const a = 1;\nexport { a };\n" + DEFAULT},
    "entry.js must have one default export": {"entry": "const a = 1;\n"},
    "b.js must have no default export": {
        "entry": 'import { b } from "./b.js";\n' + DEFAULT,
        "b": "export const b = 1;\n" + DEFAULT,
    },
    "imports b as c from b.js, which does not export it": {
        "entry": 'import { b as c } from "./b.js";\n' + DEFAULT,
        "b": "export const b = 1;\n",
    },
}


@pytest.mark.parametrize("sentence", BAD)
def test_what_cannot_be_joined_is_a_sentence(sentence, tmp_path):
    with pytest.raises(BundleError, match=re.escape(sentence)):
        bundle(written(tmp_path, **BAD[sentence]))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.stem)
def test_every_entry_is_joined(entry):
    text = bundle(entry)
    assert not re.search(r"^import\b", text, re.MULTILINE)
    assert len(re.findall(r"^export\b", text, re.MULTILINE)) == 1


def test_every_module_is_reached_and_short():
    texts = [bundle(entry) for entry in ENTRIES]
    for module in MODULES:
        lines = module.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith("/* ") and len(lines) < 350 and max(map(len, lines)) <= 120, module.name
        assert any(lines[0] in text for text in texts), f"nothing imports {module.name}"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """The modules where node takes them for modules, and the bundles beside them."""
    root = tmp_path_factory.mktemp("modules")
    (root / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    for folder in FOLDERS:
        shutil.copytree(folder, root / folder.relative_to(EXPLORER))
    for entry in ENTRIES:
        (root / f"{entry.stem}.js").write_text(bundle(entry), encoding="utf-8")
    return root


def run(*command):
    return subprocess.run(["node", *command], capture_output=True, text=True, timeout=60)


@node
def test_node_reads_every_module_and_bundle(checkout):
    files = sorted(checkout.rglob("*.js"))
    assert len(files) == len(MODULES) + len(ENTRIES)
    for file in files:
        checked = run("--check", str(file))
        assert checked.returncode == 0, checked.stderr


def evaluated(checkout, statements):
    """What a module that stands beside the panel's prints as JSON."""
    script = checkout / "live" / "browser" / "script.js"
    script.write_text(statements, encoding="utf-8")
    ran = run(str(script))
    script.unlink()
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@node
def test_pure_modules_run_without_a_page(checkout):
    found = evaluated(
        checkout,
        """import { commonStart, shared } from "./simplex.js";
        import * as numbers from "./common/numbers.js";
        import { colourRamp, packColour } from "./common/colours.js";
        import { decodeFrame, deviation } from "./common/frames.js";
        const header = new TextEncoder().encode('{"arrays":[{"name":"a","shape":[2],"dtype":"f4","offset":0}]} ');
        const bytes = new Uint8Array(4 + header.length + ((4 - (header.length % 4)) % 4) + 8);
        new DataView(bytes.buffer).setUint32(0, header.length, true);
        bytes.set(header, 4);
        new DataView(bytes.buffer).setFloat32(bytes.length - 4, 1.5, true);
        console.log(JSON.stringify({
          shared: shared([0.2, 0.3, 0.5], 0, 0.6, [1]),
          start: commonStart(["grain one", "grain two"]),
          show: [numbers.show(0.12345, 0.01), numbers.show(undefined), numbers.figures(1e-5), numbers.shortest(5e-4)],
          step: [numbers.niceStep(0.7), numbers.niceStep(23)],
          index: [numbers.superscript(-12), numbers.subscript(30)],
          between: numbers.interpolate([0, 1, 3], [0, 10, 30], 2),
          pieces: numbers.finitePieces([0, 1, 2, 3], [1, NaN, 2, 3]),
          ramp: [colourRamp(["#000000", "#ffffff"])[255] === packColour("#ffffff"), packColour("#0000ff")],
          frame: Array.from(decodeFrame(bytes).arrays.a),
          deviation: deviation({ y: [1, 2], mean: [0, 0], sd: [0, 0] }),
        }));""",
    )
    assert found["shared"] == pytest.approx([0.6, 0.3, 0.1]) and found["start"] == "grain "
    assert found["show"] == ["0.12", "–", "1.0e-5", "5e-4"] and found["step"] == [0.5, 20]
    assert found["index"] == ["⁻¹²", "₃₀"] and found["between"] == 20
    assert found["pieces"] == [[[0, 1]], [[2, 2], [3, 3]]]
    assert found["ramp"] == [True, 0xFFFF0000] and found["frame"] == [0, 1.5]
    assert found["deviation"] == [1.5, 0]


TERM = re.compile(r'data-term="([\w.]+)"|glossary\.(\w+)|glossary\["([\w.]+)"\]')


def terms(folder, suffixes=(".html", ".js")):
    files = [f for f in folder.iterdir() if f.suffix in suffixes]
    return {next(filter(None, found)) for f in files for found in TERM.findall(f.read_text(encoding="utf-8"))}


def test_every_term_has_a_sentence():
    used = terms(LIVE)
    assert used - set(glossary.PANEL) == set()
    labs = {"linear": "linear_game", "gan": "gan_lab", "inverse": "inverse"}
    for file, lab in labs.items():
        html = (LABS / f"{file}.html").read_text(encoding="utf-8")
        for name in re.findall(r'data-term="([\w.]+)"', html):
            assert name in lab_glossary.LABS[lab], (file, name)
    known = set().union(*lab_glossary.LABS.values())
    assert terms(LABS) - known == set()
    sentences = [*glossary.PANEL.values(), *(s for lab in lab_glossary.LABS.values() for s in lab.values())]
    assert all(s.endswith(".") and len(s) < 160 for s in sentences)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_no_help_is_for_the_mouse_alone(folder):
    """`title` shows nothing on touch; help goes by `explain` and `data-term`."""
    for file in (f for f in folder.rglob("*") if f.is_file()):
        assert not re.search(r"\btitle(=|: )|\.title = ", file.read_text(encoding="utf-8")), file.name
