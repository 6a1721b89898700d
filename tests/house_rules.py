"""The rules of the house, each with a test that it can fail. A rule maps a source tree to its offences, one sentence
each."""

import ast
import collections
import functools
import re
import statistics
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = (
    "deprecated",
    "types",
    "discovery",
    "keys",
    "files",
    "folders",
    "fields",
    "invariances",
    "descriptors",
    "simulation",
    "readers",
    "data",
    "models",
    "losses",
    "checkpoint",
    "card",
    "training",
    "theory",
    "projection",
    "sampling",
    "metrics",
    "problems",
    "face",
    "explorer",
    "train",
)
"""Each room imports only from rooms to its left; `face` is core/__init__.py. The last two stand side by side."""
WITHOUT_STREAMLIT = ("explorer.figures.base", "explorer.live.protocol", "explorer.live.service")
PROBED = {("core/training/precision.py", "torch.cpu"): "early versions of torch lack get_capabilities"}
"""Third-party objects whose members depend on their version: (file, object) -> why."""
LONGEST_FILE, MEDIAN_FILE, MEDIAN_FUNCTION, MOST_MODULES = 350, 150, 10, 20
LARGEST_CHECKPOINT = 8 * 2**20
UNFINISHED = re.compile(
    "|".join(
        r"\b" + a + b + r"\b(?!=)"
        for a, b in (("TO", "DO"), ("FIX", "ME"), ("NotImplemented", "Error"), ("place", "holder"))
    )
)
MACHINE = re.compile(
    r"(?<![\w.\-/])/(?:" + "|".join(("home", "root", "work", "tmp", "Users", "mnt", "scratch")) + r")/"
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources(root, *more):
    """Python files of core, explorer, train.py and of the folders named in `more`."""
    folders = ("core", "explorer", *more)
    files = [f for folder in folders for f in sorted((root / folder).rglob("*.py"))] + [root / "train.py"]
    return [f for f in files if f.exists()]


def module_name(root, file):
    """core/data.py -> core.data; core/models/__init__.py -> core.models."""
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def tree(file):
    return parsed(file.read_text(encoding="utf-8"))


@functools.cache
def parsed(text):
    return ast.parse(text)


@functools.cache
def nodes(module):
    """Every node of a module: walked once, as every rule asks again."""
    return list(ast.walk(module))


def imports(root, file):
    """Dotted names of everything imported, inside functions too; `from core import data` gives core.data."""
    package = (
        module_name(root, file).split(".") if file.name == "__init__.py" else module_name(root, file).split(".")[:-1]
    )
    for node in nodes(tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = (
                [*package[: len(package) - node.level + 1], *(node.module or "").split(".")]
                if node.level
                else [node.module]
            )
            stem = ".".join(part for part in base if part)
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def room(name):
    """Room of a dotted name of this project, None for anything else."""
    head, *tail = name.split(".")
    if head != "core":
        return head if head in ("explorer", "train") else None
    return tail[0] if tail and tail[0] in ROOMS else "face"


def inside(root, file, room_of=room):
    return room_of(module_name(root, file))


# --- the rules --------------------------------------------------------------------------------------------------------


def rooms_import_to_the_left(root):
    for file in sources(root):
        here = inside(root, file)
        allowed = ROOMS[: min(ROOMS.index(here), ROOMS.index("explorer"))]
        for name in imports(root, file):
            if room(name) not in (None, here, *allowed):
                yield f"{file.name} ({here}) imports {name}, which is not to its left"


def every_file_of_core_is_in_a_room(root):
    for file in sorted((root / "core").rglob("*.py")):
        if inside(root, file) == "face" and file != root / "core" / "__init__.py":
            yield f"{file.name} belongs to no room"


def the_witness_is_not_bribed(root):
    for file in sources(root):
        for name in imports(root, file):
            if "invariances" in (pair := {inside(root, file), room(name)}) and pair & {"simulation", "descriptors"}:
                yield f"{file.name} imports {name}: invariances and {{simulation, descriptors}} never import each other"


def core_shows_nothing(root):
    for file in sorted((root / "core").rglob("*.py")):
        for name in imports(root, file):
            if name.split(".")[0] in ("streamlit", "plotly"):
                yield f"{file.name} imports {name} under core"


def problems_are_found_not_imported(root):
    for file in sources(root):
        for name in imports(root, file):
            shared = inside(root, file) == "problems" and name.split(".")[2:3] and name.split(".")[2].startswith("_")
            if room(name) == "problems" and module_name(root, file).startswith("core") and not shared:
                yield f"{file.name} imports {name}: problems are resolved by name through core.discovery"


def dynamic_imports_stay_in_discovery(root):
    for file in sources(root):
        for node in nodes(tree(file)):
            called = node.func if isinstance(node, ast.Call) else None
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in ("import_module", "__import__") and inside(root, file) not in ("discovery", "deprecated"):
                yield f"{file.name}:{node.lineno} imports by name outside core/discovery.py"


def reached(root, name, seen):
    """Every dotted name that importing module `name` may import, through this project's own modules."""
    candidates = [root / Path(*name.split(".")[:i]) for i in range(1, name.count(".") + 2)]
    for file in [f for c in candidates for f in (c / "__init__.py", c.with_suffix(".py")) if f.exists()]:
        for target in imports(root, file):
            if target not in seen:
                seen.add(target)
                reached(root, target, seen)
    return seen


def the_live_path_knows_no_streamlit(root):
    for name in WITHOUT_STREAMLIT:
        if any(target.split(".")[0] == "streamlit" for target in reached(root, name, set())):
            yield f"{name} imports streamlit, itself or through what it imports"


def nobody_imports_the_explorer(root):
    for file in sources(root):
        for name in imports(root, file):
            if room(name) == "explorer" and inside(root, file) != "explorer":
                yield f"{file.name} imports {name}"


def one_problem_per_file(root):
    for file in sorted((root / "core" / "problems").glob("[!_]*.py")):
        module = tree(file)
        assignments = [
            ast.unparse(n).split("=")[0].split(":")[0].strip()
            for n in module.body
            if isinstance(n, ast.Assign | ast.AnnAssign)
        ]
        made = [name for name in assignments if name == "PROBLEM"]
        calls = [n for n in nodes(module) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "Problem"]
        named = [
            k.value.value for n in calls for k in n.keywords if k.arg == "name" and isinstance(k.value, ast.Constant)
        ]
        if len(made) != 1 or named != [file.stem]:
            yield f"{file.name} must define one PROBLEM = Problem(name={file.stem!r}, ...); it defines {named}"


def files_are_short(root):
    lengths = {f: len(f.read_text(encoding="utf-8").splitlines()) for f in sources(root, "tests")}
    yield from (f"{f.name} has {n} lines, more than {LONGEST_FILE}" for f, n in lengths.items() if n > LONGEST_FILE)
    of_code = [n for f, n in lengths.items() if "tests" not in f.parts and f.name != "__init__.py"]
    if of_code and statistics.median(of_code) > MEDIAN_FILE:
        yield f"files have a median of {statistics.median(of_code)} lines, more than {MEDIAN_FILE}"


def rooms_are_small(root):
    """Python and JavaScript modules in one folder of core or explorer, `__init__.py` left out."""
    kinds = {".py", ".js"}
    modules = [f for folder in ("core", "explorer") for f in (root / folder).rglob("*") if f.suffix in kinds]
    rooms = collections.Counter(f.parent for f in modules if f.name != "__init__.py")
    yield from (
        f"{room.relative_to(root)} has {count} modules, more than {MOST_MODULES}"
        for room, count in sorted(rooms.items())
        if count > MOST_MODULES
    )


def code_lines(function):
    """Lines of a function from `def` to its end, the docstring left out."""
    total = function.end_lineno - function.lineno + 1
    text = function.body[0] if ast.get_docstring(function, clean=False) is not None else None
    return total - (text.end_lineno - text.lineno + 1 if text else 0)


def functions_are_short(root):
    lengths = [code_lines(n) for f in sources(root) for n in nodes(tree(f)) if isinstance(n, Function)]
    if lengths and statistics.median(lengths) > MEDIAN_FUNCTION:
        yield f"functions have a median of {statistics.median(lengths)} lines, more than {MEDIAN_FUNCTION}"


def public(node):
    """(name, node) of the public functions, classes and methods of a module or class."""
    for child in node.body:
        if isinstance(child, Function | ast.ClassDef) and not child.name.startswith("_"):
            yield child
            if isinstance(child, ast.ClassDef):
                yield from public(child)


def public_names_explain_themselves(root):
    for file in sources(root):
        module = tree(file)
        if module.body and not ast.get_docstring(module):
            yield f"{file.name} has no docstring"
        yield from (
            f"{file.name}:{n.lineno} {n.name} has no docstring" for n in public(module) if not ast.get_docstring(n)
        )


def parameters_are_annotated(root):
    for file in sources(root):
        module = tree(file)
        methods = {m for c in nodes(module) if isinstance(c, ast.ClassDef) for m in c.body}
        for node in (n for n in nodes(module) if isinstance(n, Function)):
            a = node.args
            named = [*a.posonlyargs, *a.args]
            own = node in methods and not any(getattr(d, "id", "") == "staticmethod" for d in node.decorator_list)
            every = [*named[own:], *a.kwonlyargs, *(p for p in (a.vararg, a.kwarg) if p)]
            yield from (
                f"{file.name}:{node.lineno} {node.name}: {p.arg} is not annotated"
                for p in every
                if p.annotation is None
            )


def written(root):
    """(file, line number, line) of every text of the project: code, tests, pages, documents."""
    kinds = {".py", ".js", ".css", ".html", ".md", ".toml", ".yml", ".yaml", ".sh"}
    folders = ("core", "explorer", "tests", "checkpoints", ".ci", ".streamlit")
    files = [*(f for folder in folders for f in sorted((root / folder).rglob("*"))), *sorted(root.glob("*.*"))]
    for file in (f for f in files if f.suffix in kinds and f.is_file()):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            yield file, number, line


def nothing_is_left_unfinished(root):
    yield from (f"{f.name}:{n} says {m.group()}" for f, n, line in written(root) if (m := UNFINISHED.search(line)))


def no_path_of_one_machine(root):
    yield from (f"{f.name}:{n} names {m.group()}" for f, n, line in written(root) if (m := MACHINE.search(line)))


def own_types_are_not_probed(root):
    """Members are declared with defaults: nothing asks whether an object has them."""
    for file in sources(root):
        for node in (n for n in nodes(tree(file)) if isinstance(n, ast.Call)):
            name = ast.unparse(node.func)
            about = ast.unparse(node.args[0]) if node.args else ""
            where = (str(file.relative_to(root)), about)
            if name in ("hasattr", "getattr", "inspect.signature", "signature") and where not in PROBED:
                yield f"{file.name}:{node.lineno} calls {name} on {about}"
        for node in (n for n in nodes(tree(file)) if isinstance(n, Function) and n.name == "__getattr__"):
            if inside(root, file) not in ("deprecated", "face") and file.name != "__init__.py":
                yield f"{file.name}:{node.lineno} defines __getattr__"


def no_file_runs_code(root):
    """Nothing unpickles, evaluates or executes what it reads."""
    banned = {"pickle", "dill", "joblib", "shelve", "marshal"}
    for file in sources(root):
        yield from (f"{file.name} imports {name}" for name in imports(root, file) if name.split(".")[0] in banned)
        for node in (n for n in nodes(tree(file)) if isinstance(n, ast.Call)):
            if ast.unparse(node.func) in ("eval", "exec", "torch.load", "torch.save"):
                yield f"{file.name}:{node.lineno} calls {ast.unparse(node.func)}"


def checkpoints_are_small_and_carded(root):
    for file in sorted((root / "checkpoints").rglob("*")):
        if file.suffix == ".safetensors" and file.stat().st_size >= LARGEST_CHECKPOINT:
            yield f"{file.name} has {file.stat().st_size} bytes, not below {LARGEST_CHECKPOINT}"
        if file.suffix == ".safetensors" and not file.with_suffix(".md").exists():
            yield f"{file.name} has no card"
        if file.suffix == ".md" and not file.with_suffix(".safetensors").exists():
            yield f"{file.name} is the card of no checkpoint"
