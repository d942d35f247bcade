"""Read files that strangers handed in: a folder or an archive, bounded, without links, devices and paths that lead out.

Only regular files are read. Hidden files and caches stay out, as in an export.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from workshop_kit.errors import WorkshopError
from workshop_kit.files import is_left_out, read_small
from workshop_kit.untrusted_text import visible

MAX_FILE_BYTES = 1_000_000
MAX_BYTES = 16_000_000
"""The most that one submission may have in all its files."""
MAX_ARCHIVE_BYTES = 64_000_000
MAX_UNPACKED_BYTES = 256_000_000
"""The most that is unpacked to find the members of an archive."""
MOST_READS_AT_END = 100
MAX_FILES = 500
MAX_ENTRIES = 5_000
"""The most files and folders that are looked at in one submission."""
MAX_DEPTH = 8
MAX_NAME = 200
"""The most bytes of a path in a submission."""
NO_PLAIN_NAME = "has a name that is too long, or no plain text"
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
GZIP = b"\x1f\x8b"
ZIP_ENTRY = b"PK\x01\x02"
"""Begins each entry in the table of a zip archive; an archive in the archive may have some, too."""
READ_ERRORS = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)
"""What the libraries raise for a damaged, encrypted or unknown archive."""


class Refused(WorkshopError):
    """A submission that cannot be read as a whole; the sentence is its one row."""


@dataclass
class HandedInFiles:
    """The content of files by their paths; ``left_out`` has the reason for each path that was not read."""

    files: dict[str, bytes] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)

    def add(self, name: str, content: bytes) -> None:
        """Add a file by its path. Raises Refused once there are too many, or they are too large.

        Raises it also if the path, or a folder in it, is both a file and a folder.
        """
        parent_folders = {str(parent) for parent in PurePosixPath(name).parents}
        has_file_as_parent = not parent_folders.isdisjoint(self.files)
        if name in self.folders or has_file_as_parent:
            raise Refused(f"It has a file and a folder of one name: {visible(name, 80)}.")

        self.folders |= parent_folders
        self.files[name] = content
        if len(self.files) > MAX_FILES:
            raise Refused(f"It has more than {MAX_FILES} files.")
        total_bytes = sum(len(data) for data in self.files.values())
        if total_bytes > MAX_BYTES:
            raise Refused(f"Its files have more than {MAX_BYTES / 1e6:g} MB.")

    def leave_out(self, name: str, reason: str) -> None:
        """Note why a path was not read. Raises Refused once there are too many."""
        self.left_out[name] = reason
        if len(self.left_out) > MAX_FILES:
            raise Refused(f"It has more than {MAX_FILES} files that are not read.")

    def below(self, folder: str) -> HandedInFiles:
        """Return what is below a folder, by paths that begin in it; everything for the folder ``""``."""
        prefix = f"{folder}/" if folder else ""
        files = {path.removeprefix(prefix): data for path, data in self.files.items() if path.startswith(prefix)}
        reasons = {path.removeprefix(prefix): why for path, why in self.left_out.items() if path.startswith(prefix)}
        return HandedInFiles(files, reasons)


def is_archive(path: Path) -> bool:
    """Return whether a file is an archive by its name."""
    return path.name.lower().endswith(ARCHIVES)


def read_folder(folder: Path, *parts: str) -> HandedInFiles:
    """Read the files of a folder, or only some of its parts (files or folders). Raises Refused."""
    handed_in = HandedInFiles()
    entry_count = 0
    names_and_depths = [("", 0)]
    if parts:
        names_and_depths = [(part, 1) for part in parts]

    while names_and_depths:
        name, depth = names_and_depths.pop()
        path = folder / name
        if path.is_symlink():
            handed_in.leave_out(name, "is a link")
        elif path.is_dir():
            if depth > MAX_DEPTH:
                raise Refused(f"Its folders are nested more than {MAX_DEPTH} deep.")
            for inner_name in _names_in(path, name, handed_in):
                entry_count += 1
                _require_few_entries(entry_count)
                names_and_depths.append((inner_name, depth + 1))
        elif os.path.lexists(path):
            _read_file(path, name, handed_in)

    return handed_in


def _names_in(path: Path, name: str, handed_in: HandedInFiles) -> Iterator[str]:
    """Yield the names to read in the folder ``path``, which has this ``name`` in the submission; note any other."""
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                inner_name = f"{name}/{entry.name}" if name else entry.name
                if not is_plain(inner_name):
                    handed_in.leave_out(visible(inner_name, MAX_NAME), NO_PLAIN_NAME)
                elif not is_left_out(PurePosixPath(inner_name)):
                    yield inner_name
    except OSError as error:
        handed_in.leave_out(name, f"cannot be read ({error.strerror})")


def _read_file(path: Path, name: str, handed_in: HandedInFiles) -> None:
    """Add a file by its name in the submission, or the reason why it cannot be read. Raises Refused as `add` does."""
    try:
        handed_in.add(name, read_small(path, max_bytes=MAX_FILE_BYTES))
    except FileNotFoundError:  # gone meanwhile
        pass
    except Refused:
        raise
    except WorkshopError as error:
        handed_in.leave_out(name, error.what.removeprefix(f"{path} ").rstrip("."))


def read_archive(path: Path) -> HandedInFiles:
    """Read the files of a zip or tar archive, without unpacking it to the disk.

    Raises Refused for an archive that is damaged, or has a member that would leave its folder.
    """
    try:
        data = read_small(path, max_bytes=MAX_ARCHIVE_BYTES)  # no FIFO, no device
        if path.name.lower().endswith(".zip"):
            _require_few_entries(data.count(ZIP_ENTRY) // 2)  # before an object is made of each
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                return _read_zip(archive)

        packed: io.BufferedIOBase = io.BytesIO(data)
        if data.startswith(GZIP):
            packed = gzip.GzipFile(fileobj=packed)
        with tarfile.open(fileobj=_BoundedStream(packed), mode="r|") as tar:
            return _read_tar(tar)
    except READ_ERRORS as error:
        raise Refused(f"The archive cannot be read ({type(error).__name__}).") from error


class _BoundedStream(io.RawIOBase):
    """The unpacked bytes of an archive: at most as many as an archive may have, and few reads at their end.

    A member's header may say that it has a million terabytes: to skip it, `tarfile` reads on and on at the end.
    """

    def __init__(self, packed: io.BufferedIOBase) -> None:
        self._packed = packed
        self._bytes_given = 0
        self._reads_at_end = 0

    def read(self, size: int = -1) -> bytes:
        """Read so many bytes. Raises Refused beyond the limit, EOFError for many reads at the end."""
        data = self._packed.read(size)
        if not data:
            self._reads_at_end += 1
        if self._reads_at_end > MOST_READS_AT_END:
            raise EOFError

        self._bytes_given += len(data)
        if self._bytes_given > MAX_UNPACKED_BYTES:
            raise Refused(f"The archive unpacks to more than {MAX_UNPACKED_BYTES / 1e6:g} MB.")
        return data


def _read_zip(archive: zipfile.ZipFile) -> HandedInFiles:
    """Read the regular files of a zip archive. Raises Refused."""
    handed_in = HandedInFiles()
    members = archive.infolist()
    _require_few_entries(len(members))

    for member in members:
        name = member.filename
        if not _accept_name(name, handed_in) or member.is_dir():
            continue
        if not _is_regular(member):
            handed_in.leave_out(name, "is no regular file")
            continue
        with archive.open(member) as content:
            _add_member(name, content, handed_in)

    return handed_in


def _is_regular(member: zipfile.ZipInfo) -> bool:
    """Return whether a member is a regular file by its Unix mode, or has no type in it."""
    mode = member.external_attr >> 16  # the upper half
    return stat.S_IFMT(mode) in (0, stat.S_IFREG)


def _read_tar(tar: tarfile.TarFile) -> HandedInFiles:
    """Read the regular files of a tar archive. Raises Refused."""
    handed_in = HandedInFiles()

    for number, member in enumerate(tar, 1):
        _require_few_entries(number)
        name = member.name
        if not _accept_name(name, handed_in) or member.isdir():
            continue
        content = tar.extractfile(member) if member.isreg() else None
        if content is None:
            handed_in.leave_out(name, "is no regular file")
        else:
            _add_member(name, content, handed_in)

    return handed_in


def _require_few_entries(count: int) -> None:
    if count > MAX_ENTRIES:
        raise Refused(f"It has more than {MAX_ENTRIES:,} files and folders.")


def _accept_name(name: str, handed_in: HandedInFiles) -> bool:
    """Return whether a member with this name is to be read; note a name that is not plain.

    Raises Refused for a name that leads out of its folder.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name:
        raise Refused(f"The archive has a member that leads out of its folder: {visible(name, 80)}.")
    if not is_plain(name):
        handed_in.leave_out(visible(name, MAX_NAME), NO_PLAIN_NAME)
        return False
    return not is_left_out(path)


def _add_member(name: str, content: IO[bytes], handed_in: HandedInFiles) -> None:
    """Add a member by its name, or leave it out if it is too large: its header may be wrong about its size."""
    data = content.read(MAX_FILE_BYTES + 1)
    path = PurePosixPath(name).as_posix()
    if len(data) > MAX_FILE_BYTES:
        handed_in.leave_out(path, f"is larger than {MAX_FILE_BYTES / 1e6:g} MB")
    else:
        handed_in.add(path, data)


def is_plain(name: str) -> bool:
    """Return whether a name can be shown, and written to a disk, as it is."""
    return name.isprintable() and visible(name) == name and len(name.encode()) <= MAX_NAME
