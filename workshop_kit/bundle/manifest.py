"""The parts of a bundle and their manifests: written atomically, chosen, verified before use (standard library only).

A part is a folder of plain files, whose names every USB stick can hold, and a ``manifest.json`` with their checksums.
The checksums detect damage, not malice: an attacker who changes a file can change its checksum, too.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from workshop_kit.engine import recipes
from workshop_kit.errors import NotReady, WorkshopError
from workshop_kit.paths import commit
from workshop_kit.progress import Report, Step, silent

MANIFEST = "manifest.json"
FORMAT = 3
TASK = "Bundle"
MB = 1_000_000
SHORT = 12
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}

Kind = Literal["images", "wheels"]


@dataclass(frozen=True)
class File:
    """Checksum and size of a file."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Part:
    """One part. ``name`` is its kind of machine (``amd64``), ``version`` the version of the workshop.

    ``content`` holds further data of the kind of part.
    """

    folder: Path
    kind: Kind
    name: str
    version: str
    files: Mapping[str, File] = field(default_factory=dict)
    content: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """The size of its files without the manifest."""
        return sum(file.size_bytes for file in self.files.values())


def parts(bundle: Path) -> list[Part]:
    """Return the parts of a bundle by name, without verifying their files.

    Raises WorkshopError for a folder that is not a bundle, and for a damaged manifest.
    """
    with readable(bundle):
        found = [_read(path) for path in sorted(bundle.glob(f"*/{MANIFEST}")) if not path.parent.name.startswith(".")]
    if not found:
        what = "is not a bundle" if bundle.is_dir() else "is no folder"
        raise WorkshopError(f"{bundle} {what}.", "Name the folder that `./workshop bundle save` wrote.")
    return found


def verify(part: Part, report: Report = silent) -> None:
    """Compare all checksums. Raises WorkshopError for the first file that is missing or differs."""
    with readable(part.folder):
        done, doing = 0, f"checking {part.folder.name} ({megabytes(part.size_bytes)})"
        for name, wanted in part.files.items():
            report(Step(TASK, done / max(part.size_bytes, 1), doing))
            path = part.folder / name
            if not path.is_file():
                raise _damaged(path, "is missing")
            if sha256_of(path) != wanted.sha256:
                raise _damaged(path, "is not as it was saved: its checksum differs")
            done += wanted.size_bytes
    report(Step(TASK, 1.0, done=True))


@contextlib.contextmanager
def writing(bundle: Path, kind: Kind, name: str, version: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield a folder for a part's files and a dict for its content; a successful block makes the part.

    It replaces an older part of that name. Raises WorkshopError if it cannot be written, or if another folder has its
    name.
    """
    target, partial = bundle / f"{kind}-{name}", bundle / f".{kind}-{name}.partial"
    content: dict[str, Any] = {}
    try:
        if target.exists() and not (target / MANIFEST).is_file():
            raise WorkshopError(f"{target} is in the way, and is no part of a bundle.", "Name another folder.")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial, content
        files = {path.name: File(sha256_of(path), path.stat().st_size) for path in sorted(partial.iterdir())}
        _write_manifest(Part(partial, kind, name, version, files, content))
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    except OSError as error:
        raise WorkshopError(
            f"The bundle cannot be written to {bundle}: {error.strerror}.",
            "Free some space there (a bundle takes up to 900 MB), or name another folder.",
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def find(found: Iterable[Part], kind: Kind, name: str, next_step: str = "Save the bundle again.") -> Part:
    """Return one part of a bundle. Raises WorkshopError with the names that there are if it is missing."""
    there = {part.name: part for part in found if part.kind == kind}
    if name not in there:
        raise WorkshopError(
            f"The bundle has {kind} for {', '.join(there) or 'nothing'}, and not for {name}.", next_step
        )
    return there[name]


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


@contextlib.contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Turn an OSError of the block into one sentence."""
    try:
        yield
    except OSError as error:
        raise WorkshopError(
            f"{folder} cannot be read: {error.strerror}.", "Copy the bundle again, or try another stick."
        ) from error


def sha256_of(path: Path) -> str:
    """Return a file's checksum. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_space(free_bytes: int, needed_bytes: int, what: str) -> None:
    """Raise NotReady if a disk has too little space for ``what``: "the packages"."""
    if free_bytes < needed_bytes:
        raise NotReady(
            f"The disk is nearly full: {free_bytes / 1e9:.1f} GB free, and {what} need {needed_bytes / 1e9:.1f}.",
            "Free some space (docker system df shows what images take), then load again.",
        )


def megabytes(size_bytes: int) -> str:
    """Return a size in megabytes.

    >>> megabytes(412_345_678)
    '412 MB'
    """
    return f"{size_bytes / MB:.0f} MB"


def _write_manifest(part: Part) -> None:
    said = {"format": FORMAT, **asdict(part)}
    del said["folder"]
    path = part.folder / MANIFEST
    with path.open("w", encoding="utf-8") as file:
        json.dump({"sha256": _digest(said), "part": said}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())  # people pull out sticks early


def _read(path: Path) -> Part:
    try:
        document = json.loads(path.read_bytes())
        said = document["part"]
        is_whole = document["sha256"] == _digest(said)
        files = {name: File(**file) for name, file in said["files"].items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _damaged(path, "is not as it was saved") from error
    if said.get("format") != FORMAT:
        raise WorkshopError(f"{path} is of another version of the workshop.", "Save the bundle again.")
    if not is_whole:
        raise _damaged(path, "is not as it was saved: its checksum differs")
    return Part(path.parent, said["kind"], said["name"], said["version"], files, said["content"])


def _digest(said: object) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _damaged(path: Path, what: str) -> WorkshopError:
    return WorkshopError(f"{path} {what}.", "Copy the bundle again; nothing was loaded from it.")


def version_of(root: Path) -> str:
    """Return the checkout's commit: ``commit 60f5cf9a1b2c``, ``commit 60f5cf9a1b2c with changes``, ``no commit``."""
    head, has_changes = commit(root)
    return f"commit {head[:SHORT]}{' with changes' if has_changes else ''}" if head else "no commit"
