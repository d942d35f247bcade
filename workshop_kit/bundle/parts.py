"""The parts of a bundle: written whole or not at all, and proven before use (standard library only).

A part is a folder of plain files, whose names any file system of a USB stick can hold, and a ``manifest.json``, which
says what they are and what their checksums are. The checksums find damage. They do not find malice: whoever can change
a file can change its checksum.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, Literal

from workshop_kit.errors import WorkshopError
from workshop_kit.progress import Report, Step, silent

MANIFEST = "manifest.json"
FORMAT = 1
PIECE_BYTES = 1024**2
TASK = "Bundle"
MB = 1_000_000

Kind = Literal["images", "wheels"]


@dataclass(frozen=True)
class File:
    """What a file of a part must be."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Part:
    """One part: ``name`` says for what machine (``amd64``), ``version`` which version of the workshop it is of.

    ``content`` is what the kind of part needs to know besides.
    """

    folder: Path
    kind: Kind
    name: str
    version: str
    files: Mapping[str, File] = field(default_factory=dict)
    content: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """What its files take, the manifest aside."""
        return sum(file.size_bytes for file in self.files.values())


def parts(bundle: Path) -> list[Part]:
    """Return the parts of a bundle, by name; their files are not looked at yet.

    Raises WorkshopError for a folder that is not a bundle, and for a manifest that is damaged.
    """
    with readable(bundle):
        found = [_read(path) for path in sorted(bundle.glob(f"*/{MANIFEST}")) if not path.parent.name.startswith(".")]
    if not found:
        what = "is not a bundle" if bundle.is_dir() else "is no folder"
        raise WorkshopError(f"{bundle} {what}.", "Name the folder that `./workshop bundle save` wrote.")
    return found


def verify(part: Part, report: Report = silent) -> None:
    """Hold every file of a part to its size, then to its checksum. Raises WorkshopError with the first that differs."""
    with readable(part.folder):
        for name, wanted in part.files.items():
            _require_size(part.folder / name, wanted)
        done, doing = 0, f"checking {part.folder.name} ({megabytes(part.size_bytes)})"
        for name, wanted in part.files.items():
            report(Step(TASK, done / max(part.size_bytes, 1), doing))
            if sha256_of(part.folder / name) != wanted.sha256:
                raise _damaged(part.folder / name, "is not as it was saved: its checksum differs")
            done += wanted.size_bytes
    report(Step(TASK, 1.0, done=True))


@contextlib.contextmanager
def writing(bundle: Path, kind: Kind, name: str, version: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Give a folder to put a part's files into, and a dict for its content; the part is there when the block ends well.

    An older part of that name is replaced then, and not before. Raises WorkshopError where it cannot be written, and
    for a folder that is in the way.
    """
    target, partial = bundle / f"{kind}-{name}", bundle / f".{kind}-{name}.partial"
    content: dict[str, Any] = {}
    try:
        if target.exists() and not (target / MANIFEST).is_file():
            raise WorkshopError(f"{target} is in the way, and is no part of a bundle.", "Name another folder.")
        _remove(partial)
        partial.mkdir(parents=True)
        yield partial, content
        files = {path.name: File(sha256_of(path), path.stat().st_size) for path in sorted(partial.iterdir())}
        _write_manifest(Part(partial, kind, name, version, files, content))
        _remove(target)
        partial.rename(target)
    except OSError as error:
        raise WorkshopError(
            f"The bundle cannot be written to {bundle}: {error.strerror}.",
            "Free some space there (a bundle takes up to 900 MB), or name another folder.",
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def find(bundle: Path, kind: Kind, name: str) -> Part:
    """Return one part of a bundle. Raises WorkshopError where it is not there."""
    for part in parts(bundle):
        if (part.kind, part.name) == (kind, name):
            return part
    raise WorkshopError(f"{bundle} has no {kind} for {name}.", "Save the bundle again.")


def intact(bundle: Path, kind: Kind, name: str, content: Mapping[str, Any], report: Report = silent) -> Part | None:
    """Return a part that an earlier save left, if it has this content and all its files are whole; else None."""
    try:
        part = find(bundle, kind, name)
        if {key: part.content.get(key) for key in content} != dict(content):
            return None
        verify(part, report)
    except WorkshopError:
        return None
    return part


@contextlib.contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Turn what a folder's disk says in the block into one sentence."""
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


def megabytes(size_bytes: int) -> str:
    """Return a size as people read it on a USB stick.

    >>> megabytes(412_345_678)
    '412 MB'
    """
    return f"{size_bytes / MB:.0f} MB"


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _write_manifest(part: Part) -> None:
    files = {name: [file.sha256, file.size_bytes] for name, file in part.files.items()}
    said = {
        "format": FORMAT,
        "kind": part.kind,
        "name": part.name,
        "version": part.version,
        "files": files,
        "content": part.content,
    }
    path = part.folder / MANIFEST
    with path.open("w", encoding="utf-8") as file:
        json.dump({"sha256": _digest(said), "part": said}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())  # a stick is pulled out early


def _read(path: Path) -> Part:
    try:
        document = json.loads(path.read_bytes())
        said = document["part"]
        is_whole = document["sha256"] == _digest(said)
        files = {str(name): File(str(sha256), int(size)) for name, (sha256, size) in said["files"].items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _damaged(path, "is not as it was saved") from error
    if said.get("format") != FORMAT:
        raise WorkshopError(f"{path} is of another version of the workshop.", "Save the bundle again.")
    if not is_whole or not all(_is_plain(name) for name in files):
        raise _damaged(path, "is not as it was saved: its checksum differs")
    return Part(path.parent, said["kind"], said["name"], said["version"], files, said["content"])


def _is_plain(name: str) -> bool:
    """Whether it names a file in the part itself, and not somewhere else on the machine."""
    return name not in {"", ".", ".."} and PurePath(name).name == name


def _digest(said: object) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _require_size(path: Path, wanted: File) -> None:
    if not path.is_file():
        raise _damaged(path, "is missing")
    has = path.stat().st_size
    if has != wanted.size_bytes:
        raise _damaged(path, f"is not as it was saved: it has {has} bytes, not {wanted.size_bytes}")


def _damaged(path: Path, what: str) -> WorkshopError:
    return WorkshopError(f"{path} {what}.", "Copy the bundle again; nothing was loaded from it.")
