"""The files of one container's log, held open from the one being read to the newest.

The engine renames ``X-json.log`` to ``X-json.log.1``, that to ``.2``, and so on, and removes the last. A file that is
held open can be read to its end whatever becomes of its name, also when its container is removed.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

HEAD_BYTES = 256
ATTEMPTS = 20


@dataclass(frozen=True)
class Held:
    """An open file. No other file gets its inode as long as it is held."""

    handle: int
    inode: int

    @property
    def name(self) -> str:
        """What it is called now, or was when it was removed."""
        return Path(f"/proc/self/fd/{self.handle}").readlink().name.removesuffix(" (deleted)")

    def fingerprint(self, size: int) -> str:
        """What its first bytes are: an inode's number is used again, the first line of a log is not."""
        return hashlib.sha256(os.pread(self.handle, size, 0)).hexdigest()[:32]

    def close(self) -> None:
        """Let go of it."""
        os.close(self.handle)


def inode_of(path: Path) -> int | None:
    """The inode behind a name, or None if there is no such name at this moment."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def held_from(current: Path, until: int | None) -> tuple[list[Held], bool]:
    """Open the newest file and older ones, until the one with the inode ``until``; newest first, that one excluded.

    Also return whether it was met. Opened from the newest on, since names move to older files meanwhile: at worst one
    file is met twice. If the newest has changed by the end, it is done again.
    """
    for _ in range(ATTEMPTS):
        found, met = _walked(current, until)
        newest = found[0].inode if found else until if met else None
        if newest is not None and inode_of(current) == newest:
            return found, met
        for one in found:
            one.close()
    return [], True  # it rotates faster than it can be listed, or is being removed: the next look may have more luck


def _walked(current: Path, until: int | None) -> tuple[list[Held], bool]:
    found: list[Held] = []
    number = 0
    while True:
        path = current.with_name(f"{current.name}.{number}") if number else current
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return found, False
        held = Held(handle, os.fstat(handle).st_ino)
        if held.inode == until or held.inode in {one.inode for one in found}:
            held.close()
            if held.inode == until:
                return found, True
        else:
            found.append(held)
        number += 1
