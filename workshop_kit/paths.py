"""The checkout: its root, and how its commands are typed (standard library only)."""

from __future__ import annotations

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
