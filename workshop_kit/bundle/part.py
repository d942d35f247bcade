"""The parts of a bundle: written atomically, chosen, verified before use (standard library only).

A part is a folder of plain files, whose names every USB stick can hold; ``part.json`` has its other fields, and
``SHA256SUMS`` has the checksums, as ``sha256sum --check`` reads them. They detect damage, not malice: an attacker who
changes a file can change its checksum, too.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from workshop_kit.engine import recipes
from workshop_kit.errors import NotReady, WorkshopError
from workshop_kit.files import read_document
from workshop_kit.host import this_machine
from workshop_kit.terminal import say

CHECKSUMS = "SHA256SUMS"
ABOUT = "part.json"
"""Its checksum is the last line of `CHECKSUMS`: without that line the list was cut off."""
CHECKSUM_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
MB = 1_000_000

Kind = Literal["images", "wheels"]


@dataclass(frozen=True)
class Part:
    """One part: the folder ``images-amd64``, say, holds the images for the architecture ``amd64``.

    ``checksums`` are by file name; ``version`` is the workshop's. A part of images has their ``tags`` by name. A part
    of wheels has ``lock``, the checksum of requirements.lock.
    """

    folder: Path
    checksums: Mapping[str, str]
    version: str
    tags: Mapping[str, str] = field(default_factory=dict)
    lock: str = ""

    @property
    def size_bytes(self) -> int:
        """The size of all its files. Raises OSError."""
        return sum((self.folder / name).stat().st_size for name in self.checksums)

    def __str__(self) -> str:
        return f"{self.folder.name}: {len(self.checksums)} files, {self.size_bytes / MB:.0f} MB"


def parts(bundle: Path) -> list[Part]:
    """Return the parts of a bundle by name, without verifying their files.

    Raises WorkshopError for a folder that is not a bundle, and for a part that is damaged or of another version.
    """
    with explain_read_errors(bundle):
        folders = [path.parent for path in sorted(bundle.glob(f"*/{CHECKSUMS}"))]
        bundle_parts = [_read_part(folder) for folder in folders if not folder.name.startswith(".")]

    if not bundle_parts:
        problem = "is not a bundle" if bundle.is_dir() else "is no folder"
        raise WorkshopError(f"{bundle} {problem}.", "Name the folder that `./workshop bundle save` wrote.")
    return bundle_parts


def verify(part: Part) -> None:
    """Compare all checksums. Raises WorkshopError for the first file that is missing or differs."""
    with explain_read_errors(part.folder):
        say(f"Checking {part}")
        for name, checksum in part.checksums.items():
            if sha256_of(part.folder / name) != checksum:
                raise _damage_error(part.folder / name)


@contextlib.contextmanager
def write_part(bundle: Path, kind: Kind, name: str, version: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield a folder for a part's files, and a dict for the other fields of `Part`.

    At the end of a successful block they become the part, in place of an older one of that name. Raises WorkshopError
    if the part cannot be written, or if a folder of that name is no part.
    """
    target = bundle / f"{kind}-{name}"
    partial = bundle / f".{kind}-{name}.partial"
    about: dict[str, Any] = {"version": version}
    try:
        _require_replaceable(target)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)

        yield partial, about

        _write_description(partial, about)
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    except OSError as error:
        raise WorkshopError(
            f"The bundle cannot be written to {bundle}: {error.strerror}.",
            "Free some space there (a bundle takes up to 900 MB), or name another folder.",
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _require_replaceable(target: Path) -> None:
    """Raise WorkshopError if a path exists and is no part of a bundle."""
    if target.exists() and not (target / CHECKSUMS).is_file():
        raise WorkshopError(f"{target} is in the way, and is no part of a bundle.", "Name another folder.")


def _write_description(folder: Path, about: dict[str, Any]) -> None:
    """Write the two files that describe a part: its fields, and the checksums of all its files. Raises OSError."""
    files = sorted(folder.iterdir())
    (folder / ABOUT).write_text(json.dumps(about, indent=1), encoding="utf-8")

    lines = [f"{sha256_of(path)}  {path.name}\n" for path in (*files, folder / ABOUT)]
    with (folder / CHECKSUMS).open("w", encoding="utf-8") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())  # a stick may be pulled out at once


def find(bundle_parts: Iterable[Part], kind: Kind, name: str, next_step: str) -> Part:
    """Return the part of this kind and name. Raises WorkshopError if it is missing, with the names of the others."""
    prefix = f"{kind}-"
    part_by_name: dict[str, Part] = {}
    for part in bundle_parts:
        folder_name = part.folder.name
        if folder_name.startswith(prefix):
            part_by_name[folder_name.removeprefix(prefix)] = part

    if name not in part_by_name:
        names = ", ".join(part_by_name) or "nothing"
        raise WorkshopError(f"The bundle has {kind} for {names}, and not for {name}.", next_step)
    return part_by_name[name]


def require_same(part: Part, root: Path) -> None:
    """Raise WorkshopError if images of a part differ from this checkout's; it has their names."""
    names = [name for name, tag in recipes.tags(root).items() if part.tags.get(name) != tag]
    if names:
        images = "image" if len(names) == 1 else "images"
        raise WorkshopError(
            f"The bundle is of another version of the workshop ({part.version}; this one is {version_of(root)}): "
            f"the {images} {', '.join(names)} would have to be built here.",
            "Check out the bundle's version, or build with a network: ./workshop setup.",
        )


def this_architecture() -> str:
    """Return the architecture of a local engine by Docker's name (``amd64``); "" if the engine is remote."""
    is_local = os.environ.get("DOCKER_HOST", "unix:").startswith("unix:")
    return this_machine().architecture if is_local else ""


@contextlib.contextmanager
def explain_read_errors(folder: Path) -> Iterator[None]:
    """Turn an OSError of the block into a WorkshopError of one sentence."""
    try:
        yield
    except OSError as error:
        raise WorkshopError(
            f"{error.filename or folder} cannot be read: {error.strerror}.",
            "Copy the bundle again, or try another stick.",
        ) from error


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 checksum in hexadecimal digits. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_space(free_bytes: int, needed_bytes: int, what: str) -> None:
    """Raise NotReady if a disk has too little space for ``what``: "the packages"."""
    if free_bytes < needed_bytes:
        raise NotReady(
            f"The disk is nearly full: {free_bytes / 1e9:.1f} GB free, and {what} need {needed_bytes / 1e9:.1f}.",
            "Free some space (docker system df shows what images take), then load again.",
        )


def _read_part(folder: Path) -> Part:
    """Read a part. Raises WorkshopError if it is damaged or of another version."""
    lines = (folder / CHECKSUMS).read_text(encoding="utf-8", errors="replace").splitlines()
    matches = [CHECKSUM_LINE.fullmatch(line) for line in lines]
    checksums = {match[2]: match[1] for match in matches if match}
    if not all(matches) or ABOUT not in checksums:
        raise _damage_error(folder / CHECKSUMS)

    try:
        return Part(folder, checksums, **read_document(folder / ABOUT))
    except NotReady as error:
        raise _damage_error(folder / ABOUT) from error
    except TypeError as error:  # a field is unknown to this version, or missing
        raise WorkshopError(f"{folder} is of another version of the workshop.", "Save the bundle again.") from error


def _damage_error(path: Path) -> WorkshopError:
    return WorkshopError(f"{path} is not as it was saved.", "Copy the bundle again; nothing was loaded from it.")


def version_of(root: Path) -> str:
    """Return the checkout's version: ``commit 60f5cf9a1b2c``, ``commit 60f5cf9a1b2c with changes`` or ``no commit``."""
    head, has_changes = recipes.commit(root)
    if not head:
        return "no commit"

    changes = " with changes" if has_changes else ""
    return f"commit {head[:12]}{changes}"
