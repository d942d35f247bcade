"""What the seat's image is made from agrees with the kit."""

from __future__ import annotations

import re
from pathlib import Path

from workshop_kit.engine import install, recipes
from workshop_kit.workspace.folder import COPIED, LINKED

SEAT = Path("images") / "seat"


def test_a_seat_has_the_engine_that_setup_installs(root: Path) -> None:
    """The script for images lists the packages of `install`, and an init process for containers."""
    text = (root / SEAT / "install-engine.sh").read_text()
    (listed,) = re.findall(r"^apt-get install --yes --no-install-recommends (.+)$", text, re.MULTILINE)
    assert {*listed.split()} == {*install.PACKAGES, "tini"}


def test_a_seat_has_what_its_images_and_lessons_are_made_from(root: Path) -> None:
    """An image's tag is the hash of its folder: with a file less, a seat would build it again, without a network."""
    lines = (root / SEAT / "Dockerfile.dockerignore").read_text().splitlines()
    there = {line.removeprefix("!") for line in lines if line.startswith("!")}
    needed = [recipe.folder for recipe in recipes.RECIPES] + [*COPIED, *LINKED, "solutions", "workshop_kit", "workshop"]
    assert {name.split("/")[0] for name in needed} <= there
    left_out = [line for line in lines if line.startswith("**/")]
    assert left_out == ["**/__pycache__", "**/*.pyc", "**/.ipynb_checkpoints"]
