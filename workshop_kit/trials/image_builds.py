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
    """Return the SHA-256 of the names, modes and contents below a folder; the content of a link is its target."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        kind, content = _kind_and_content(path)
        name = path.relative_to(folder).as_posix()
        head = f"{kind}\0{name}\0{len(content)}\0"
        digest.update(head.encode() + content)

    return digest.hexdigest()


def _kind_and_content(path: Path) -> tuple[str, bytes]:
    """Return what a path is (a file with its mode), and its bytes; a folder has none."""
    if path.is_symlink():
        return "link", str(path.readlink()).encode()
    if path.is_file():
        mode = path.stat().st_mode & 0o777
        return f"file {mode:o}", path.read_bytes()
    return "folder", b""
