"""The images of a bundle: save them from one engine and load them into another, labeled as if built there."""

from __future__ import annotations

import contextlib
import gzip
import io
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from subprocess import PIPE, Popen
from typing import IO

from docker.errors import DockerException

from workshop_kit.bundle.part import MB, Part, require_space, write_part
from workshop_kit.engine import images as engine_images
from workshop_kit.engine import shell
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError
from workshop_kit.reporting import Report, Step, silent

TASK = "Images"
ARCHIVE = "images.tar.gz"
"""The output of ``docker image save``; a layer that several images share is in it once."""
ALIAS = "-bundle"
"""Suffix of the tags in the archive, so that loading it never takes a tag away from an image of this machine."""
SPACE_FACTOR = 2
"""The engine unpacks an archive beside its images before it adds it; containerd's store keeps the archive's layers."""
GZIP_MAGIC = b"\x1f\x8b"
GZIP_WBITS = zlib.MAX_WBITS + 16
"""The window size for zlib; 16 more makes it expect gzip's header."""
PIECE_BYTES = 1024**2
COMPRESSION_LEVEL = 4
FAILED = "The engine has not {} the images."
NEXT_STEP = "Read its last lines above, then run the same command again."


def save(engine: Engine, tags: Mapping[str, str], bundle: Path, version: str, report: Report = silent) -> None:
    """Write the images with these tags (by name) into a bundle.

    Raises WorkshopError if the bundle cannot be written, or with the engine's message.
    """
    with (
        write_part(bundle, "images", engine.architecture, version) as (folder, about),
        _archive_tags(engine, tags) as alias_by_tag,
    ):
        for tag, alias in alias_by_tag.items():
            engine.client.images.get(tag).tag(alias)
        about["tags"] = dict(tags)
        about["unpacked_bytes"] = _write_archive(list(alias_by_tag.values()), folder / ARCHIVE, report)

    report(Step(TASK, 1.0, done=True))


def load(session: Session, part: Part, report: Report = silent) -> list[str]:
    """Load the images of a part that the engine lacks, and return their tags.

    The images get this workspace's labels and stand in its ledger. Raises WorkshopError with the engine's message, and
    NotReady if the engine's disk is too small.
    """
    engine = session.engine
    new_tags = {name: tag for name, tag in part.tags.items() if not engine_images.has_image(engine, tag)}
    if not new_tags:
        return []

    free_bytes = engine_images.free_bytes(engine)
    if free_bytes is not None:
        require_space(free_bytes, part.unpacked_bytes * SPACE_FACTOR, "the images")

    report(Step(TASK, None, "the engine unpacks them"))
    with _archive_tags(engine, part.tags) as alias_by_tag:
        command: list[str | Path] = ["docker", "image", "load", "--input", part.folder / ARCHIVE]
        shell.run(command, failure=FAILED.format("loaded"), next_step=NEXT_STEP, error=WorkshopError)
        for number, (name, tag) in enumerate(new_tags.items()):
            report(Step(TASK, number / len(new_tags), f"labeling {name}"))
            _label_image(session, alias_by_tag[tag], tag)

    report(Step(TASK, 1.0, done=True))
    return list(new_tags.values())


@contextlib.contextmanager
def _archive_tags(engine: Engine, tags: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield the tag in the archive by each image's tag; at the end of the block remove the archive's from the engine.

    ``tags`` are the images' tags by name.
    """
    alias_by_tag = {tag: tag + ALIAS for tag in tags.values()}
    try:
        yield alias_by_tag
    finally:
        for alias in alias_by_tag.values():
            with contextlib.suppress(DockerException, OSError):  # the alias is missing, or the engine has stopped
                engine.client.images.remove(alias)


class _PackingReader(io.RawIOBase):
    """A reader of an archive that also writes what it reads to a compressed file."""

    def __init__(self, archive: IO[bytes], packed: gzip.GzipFile, report: Report) -> None:
        self._archive = archive
        self._packed = packed
        self._report = report
        self._packed_bytes = 0

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes of the archive, once they are in the compressed file."""
        piece = self._archive.read(size)
        self._packed.write(piece)
        self._packed_bytes += len(piece)
        self._report(Step(TASK, None, f"packing: {self._packed_bytes / MB:.0f} MB"))
        return piece


def _write_archive(tags: list[str], path: Path, report: Report) -> int:
    """Write the compressed archive of these images; return the size of its content, layers unpacked.

    Raises WorkshopError with the engine's last lines.
    """
    content_bytes = 0
    with (
        gzip.open(path, "wb", COMPRESSION_LEVEL) as packed,
        Popen(["docker", "image", "save", *tags], stdout=PIPE, stderr=PIPE) as process,
    ):
        assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018 - they are pipes
        archive = _PackingReader(process.stdout, packed, report)
        with contextlib.suppress(tarfile.TarError):  # the archive is cut off: the engine's error text says why
            content_bytes = unpacked_bytes(archive)
        while archive.read(PIECE_BYTES):
            pass  # what follows the last member is packed, too
        error_text = process.stderr.read().decode(errors="replace")

    if process.returncode:
        raise WorkshopError(FAILED.format("saved"), NEXT_STEP, output=error_text.strip())
    return content_bytes


def unpacked_bytes(archive: IO[bytes] | io.RawIOBase) -> int:
    """Return the size of what ``docker image save`` wrote, its layers unpacked.

    The engine's own sizes cannot be used: overlay2 counts the bytes of files, containerd's store counts disk blocks and
    packed layers.
    """
    total_bytes = 0
    with tarfile.open(fileobj=archive, mode="r|", bufsize=PIECE_BYTES) as members:
        for member in members:
            if not member.isfile():
                continue
            content = members.extractfile(member)
            if content is not None:
                total_bytes += _unpacked_size(content, member.size)
    return total_bytes


def _unpacked_size(content: IO[bytes], size_bytes: int) -> int:
    """Return the size of a file of ``size_bytes``; for a gzipped one the size of its content."""
    first_bytes = content.read(len(GZIP_MAGIC))
    if first_bytes == GZIP_MAGIC:
        return _gunzipped_size(first_bytes, content)
    return size_bytes


def _gunzipped_size(first_bytes: bytes, content: IO[bytes]) -> int:
    """Return the unpacked size of a gzipped file, whose first bytes have been read already."""
    decompressor = zlib.decompressobj(wbits=GZIP_WBITS)
    total_bytes = 0
    packed_piece = first_bytes
    while packed_piece:
        unpacked_piece = decompressor.decompress(packed_piece, PIECE_BYTES)
        total_bytes += len(unpacked_piece)
        # The limit of a piece may leave packed bytes over; they come before the next ones of the file.
        packed_piece = decompressor.unconsumed_tail or content.read(PIECE_BYTES)

    return total_bytes + len(decompressor.flush())


def _label_image(session: Session, alias: str, tag: str) -> None:
    """Give a loaded image its own tag and this workspace's labels, by a build that adds no layer."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "Dockerfile").write_text(f"FROM {alias}\n")
        engine_images.build_folder(session, Path(folder), tag, scope="machine")
