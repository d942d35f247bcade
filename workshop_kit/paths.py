"""The checkout: its root, and the commit that it is at (standard library only)."""

from __future__ import annotations

import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
"""The root of the checkout: the folder that holds ``workshop``, ``notebooks/`` and ``workshop_kit/``."""
LAUNCHER = CHECKOUT / "workshop"
"""The launcher: a clone has it, a package does not."""
TOURS = CHECKOUT / "build" / "tour"
"""The folder with the workspace of tours, and their results."""


def clone_command(name: str) -> str:
    """Return how a command such as ``doctor`` is typed. A package lacks it: then the words say where it is."""
    return f"./workshop {name}" if LAUNCHER.is_file() else f"./workshop {name} in a clone of the workshop"


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
