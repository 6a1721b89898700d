"""The command `invnet`: opens the explorer, trains, or writes large sets of samples.

It hands over to the commands that a checkout has (`streamlit run explorer/app.py`, `python train.py`,
`python -m core.sampling`), in the same Python and the same working directory. Torch and Streamlit are imported there,
not here.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODULES = {"train": "train", "sample": "core.sampling"}
"""Word -> the module it runs; what follows the word goes there unchanged."""
HELP = """\
commands:
  invnet                  open the explorer in the browser
  invnet train ...        train models (invnet train --help)
  invnet sample ...       write large sets of samples to HDF5 (invnet sample --help)

Models are loaded from the folder that INVNET_CHECKPOINTS names, else those that come with the software are used.
Streamlit's environment variables, such as STREAMLIT_SERVER_ADDRESS, override the explorer's settings.
"""


def settings_file(package: Path = HERE) -> Path:
    """The explorer's settings: inside the package where it was installed from a wheel, else the checkout's.

    Args:
        package: the folder of `explorer`.
    """
    installed = package / "settings" / "config.toml"
    return installed if installed.is_file() else package.parent / ".streamlit" / "config.toml"


def variables(table: Mapping[str, object], prefix: str = "STREAMLIT") -> dict[str, str]:
    """Streamlit's settings as the environment variables that it reads.

    Streamlit reads lists of the theme as JSON, other lists as words.

    Args:
        table: settings as TOML gives them, sections within sections.
        prefix: what the names begin with.
    """
    environment: dict[str, str] = {}
    for key, value in table.items():
        name = f"{prefix}_{re.sub('(?<=[a-z0-9])(?=[A-Z])', '_', key).upper()}"
        if isinstance(value, Mapping):
            environment |= variables(value, name)
        elif isinstance(value, list):
            environment[name] = json.dumps(value) if name.startswith("STREAMLIT_THEME_") else " ".join(map(str, value))
        else:
            environment[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return environment


def environment(given: Mapping[str, str] = os.environ, package: Path = HERE) -> dict[str, str]:
    """The environment of the explorer: its settings, which override other files of settings, not variables given.

    The folder of models becomes an absolute path, as background jobs have another working directory.

    Args:
        given: environment variables of this process.
        package: the folder of `explorer`.
    """
    environment = {**variables(tomllib.loads(settings_file(package).read_text(encoding="utf-8"))), **given}
    if models := given.get("INVNET_CHECKPOINTS"):
        environment["INVNET_CHECKPOINTS"] = str(Path(models).expanduser().absolute())
    return environment


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """The options of the explorer.

    Args:
        given: words of the command line.
    """
    usage = "invnet [--port N] [--no-browser]\n       invnet train ...\n       invnet sample ..."
    parser = argparse.ArgumentParser(
        prog="invnet", usage=usage, epilog=HELP, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Generative design of materials under exact physical and statistical constraints.",
    )  # fmt: skip
    parser.add_argument(
        "--port", type=int, metavar="N", help="port of the explorer (default: 8501, or the next free one)"
    )
    parser.add_argument("--no-browser", action="store_true", help="print the address, open no browser")
    options = parser.parse_args(given)
    if options.port is not None and not 1 <= options.port <= 65535:
        parser.error(f"--port must be a number from 1 to 65535; got {options.port}.")
    return options


def explore(options: argparse.Namespace) -> list[str]:
    """What Python runs for the explorer.

    Args:
        options: see `arguments`.
    """
    port = ["--server.port", str(options.port)] if options.port is not None else []
    headless = ["--server.headless", "true"] if options.no_browser else []
    return ["-m", "streamlit", "run", str(HERE / "app.py"), *port, *headless]


def run(words: Sequence[str], variables: Mapping[str, str]) -> int:
    """Runs this Python with `words` and returns its exit status.

    On POSIX systems the command takes over this process: signals, the terminal and the exit status are its own.
    Python gets -P: a `train.py` or `core` of the working directory must not come before this software.

    Args:
        words: arguments of Python.
        variables: the environment.
    """
    full = [sys.executable, "-P", *words]
    if os.name == "posix":
        sys.stdout.flush()
        os.execve(full[0], full, dict(variables))
    return attend(full, variables)


def attend(words: Sequence[str], variables: Mapping[str, str]) -> int:
    """Runs a child process to its end and returns its exit status; Ctrl-C, which reaches the child too, is left to it.

    Args:
        words: the command.
        variables: the environment.
    """
    with subprocess.Popen(words, env=dict(variables)) as child:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:
                continue


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line asks for.

    Args:
        argv: words of the command line (default: this process's).

    Returns:
        The exit status of the command that was started; 2 for a word that is no command.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    given = dict(os.environ)
    if not (HERE / "settings").is_dir():  # a checkout need not be installed
        given["PYTHONPATH"] = os.pathsep.join(filter(None, (str(HERE.parent), given.get("PYTHONPATH"))))
    if words and words[0] in MODULES:
        return run(["-m", MODULES[words[0]], *words[1:]], given)
    if words and not words[0].startswith("-"):
        print(
            f"There is no command {words[0]!r}. Use invnet, invnet train or invnet sample; see invnet --help.",
            file=sys.stderr,
        )
        return 2
    return run(explore(arguments(words)), environment(given))
