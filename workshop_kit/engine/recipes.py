"""The workshop's images: their folders, their bases, their tags and their labels. It runs on a Python without packages.

A tag is the hash of what the image is built from (its folder, and its base's tag): an image with that tag is up to
date, and two checkouts on one engine do not overwrite each other's tags.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from workshop_kit.engine.labels import LOCAL
from workshop_kit.errors import NotReady
from workshop_kit.files import files_below, read_document

HUB = "docker.io/"
"""The registry in a full name of an image, where the short name has none."""
REPOSITORY = f"{LOCAL}container-workshop"
RELEASE = "trixie"
"""The release of Debian that all images are built on."""
PYTHON_ALIAS = f"{LOCAL}workshop/python:3.13"
"""A friendly tag of the image ``python``, with Python's version in RELEASE."""
ALIASES = {
    "python": PYTHON_ALIAS,
    "mariadb": f"{LOCAL}workshop/mariadb:11.8",
    "redis": f"{LOCAL}workshop/redis:8",
}
"""The images on which participants build and beside which they run, with friendly tags."""
VARIABLES = {"BASE": PYTHON_ALIAS, "MARIADB": ALIASES["mariadb"], "REDIS": ALIASES["redis"]}
"""The variables by which participants' files take these images; without them they take the official ones."""
SERVICE = "workshop_app"
"""The folder of the service. The image copies all of its files, and the database reads its schema from there."""
OCI = "org.opencontainers.image."
"""The prefix of the OCI image specification's labels."""


@dataclass(frozen=True)
class Recipe:
    """One image: its folder in the checkout, and its base (None: plain Debian)."""

    name: str
    folder: str
    base: str | None = "base"


RECIPES: tuple[Recipe, ...] = (
    Recipe("base", "images/base", base=None),
    Recipe("app", SERVICE),
    Recipe("python", "images/python"),
    Recipe("mariadb", "images/mariadb"),
    Recipe("redis", "images/redis"),
    Recipe("fault_proxy", "images/fault_proxy"),
    Recipe("load", "images/load"),
    Recipe("proxy", "images/proxy"),
    Recipe("parameter_store", "images/parameter_store"),
    Recipe("collector", "images/collector"),
    Recipe("agent", "images/agent"),
    Recipe("prometheus", "images/prometheus"),
)


def closed_files(root: Path) -> list[Path]:
    """Return the service's files, and its folder, that some user may not read: a clone with umask 077 has such ones."""
    closed_paths = []
    for path in (root / SERVICE, *files_below(root / SERVICE)):
        needed_mode = _mode_for_all(path)
        present_mode = path.stat().st_mode & needed_mode
        if present_mode != needed_mode:
            closed_paths.append(path)
    return closed_paths


def open_files(root: Path) -> None:
    """Let every user read the service's files: its image copies them with their modes, and the database reads one.

    Raises NotReady for a file that belongs to another user.
    """
    for path in closed_files(root):
        try:
            path.chmod(path.stat().st_mode | _mode_for_all(path))
        except OSError as error:
            advice = f"Ask its owner for: chmod -R a+rX {root / SERVICE}"
            raise NotReady(f"Containers cannot read {path}.", advice) from error


def _mode_for_all(path: Path) -> int:
    """Return the bits of a mode with which every user may read a file, or enter a folder and list it."""
    return 0o555 if path.is_dir() else 0o444


def tags(root: Path) -> dict[str, str]:
    """Return the tag of each image of this checkout, built or not, by name."""
    tags_by_name: dict[str, str] = {}
    for recipe in RECIPES:
        base = tags_by_name[recipe.base] if recipe.base else RELEASE
        tags_by_name[recipe.name] = tag_of(root, recipe, base)
    return tags_by_name


def tag_of(root: Path, recipe: Recipe, base: str) -> str:
    """Return the tag of one image on a base with this tag.

    The modes of files do not count: on a disk of Windows every file is executable. The Dockerfiles set them.
    """
    folder = root / recipe.folder
    digest = hashlib.sha256(base.encode())
    for path in files_below(folder):
        relative_path = path.relative_to(folder).as_posix()
        digest.update(f"\0{relative_path}\0".encode() + path.read_bytes())
    return f"{REPOSITORY}/{recipe.name}:{digest.hexdigest()[:12]}"


def wheels(root: Path) -> dict[str, str]:
    """Return the versions of the packages that `pip install` finds in the image ``python``, by name."""
    lock = (root / "images" / "python" / "requirements.txt").read_text()
    # After a semicolon stand conditions on the system and the version of Python.
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+) \\$", lock, re.MULTILINE))


def image_labels(root: Path) -> dict[str, str]:
    """Return the labels version, revision and source of images that are built from the checkout ``root``.

    They do not count for an image's tag, so that a new commit alone builds no image anew. Without git there is no
    revision, and without ``Source`` in pyproject.toml's ``[project.urls]`` no source.
    """
    project = read_document(root / "pyproject.toml")["project"]
    urls = project.get("urls", {})
    head, has_changes = commit(root)

    labels = {
        "version": project["version"],
        "revision": f"{head}-dirty" if has_changes else head,
        "source": urls.get("Source", ""),
    }
    return {f"{OCI}{name}": value for name, value in labels.items() if value}


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


def short_name(image: str) -> str:
    """Return an image's name without the registry and the folder that Docker Hub's names have; Podman lists those.

    >>> short_name("docker.io/library/python:3.13")
    'python:3.13'
    """
    return image.removeprefix(HUB).removeprefix("library/")
