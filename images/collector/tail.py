"""Follow the log of one container through its rotations, from a position on."""

from __future__ import annotations

import os
import time
from pathlib import Path

from . import rotation
from .batches import Batch, Position, sort, with_gaps
from .gaps import Gap
from .records import Identity
from .rotation import HEAD_BYTES, Held

LIMIT_BYTES = 4 * 1024 * 1024
HOLD_SECONDS = 2.0
"""How long the pieces of a line wait for the last one: a program may write the beginning of a line and think."""

OUTRAN = "the log was rotated faster than it was read"
SHORTENED = "the log was cut by somebody else than the engine"
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
        while self._held:
            lines, last = self._lines()
            if lines:
                if (batch := self._taken(lines)) is not None:
                    return batch
                break
            if last:
                break
            self._held.pop(0).close()
            self._offset = 0
        self.drained = True
        gone = not self._folder.exists()
        return self._batch({}, 0, ended=gone) if gone or self._gaps else None

    def close(self) -> None:
        """Let go of the files."""
        for held in self._held:
            held.close()
        self._held = []

    def _lines(self) -> tuple[list[bytes], bool]:
        """Complete lines from the position on, and whether there is no newer file."""
        held, last = self._held[0], len(self._held) == 1
        data = os.pread(held.handle, LIMIT_BYTES, self._offset)
        if not data and os.fstat(held.handle).st_size < self._offset:
            self._gaps.append(Gap(SHORTENED, self._time))
            self._offset = 0
            data = os.pread(held.handle, LIMIT_BYTES, 0)
        end = data.rfind(b"\n") + 1
        self.drained = last and len(data) < LIMIT_BYTES
        if end == 0:  # half a line at the end of a file that nothing is added to any more will stay half a line
            return ([data], last) if data and not last else ([], last)
        return data[: end - 1].split(b"\n"), last

    def _taken(self, lines: list[bytes]) -> Batch | None:
        """As many of the lines as can go: all, or those before a line whose pieces are not all there."""
        now = time.monotonic()
        waited = self._waits_since is not None and now - self._waits_since > HOLD_SECONDS
        size = sum(map(len, lines)) + len(lines)
        sorted_ = sort(lines, self.identity, whole=not waited and size < LIMIT_BYTES - 256 * 1024)
        if sorted_.used == len(lines):
            self._waits_since = None
        elif self._waits_since is None or sorted_.used:
            self._waits_since = now
        if not sorted_.used:
            return None
        size = sum(map(len, lines[: sorted_.used])) + sorted_.used
        self._offset = min(self._offset + size, os.fstat(self._held[0].handle).st_size)
        self._time = sorted_.time or self._time
        return self._batch(sorted_.lines, size)

    def _batch(self, lines: dict[str, list[bytes]], size: int, *, ended: bool = False) -> Batch:
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
