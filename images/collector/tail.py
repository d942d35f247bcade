"""Follow the log of one container through its rotations, from a position on."""

from __future__ import annotations

import os
import time
from pathlib import Path

from . import rotation
from .batches import Batch, Position, Sorted, sort, with_gaps
from .gaps import Gap
from .records import Identity
from .rotation import HEAD_BYTES, Held

LIMIT_BYTES = 4 * 1024 * 1024
HOLD_SECONDS = 2.0
"""How long the pieces of a line wait for the last one: a program may write the beginning of a line and think."""

OUTRAN = "the log was rotated faster than it was read"
SHORTENED = "the log was cut by somebody else than the engine"
UNSEEN = "the log was rotated and removed before its newest file was read"
BEFORE = "the log had been rotated before it was read for the first time"


class Tail:
    """One container's log. ``drained`` is whether the last look found no more than it could take."""

    def __init__(self, folder: Path, identity: Identity, position: Position | None, max_files: int) -> None:
        self.identity, self.drained = identity, False
        self._folder, self._current = folder, folder / f"{identity.container}-json.log"
        self._held: list[Held] = []  # oldest first; the first one is being read
        self._offset, self._time = 0, ""
        self._waits_since: float | None = None
        self._gaps: list[Gap] = []
        self._begin(position, max_files)

    def read(self) -> Batch | None:
        """What is new, at most 4 MiB of it, or None."""
        self._look()
        files = self._lines()
        lines = [line for some in files for line in some]
        if lines and (found := self._sorted(lines)).used:
            self._advance(files, found.used)
            self._time = found.time or self._time
            return self._batch(found.lines, _size(lines[: found.used]))
        self._advance(files, 0)
        ended = not lines and not self._folder.exists()
        if ended and self._held and self._held[-1].name != self._current.name:
            self._gaps.append(Gap(UNSEEN, self._time))
        return self._batch({}, ended=ended) if ended or self._gaps else None

    def close(self) -> None:
        """Let go of the files."""
        for held in self._held:
            held.close()
        self._held = []

    def _lines(self) -> list[list[bytes]]:
        """Complete lines from the position on, a list for each file: a line may begin in one and end in the next."""
        found: list[list[bytes]] = []
        room, self.drained = LIMIT_BYTES, False
        for number, held in enumerate(self._held):
            last = number == len(self._held) - 1
            data = os.pread(held.handle, room, self._begins_at(held) if number == 0 else 0)
            *lines, rest = data.split(b"\n")
            if rest and not last and len(data) < room:  # nothing is added to it any more: this will stay half a line
                lines.append(rest)
            found.append(lines)
            if len(data) == room:
                return found
            room -= len(data)
        self.drained = True
        return found

    def _begins_at(self, held: Held) -> int:
        """The position in the file being read; its beginning, if somebody has cut the file."""
        if os.fstat(held.handle).st_size < self._offset:
            self._gaps.append(Gap(SHORTENED, self._time))
            self._offset = 0
        return self._offset

    def _sorted(self, lines: list[bytes]) -> Sorted:
        """As many of the lines as can go: all, or those before a line whose pieces are not all there."""
        now = time.monotonic()
        waited = self._waits_since is not None and now - self._waits_since > HOLD_SECONDS
        found = sort(lines, self.identity, whole=not waited)
        if not found.used and _size(lines) > LIMIT_BYTES // 2:
            found = sort(lines, self.identity, whole=False)
        if found.used:
            self._waits_since = None
        elif self._waits_since is None:
            self._waits_since = now
        return found

    def _advance(self, files: list[list[bytes]], used: int) -> None:
        """Move the position behind the lines that were used, and let go of files that are read to their end."""
        for number, lines in enumerate(files):
            if used < len(lines) or number == len(files) - 1:
                self._offset += _size(lines[:used])
                return
            used -= len(lines)
            self._held.pop(0).close()
            self._offset = 0

    def _batch(self, lines: dict[str, list[bytes]], size: int = 0, *, ended: bool = False) -> Batch:
        gaps, self._gaps = self._gaps, []
        return Batch(self.identity, with_gaps(lines, gaps, self.identity), self._position(), size, ended)

    def _position(self) -> Position:
        position = {"environment": self.identity.environment, "service": self.identity.service, "time": self._time}
        if self._held:
            head = min(self._offset, HEAD_BYTES)
            position |= {"inode": self._held[0].inode, "offset": self._offset, "head": head}  # type: ignore[dict-item]
            position["print"] = self._held[0].fingerprint(head)
        return position

    def _look(self) -> None:
        """Open what is newer than the newest file held."""
        inode = rotation.inode_of(self._current)
        if inode is None or (self._held and inode == self._held[-1].inode):
            return
        until = self._held[-1].inode if self._held else None
        newer, met = rotation.held_from(self._current, until)
        if until is not None and not met:
            self._gaps.append(Gap(OUTRAN, self._time))
        self._held += reversed(newer)

    def _begin(self, position: Position | None, max_files: int) -> None:
        """Find the file that the position is in; if it is gone, begin with the oldest there is."""
        files, _ = rotation.held_from(self._current, None)
        if position is None or "inode" not in position:
            if max_files > 1 and len(files) >= max_files:
                self._gaps.append(Gap(BEFORE))
            self._held = files[::-1]
            return
        self._time = position["time"]
        for number, held in enumerate(files):
            if held.inode == position["inode"] and held.fingerprint(position["head"]) == position["print"]:
                for older in files[number + 1 :]:
                    older.close()
                self._held, self._offset = files[number::-1], position["offset"]
                return
        self._gaps.append(Gap(OUTRAN, self._time))
        self._held = files[::-1]


def _size(lines: list[bytes]) -> int:
    return sum(map(len, lines)) + len(lines)
