"""A file of JSON lines, each a validated record, that several processes may use at once: the ledger, the journal."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Generic, TypeVar

from filelock import FileLock
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from workshop_kit.errors import first_problem
from workshop_kit.files import explain, read_small

Record = TypeVar("Record")

MAX_BYTES = 10_000_000


class RecordFile(Generic[Record]):
    """Records in a file of at most `MAX_BYTES`. ``noun`` is the word for one record in messages.

    What a method has written is on the disk when it returns. Every method raises WorkshopError if the file cannot be
    read or written (a full disk, say).
    """

    def __init__(self, path: Path, kind: type[Record], noun: str) -> None:
        self.path = path
        self._noun = noun
        self._adapter: TypeAdapter[Record] = TypeAdapter(kind)

    def read(self) -> tuple[list[Record], list[str]]:
        """Return the records, oldest first, and a sentence for each line that is no record."""
        try:
            content = read_small(self.path, max_bytes=MAX_BYTES)
        except FileNotFoundError:
            content = b""

        records = []
        problems = []
        lines = content.decode(errors="replace").split("\n")
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                records.append(self._adapter.validate_json(line))
            except ValidationError as error:
                problems.append(f"Line {number} of {self.path} is no {self._noun}: {first_problem(error)}.")

        return records, problems

    def append(self, *records: Record) -> None:
        """Add records at the end. The caller holds the lock."""
        with self._explain_errors(), self.path.open("a+b") as file:
            if _has_torn_line(file):
                file.write(b"\n")  # so that the torn line does not swallow the next one
            file.write(_lines(records))
            file.flush()
            os.fsync(file.fileno())

    def write(self, records: Iterable[Record]) -> None:
        """Replace all records in the same file, which works on a full disk, too. The caller holds the lock."""
        with self._explain_errors():
            self.path.touch()
            with self.path.open("r+b") as file:
                file.write(_lines(records))
                file.flush()
                file.truncate()
                os.fsync(file.fileno())

    def remove_unreadable(self) -> list[str]:
        """Remove the lines that are no records; return a sentence for each."""
        _, problems = self.read()
        if not problems:
            return []

        with self.locked():
            records, problems = self.read()  # again: another process may have been writing
            if problems:
                self.write(records)
        return problems

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the file; a dead process does not keep it."""
        lock = FileLock(self.path.with_suffix(".lock"), poll_interval=0.01)
        with self._explain_errors():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()

        try:
            yield
        finally:
            lock.release()

    @contextlib.contextmanager
    def _explain_errors(self) -> Iterator[None]:
        """Turn an OSError of the block into a WorkshopError that names the file."""
        try:
            yield
        except OSError as error:
            raise explain(error, self.path) from error


def _has_torn_line(file: BinaryIO) -> bool:
    """Return whether a file ends without a line end, as after a power cut."""
    is_empty = file.seek(0, os.SEEK_END) == 0
    if is_empty:
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


def _lines(records: Iterable[Any]) -> bytes:
    """Return records as JSON lines."""
    return b"".join(to_json(record) + b"\n" for record in records)
