"""Bytes from one thread to another, in order: first in memory, then in a temporary file, so the writer rarely waits."""

from __future__ import annotations

import queue
import tempfile
import threading
from collections import deque
from typing import Any

MEMORY_BYTES = 8 * 1024 * 1024
DISK_BYTES = 1024 * 1024 * 1024
_READ_BYTES = 1024 * 1024


class Spool:
    """A queue of bytes for one thread that puts and one that gets; where the pieces began and ended is not kept.

    The file has no name: it is gone when the spool is closed, or when the process ends, however that happens.
    """

    def __init__(self, memory_bytes: int = MEMORY_BYTES, disk_bytes: int = DISK_BYTES) -> None:
        self._memory_bytes, self._disk_bytes = memory_bytes, disk_bytes
        self._changed = threading.Condition()
        self._memory: deque[bytes] = deque()
        self._in_memory = 0
        self._file: Any = None  # made when it is needed
        self._at = 0  # where the oldest byte in the file is; the file is a ring
        self._on_disk = 0
        self._ended = self._closed = False

    @property
    def held_bytes(self) -> tuple[int, int]:
        """How many bytes wait: in memory, on disk."""
        with self._changed:
            return self._in_memory, self._on_disk

    def put(self, data: bytes) -> bool:
        """Take bytes, and wait while there is no room. False when it is closed: nobody will get them."""
        with self._changed:
            while data and not self._closed:
                if not self._on_disk and (not self._memory or self._in_memory + len(data) <= self._memory_bytes):
                    self._memory.append(data)
                    self._in_memory += len(data)
                    data = b""
                elif written := self._write(data):
                    data = data[written:]
                else:
                    self._changed.wait()
                self._changed.notify_all()
            return not self._closed

    def end(self) -> None:
        """There is no more to put."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def get(self, timeout_seconds: float) -> bytes:
        """The next bytes, of those on disk a megabyte at most; ``b""`` at the end. Raises queue.Empty if none come."""
        with self._changed:
            self._changed.wait_for(lambda: self._in_memory or self._on_disk or self._ended, timeout_seconds)
            if self._memory:
                data = self._memory.popleft()
                self._in_memory -= len(data)
            elif self._on_disk:
                data = self._read()
            elif self._ended:
                return b""
            else:
                raise queue.Empty
            self._changed.notify_all()
            return data

    def close(self) -> None:
        """Let go of all that waits, and of the file."""
        with self._changed:
            self._closed = self._ended = True
            self._memory.clear()
            self._in_memory = self._on_disk = 0
            if self._file is not None:
                self._file.close()
            self._changed.notify_all()

    def _write(self, data: bytes) -> int:
        """Put as many bytes into the file as fit in one piece; how many they were, 0 also if the disk is full."""
        if self._on_disk >= self._disk_bytes:
            return 0
        start = (self._at + self._on_disk) % self._disk_bytes
        room = min(self._disk_bytes - self._on_disk, self._disk_bytes - start)
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="workshop-logs-", buffering=0)  # noqa: SIM115 — see close()
            self._file.seek(start)
            written: int = self._file.write(data[:room]) or 0
        except OSError:  # no room on this machine's disk: what is in memory has to do
            return 0
        self._on_disk += written
        return written

    def _read(self) -> bytes:
        self._file.seek(self._at)
        data: bytes = self._file.read(min(_READ_BYTES, self._on_disk, self._disk_bytes - self._at))
        self._on_disk -= len(data)
        self._at = (self._at + len(data)) % self._disk_bytes
        if not self._on_disk:
            self._at = 0
            self._file.truncate(0)
        return data
