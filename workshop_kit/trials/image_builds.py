"""How checks build images: options of the builder, limits beyond its time, and what is kept for the next check."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from workshop_kit.trials.control import Wait
from workshop_kit.trials.result import Result


def no_guard() -> Callable[[], str]:
    """Return a guard that never ends a build."""

    def reason_to_end() -> str:
        return ""

    return reason_to_end


@dataclass(frozen=True)
class FailedBuild:
    """A build that gave no image: the result of its check, and the waits that ended by their limit."""

    result: Result
    waits: tuple[Wait, ...] = ()


@dataclass
class ImageBuilds:
    """The builds of the checks of one workspace.

    ``options`` are more words for the builder. ``new_guard`` is called when a build begins; what it returns is called
    while it runs, and says why the build has to end, or "". With ``keeps_images`` an image stays for other checks of
    the same folder, and so does the failure of a build, until `forget`.
    """

    options: tuple[str, ...] = ()
    new_guard: Callable[[], Callable[[], str]] = no_guard
    keeps_images: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    failures: dict[str, FailedBuild] = field(default_factory=dict)

    def key(self, folder: Path, base: str) -> str:
        """Return the name by which the build of a folder on a base is known; "" if nothing is kept."""
        return f"{base} {folder_digest(folder)}" if self.keeps_images else ""

    def forget(self, remove: Callable[[str], None]) -> None:
        """Forget all builds, and call ``remove`` with the tag of each image that was kept."""
        for tag in self.tags.values():
            remove(tag)
        self.tags.clear()
        self.failures.clear()


def folder_digest(folder: Path) -> str:
    """Return the SHA-256 of the names, modes and contents below a folder; a link counts by what it says."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        content = b""
        kind = "folder"
        if path.is_symlink():
            kind = "link"
            content = str(path.readlink()).encode()
        elif path.is_file():
            kind = f"file {path.stat().st_mode & 0o777:o}"
            content = path.read_bytes()

        name = path.relative_to(folder).as_posix()
        digest.update(f"{kind}\0{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()
