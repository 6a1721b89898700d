"""Where trained models lie: in a folder that the environment names, in the checkout, or inside the package."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
VARIABLE = "INVNET_CHECKPOINTS"


def is_installed(package: Path = PACKAGE) -> bool:
    """True for a package installed from a wheel: only there the models lie inside it.

    Args:
        package: the folder of `core`.
    """
    return (package / "checkpoints").is_dir()


def shipped(package: Path = PACKAGE) -> Path:
    """The models that come with the software: `checkpoints` beside `core` in a checkout, inside `core` in a wheel.

    Args:
        package: the folder of `core`.
    """
    return (package if is_installed(package) else package.parent) / "checkpoints"


def to_read(environment: Mapping[str, str] = os.environ, package: Path = PACKAGE) -> Path:
    """The folder that models are loaded from: INVNET_CHECKPOINTS, else the models that come with the software.

    Args:
        environment: environment variables.
        package: the folder of `core`.
    """
    return Path(environment.get(VARIABLE) or shipped(package)).expanduser()


def to_write(reading: Path, package: Path = PACKAGE) -> Path:
    """The folder that training writes to: the one that is read, unless that lies inside an installed package; then
    `checkpoints` in the working directory.

    Args:
        reading: the folder that models are loaded from.
        package: the folder of `core`.
    """
    return Path("checkpoints") if is_installed(package) and reading == shipped(package) else reading


def command(name: str, package: Path = PACKAGE) -> str:
    """The words that start a command of this software, as messages name them: `train` or `explorer`.

    Args:
        name: which command.
        package: the folder of `core`.
    """
    checkout = {"train": "python train.py", "explorer": "streamlit run explorer/app.py"}
    installed = {"train": "invnet train", "explorer": "invnet"}
    return (installed if is_installed(package) else checkout)[name]
