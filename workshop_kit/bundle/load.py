"""Load a bundle up to the Python environment, and choose its parts (standard library only)."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path

from workshop_kit.bootstrap import python_env
from workshop_kit.bundle import wheels
from workshop_kit.bundle.manifest import Part, find, parts, verify, version_of
from workshop_kit.engine import recipes
from workshop_kit.errors import NotReady, WorkshopError, WrongUsage
from workshop_kit.progress import Report, silent

UNPACKED_FACTOR = 4
"""Space for the packages, as a multiple of their wheels' size."""
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def make_python(root: Path, words: list[str], report: Report = silent) -> Path:
    """Make the Python environment from a bundle and return its interpreter.

    ``words`` follow ``bundle load`` on the command line. The part for this Python and the images for this architecture
    are verified first. Raises WorkshopError for parts that do not fit.
    """
    if len(words) != 1 or words[0].startswith("-"):
        raise WrongUsage("`bundle load` takes one folder.", "Write ./workshop bundle load FOLDER.")
    found = parts(Path(words[0]))
    own = wheels.choose(root, found)
    images = [part for part in found if part.kind == "images" and part.name == this_architecture()]
    for part in images:
        require_same(part, root)
    for part in (own, *images):
        verify(part, report)
    _require_space(root, own)
    return python_env.install_offline(root, own.folder, report=report)


def _require_space(root: Path, part: Part) -> None:
    free, needed = shutil.disk_usage(root).free, part.size_bytes * UNPACKED_FACTOR
    if free < needed:
        raise NotReady(
            f"The disk is nearly full: {free / 1e9:.1f} GB free in {root}, and the packages need {needed / 1e9:.1f}.",
            "Free some space, then load again.",
        )


def choose_images(root: Path, found: list[Part], architecture: str) -> Part:
    """Return the part with images for an engine's architecture and this checkout.

    Raises WorkshopError with the bundle's architectures, or with the images that differ.
    """
    own = find(
        found,
        "images",
        architecture,
        f"Save a bundle on a machine whose engine is {architecture}, into the same folder if you like.",
    )
    require_same(own, root)
    return own


def require_same(part: Part, root: Path) -> None:
    """Raise WorkshopError with the names of images that differ from this checkout's."""
    has: Mapping[str, str] = part.content["tags"]
    other = [name for name, tag in recipes.tags(root).items() if has.get(name) != tag]
    if other:
        images = "image" if len(other) == 1 else "images"
        raise WorkshopError(
            f"The bundle is of another version of the workshop ({part.version}; this one is {version_of(root)}): "
            f"the {images} {', '.join(other)} would have to be built here.",
            "Check out the bundle's version, or build with a network: ./workshop setup.",
        )


def this_architecture() -> str:
    """Return the architecture of a local engine in Docker's words; "" for a remote one."""
    machine = platform.machine().lower()
    is_local = os.environ.get("DOCKER_HOST", "unix:").startswith("unix:")
    return ARCHITECTURES.get(machine, machine) if is_local else ""
