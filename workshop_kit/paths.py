"""The checkout: its root, and the commit that it is at (standard library only)."""

from __future__ import annotations

import subprocess
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
"""The root of the checkout: the folder that holds ``workshop``, ``notebooks/`` and ``workshop_kit/``."""
DISTRIBUTION = "container-design-workshop"
"""The name of the package."""
LAUNCHER = CHECKOUT / "workshop"
"""The launcher: a clone has it, a package does not."""
TOURS = CHECKOUT / "build" / "tour"
"""The folder with the workspace of tours, and their results."""


def clone_command(name: str) -> str:
    """Return how a command such as ``doctor`` is typed. A package lacks it: then the words say where it is."""
    return f"./workshop {name}" if LAUNCHER.is_file() else f"./workshop {name} in a clone of the workshop"


def project(root: Path = CHECKOUT) -> dict[str, Any]:
    """Return the table ``project`` of pyproject.toml, with the version and, once there is one, the public address.

    A package has no such file: then the table has only the version.
    """
    file = root / "pyproject.toml"
    if not file.is_file():
        return {"version": metadata.version(DISTRIBUTION)}
    table: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
    return table


def commit(root: Path) -> tuple[str, bool]:
    """Return the commit that is checked out, and whether files differ from it; "" and False without git."""
    if not (root / ".git").exists():
        return "", False

    try:
        head = _git(root, "rev-parse", "HEAD")
        changes = _git(root, "status", "--porcelain")
    except (OSError, subprocess.CalledProcessError):
        return "", False
    return head, bool(changes)


def _git(root: Path, *words: str) -> str:
    """Return the output of git. Raises OSError without git, and CalledProcessError where it fails."""
    command: list[str | Path] = ["git", "-C", root, *words]
    output: str = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return output.strip()
