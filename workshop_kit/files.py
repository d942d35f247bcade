"""Read and copy files that people edit, write files atomically, and explain in a sentence when that fails.

Records are a small file of validated values, a line of JSON each: incidents, and the games of game day.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import stat
import subprocess
import sys
import tempfile
import threading
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any, TypeVar

from workshop_kit.errors import NotReady, first_problem
from workshop_kit.host import sends_events

Value = TypeVar("Value")

MAX_BYTES = 1_000_000
MAX_NOTEBOOK_BYTES = 100_000_000
"""Of a notebook, which may hold many pictures."""
MAX_RECORDS_BYTES = 10_000_000
VISIBLE = (".dockerignore",)
"""Files that are an exercise although their names begin with a dot."""
QUIET_MILLISECONDS = 150
"""A burst of saves ends after this time without a save: editors write a file in several steps."""
LONGEST_MILLISECONDS = 1000
REMOVE_WITH_PARENT = """
import os, shutil, sys, time

folder, parent_id = sys.argv[1:]
while os.getppid() == int(parent_id):
    time.sleep(0.5)
shutil.rmtree(folder, ignore_errors=True)
"""
"""A program for a folder and the id of the process that starts it."""


def is_left_out(path: PurePath) -> bool:
    """Return whether a path is no part of lessons, exercises and solutions: a name in it is hidden, or a cache's."""
    return any(map(_is_left_out_name, path.parts))


def _is_left_out_name(name: str) -> bool:
    is_hidden = name.startswith(".") and name not in VISIBLE
    return is_hidden or name == "__pycache__"


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder in order, without hidden files, caches and links."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and not is_left_out(path.relative_to(folder)):
            yield path


def read_small(path: Path, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the content of a file that people can edit or replace.

    Raises FileNotFoundError when there is no file. Raises NotReady when it is not a regular file (reading a FIFO would
    hang, a device would fill the memory), is larger than ``max_bytes``, or cannot be read.
    """
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise NotReady(f"{path} is no regular file.", "Move it away.")
            content = file.read(max_bytes + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise explain(error, path, "move it away") from error

    if len(content) > max_bytes:
        raise NotReady(f"{path} is larger than {max_bytes / 1e6:g} MB.", "Move it away, or remove what is too much.")
    return content


def _open_at_once(name: str, flags: int) -> int:
    """Open a file, for the built-in ``open``, without waiting for the writer of a FIFO."""
    return os.open(name, flags | os.O_NONBLOCK)


def read_small_text(path: Path, *, max_bytes: int = MAX_BYTES) -> str:
    """Return the text of a file that people can edit, its line ends as they are.

    Raises FileNotFoundError and NotReady as `read_small` does, and NotReady also when the file is not UTF-8.
    """
    try:
        return read_small(path, max_bytes=max_bytes).decode()
    except UnicodeDecodeError as error:
        raise NotReady(f"{path} is not text in UTF-8.", "Save it as UTF-8, or move it away.") from error


def read_document(path: Path, *, max_bytes: int = MAX_BYTES) -> Any:
    """Return the content of a TOML file, or of a JSON file with any other ending.

    Raises FileNotFoundError and NotReady as `read_small_text` does, and NotReady also for a damaged file.
    """
    text = read_small_text(path, max_bytes=max_bytes)
    try:
        return tomllib.loads(text) if path.suffix == ".toml" else parse_json(text)
    except (ValueError, RecursionError) as error:
        problem = "too many levels" if isinstance(error, RecursionError) else str(error)
        raise _damage_error(path, problem) from error


def parse_json(text: str | bytes) -> Any:
    """Return the content of a JSON text. Raises ValueError for any other text, and for one with too many levels."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("too many levels") from error


def load_document(path: Path, kind: type[Value], *, max_bytes: int = MAX_BYTES) -> Value:
    """Return the content of a TOML or JSON file as a ``kind``, validated by pydantic.

    Raises FileNotFoundError and NotReady, as `read_document`; the sentence has the first problem.
    """
    from pydantic import TypeAdapter, ValidationError  # slow to import, and not there on a bare Python

    document = read_document(path, max_bytes=max_bytes)
    try:
        return TypeAdapter(kind).validate_python(document)
    except ValidationError as error:
        raise _damage_error(path, first_problem(error)) from error


def _damage_error(path: Path, problem: str) -> NotReady:
    return NotReady(f"{path} cannot be used: {problem}.", "Correct that, or move the file away.")


def write_atomically(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write ``content`` to ``path`` in one step, so that nobody reads half a file; make the folder if it is absent.

    Raises NotReady when that fails (the disk is full or read-only, say); the former file is unchanged then.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explain(error, path.parent) from error

    try:
        with temporary.open("xb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        error.filename = None  # not the temporary file's: the user knows the other one
        raise explain(error, path) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def read_records(path: Path, kind: type[Value]) -> list[Value]:
    """Return the records of a file, none without it. A line that is no record is left out.

    Raises WorkshopError if the file cannot be read.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        content = read_small(path, max_bytes=MAX_RECORDS_BYTES)
    except FileNotFoundError:
        return []

    adapter = TypeAdapter(kind)
    records = []
    for line in content.split(b"\n"):
        with contextlib.suppress(ValidationError):
            records.append(adapter.validate_json(line))
    return records


def write_records(path: Path, records: Sequence[object]) -> None:
    """Replace the records of a file. Raises WorkshopError if it cannot be written (a full disk, say)."""
    from pydantic_core import to_json

    lines = [to_json(record) + b"\n" for record in records]
    write_atomically(path, b"".join(lines))


class TemporaryCopy(tempfile.TemporaryDirectory[str]):
    """A temporary folder for a copy of a participant's files, which may hold secrets: it goes with this process.

    A small process beside this one removes it after ``kill -9``. The reaper cannot: it begins once the engine answers,
    and a copy may be made before.
    """

    def __init__(self) -> None:
        super().__init__(prefix="workshop-copy-")
        command = [sys.executable, "-I", "-S", "-c", REMOVE_WITH_PARENT, self.name, str(os.getpid())]
        self._remover = subprocess.Popen(
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def cleanup(self) -> None:
        """Remove the folder, and end the process beside this one."""
        super().cleanup()
        self._remover.kill()
        self._remover.wait()


def explain(error: OSError, path: Path, otherwise: str = "name another place") -> NotReady:
    """Return an error that tells the user what an OSError at ``path`` means.

    ``otherwise`` is what else the user can do, as the second half of a sentence.
    """
    failed_path = Path(os.fsdecode(error.filename)) if error.filename else path
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return NotReady(f"The disk that holds {path} is full.", "Free some space and start again.")
        case errno.EACCES | errno.EPERM:
            return NotReady(f"You have no permission for {failed_path}.", f"Change its permissions, or {otherwise}.")
        case errno.EROFS:
            return NotReady(f"{failed_path} cannot be written.", f"Make it writable, or {otherwise}.")
        case errno.EISDIR:
            return NotReady(f"{failed_path} is a folder where a file is needed.", "Move it away and start again.")
        case errno.ENOTDIR | errno.EEXIST:
            return NotReady(
                f"{failed_path} is in the way: a file stands where a folder is needed.", "Move it away and start again."
            )

    reason = error.strerror or type(error).__name__
    return NotReady(f"{failed_path} cannot be used: {reason}.", f"Correct that, or {otherwise}.")


def saves(root: Path, *folders: Path, stop: threading.Event) -> Iterator[frozenset[str]]:
    """Yield the names of the files that were saved, after each burst of saves, until ``stop`` is set.

    Only files below ``folders`` are watched; their names are paths below ``root``. A file system that reports no saves
    is polled.
    """
    import watchfiles  # slow to import, and not there on a bare Python

    real_root = root.resolve()
    watched_folders = [folder.resolve() for folder in folders]
    must_poll = not all(map(sends_events, watched_folders))
    bursts = watchfiles.watch(
        *watched_folders,
        force_polling=must_poll or None,  # None: as the user's variable WATCHFILES_FORCE_POLLING says
        step=QUIET_MILLISECONDS,
        debounce=LONGEST_MILLISECONDS,
        stop_event=stop,
        raise_interrupt=False,
    )

    for burst in bursts:
        saved_files = [Path(file) for change, file in burst if change is not watchfiles.Change.deleted]
        paths = [file.relative_to(real_root) for file in saved_files]
        names = frozenset(path.as_posix() for path in paths if not is_left_out(path))
        if names:
            yield names
