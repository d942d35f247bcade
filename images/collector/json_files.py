"""Logs in the engine's folder of containers: json-files, followed through their rotations.

The engine renames ``X-json.log`` to ``X-json.log.1``, that to ``.2``, and so on, and removes the last. The file that is
being read stays open, so it can be read to its end after it was renamed or removed.
"""

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from .records import Identity, Log, Position, identify, parse
from .settings import Settings

READ_BYTES = 1024 * 1024
ROTATED = "the log was rotated before it was read"
TRUNCATED = "the log was truncated, and not by the engine"


class Folder:
    """The source of logs where the engine's folder of containers is mounted; ``logs`` has them by container."""

    name = "files"
    settle_seconds = 0.15  # from a write until the line can be read

    def __init__(self, settings: Settings, positions: Mapping[str, Position]) -> None:
        self.logs: dict[str, JsonFileLog] = {}
        self._settings = settings
        self._positions = dict(positions)
        self._others: set[str] = set()

    def discover(self) -> set[str]:
        """Add the logs of new containers, forget those that ended, and return the ids of all containers."""
        self.logs = {container: log for container, log in self.logs.items() if not log.ended}
        ids = {path.name for path in self._settings.source.iterdir()}
        self._others &= ids
        for container in ids - self._others - self.logs.keys():
            self._add(self._settings.source / container)
        return ids

    def _add(self, folder: Path) -> None:
        try:
            config = json.loads((folder / "config.v2.json").read_bytes())
            driver = json.loads((folder / "hostconfig.json").read_bytes())["LogConfig"]
            identity = identify(folder.name, config["Name"], labels := config["Config"]["Labels"] or {})
        except (OSError, ValueError, LookupError, TypeError):
            return  # it is being created: the next look finds it
        if self._settings.collects(labels) and driver["Type"] == "json-file":
            max_files = int((driver["Config"] or {}).get("max-file", 1))
            self.logs[folder.name] = JsonFileLog(folder, identity, self._positions.pop(folder.name, None), max_files)
            return
        self._others.add(folder.name)


class JsonFileLog(Log):
    """One container's log, read from the engine's files."""

    def __init__(self, folder: Path, identity: Identity, position: Position | None, max_files: int) -> None:
        super().__init__(identity, position)
        self._newest = folder / f"{identity.container}-json.log"
        self._max_files = max_files
        self._file: BinaryIO | None = None
        self._inode: int | None = None
        self._offset = 0
        self._first = 0  # the first line identifies a file: inode numbers are reused
        self._lost = "inode" in self.position and not self._resume()  # the file that the position is in is gone

    def receive(self) -> bool:
        """Add new lines, at most 1 MiB of them."""
        gone = not self._newest.parent.exists()
        self.drained = self._read_on()
        if gone and self.drained and self._file is not None:  # its last name shows whether there was a newer file
            name = Path(f"/proc/self/fd/{self._file.fileno()}").readlink().name
            if name.removesuffix(" (deleted)") != self._newest.name:
                self.add_gap(ROTATED)
            self._file.close()
            self._file = None
        return gone

    def _read_on(self) -> bool:
        """Add records from the position on; return whether the end was reached."""
        room = READ_BYTES
        while room > 0:
            finished = _inode(self._newest) not in {None, self._inode}  # looked up first: it may grow until then
            for line in self._lines(finished):
                place = {"inode": self._inode, "offset": self._offset, "first": self._first}
                self.add(parse(self.identity, line.removesuffix(b"\n")), place)
                room -= len(line)
                if room <= 0:
                    return False
            if not finished:
                return True
            self._open_next()
        return False

    def _lines(self, finished: bool) -> Iterator[bytes]:
        """Yield lines of the open file; an incomplete last line only if the file no longer grows."""
        if self._file is None:
            return
        if os.fstat(self._file.fileno()).st_size < self._offset:
            self.add_gap(TRUNCATED)
            self._file.seek(0, os.SEEK_END)  # forgets what is buffered
            self._offset = 0
        self._file.seek(self._offset)
        while (line := self._file.readline()) and (finished or line.endswith(b"\n")):
            self._first = self._first if self._offset else zlib.crc32(line)
            self._offset += len(line)
            yield line

    def _open_next(self) -> None:
        """Open the next newer file; if it is gone, the oldest."""
        newer: list[BinaryIO] = []
        for file in _files(self._newest):
            if _inode(file.fileno()) == self._inode:
                file.close()
                break
            newer.append(file)
        else:
            if self._file is not None or self._lost or 1 < self._max_files <= len(newer):
                self.add_gap(ROTATED)
        if newer:
            self._use(newer.pop(), 0, 0)
        for file in newer:
            file.close()

    def _resume(self) -> bool:
        """Open the file of the position; return False if it is gone."""
        for file in _files(self._newest):
            first = zlib.crc32(file.readline())
            if _inode(file.fileno()) == self.position["inode"] and first == self.position.get("first"):
                self._use(file, self.position["offset"], first)
                return True
            file.close()
        return False

    def _use(self, file: BinaryIO, offset: int, first: int) -> None:
        if self._file is not None:
            self._file.close()
        self._file = file
        self._inode = _inode(file.fileno())
        self._offset = offset
        self._first = first


def _files(newest: Path) -> Iterator[BinaryIO]:
    """Open a log's files, newest first. During a rename one name is missing, and a file may appear twice."""
    number = missing = 0
    while missing < 2:
        path = newest.with_name(f"{newest.name}.{number}") if number else newest
        number += 1
        try:
            yield path.open("rb")
        except FileNotFoundError:
            missing += 1


def _inode(file: Path | int) -> int | None:
    """Return the inode of a name or an open file; None if the name is missing."""
    try:
        return os.stat(file).st_ino  # noqa: PTH116 - an open file has no path
    except FileNotFoundError:
        return None
