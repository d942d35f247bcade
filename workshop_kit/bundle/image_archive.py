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

from workshop_kit.bundle.part import MB, Part, require_space, writing
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
"""The end of the tags in the archive: loading it takes no tag away from an image of this machine."""
SPACE_FACTOR = 2
"""The engine unpacks an archive beside its images before it adds it; containerd's store keeps the archive's layers."""
GZIP_MAGIC = b"\x1f\x8b"
PIECE_BYTES = 1024**2
COMPRESSION_LEVEL = 4
FAILED = "The engine has not {} the images."
NEXT_STEP = "Read its last lines above, then run the same command again."


def save(engine: Engine, tags: Mapping[str, str], bundle: Path, version: str, report: Report = silent) -> None:
    """Write the images with these tags (by name) into a bundle.

    Raises WorkshopError if the bundle cannot be written, or with the engine's message.
    """
    with writing(bundle, "images", engine.architecture, version) as (folder, about), _aliases(engine, tags) as aliases:
        for tag, alias in aliases.items():
            engine.client.images.get(tag).tag(alias)
        about["tags"] = dict(tags)
        about["unpacked_bytes"] = _pack(list(aliases.values()), folder / ARCHIVE, report)

    report(Step(TASK, 1.0, done=True))


def load(session: Session, part: Part, report: Report = silent) -> list[str]:
    """Load the images of a part, with this workspace's labels and in its ledger; return the new tags.

    Existing images are skipped. Raises WorkshopError with the engine's message.
    """
    new_tags = {name: tag for name, tag in part.tags.items() if not engine_images.is_there(session.engine, tag)}
    if not new_tags:
        return []
    if (free_bytes := engine_images.free_bytes(session.engine)) is not None:
        require_space(free_bytes, part.unpacked_bytes * SPACE_FACTOR, "the images")

    report(Step(TASK, None, "the engine unpacks them"))
    with _aliases(session.engine, part.tags) as aliases:
        command: list[str | Path] = ["docker", "image", "load", "--input", part.folder / ARCHIVE]
        shell.run(command, failed=FAILED.format("loaded"), next_step=NEXT_STEP, error=WorkshopError)
        for number, (name, tag) in enumerate(new_tags.items()):
            report(Step(TASK, number / len(new_tags), f"labeling {name}"))
            _label(session, aliases[tag], tag)

    report(Step(TASK, 1.0, done=True))
    return list(new_tags.values())


@contextlib.contextmanager
def _aliases(engine: Engine, tags: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield the tags that images have in the archive, by their own; afterwards the engine has none of these."""
    aliases = {tag: tag + ALIAS for tag in tags.values()}
    try:
        yield aliases
    finally:
        for alias in aliases.values():
            with contextlib.suppress(DockerException, OSError):  # not there, or the engine has stopped
                engine.client.images.remove(alias)


class _Packing(io.RawIOBase):
    """An archive that is packed as it is read."""

    def __init__(self, archive: IO[bytes], packed: gzip.GzipFile, report: Report) -> None:
        self._archive = archive
        self._packed = packed
        self._report = report
        self._packed_bytes = 0

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes of the archive, after they are packed."""
        piece = self._archive.read(size)
        self._packed.write(piece)
        self._packed_bytes += len(piece)
        self._report(Step(TASK, None, f"packing: {self._packed_bytes / MB:.0f} MB"))
        return piece


def _pack(tags: list[str], path: Path, report: Report) -> int:
    """Write the compressed archive of these images; return the size of its content.

    Raises WorkshopError with the engine's last lines.
    """
    content_bytes = 0
    with (
        gzip.open(path, "wb", COMPRESSION_LEVEL) as packed,
        Popen(["docker", "image", "save", *tags], stdout=PIPE, stderr=PIPE) as process,
    ):
        assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018 - they are pipes
        archive = _Packing(process.stdout, packed, report)
        with contextlib.suppress(tarfile.TarError):  # it ends too soon: the engine says why
            content_bytes = unpacked_bytes(archive)
        while archive.read(PIECE_BYTES):
            pass
        error_text = process.stderr.read().decode(errors="replace")

    if process.returncode:
        raise WorkshopError(FAILED.format("saved"), NEXT_STEP, output=error_text.strip())
    return content_bytes


def unpacked_bytes(archive: IO[bytes] | io.RawIOBase) -> int:
    """Return the size of what ``docker image save`` wrote, its layers unpacked.

    The engine's own sizes are no measure: overlay2 counts files, and containerd's store disk blocks and packed layers.
    """
    total = 0
    with tarfile.open(fileobj=archive, mode="r|", bufsize=PIECE_BYTES) as members:
        for member in members:
            content = members.extractfile(member) if member.isfile() else None
            if content is not None:
                total += _size_of_blob(content, member.size)
    return total


def _size_of_blob(content: IO[bytes], size: int) -> int:
    """Return the size of a file, of a gzipped one that of its content."""
    piece = content.read(len(GZIP_MAGIC))
    if piece != GZIP_MAGIC:
        return size

    decompressor = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)  # 16: gzip's header
    total = 0
    while piece:
        total += len(decompressor.decompress(piece, PIECE_BYTES))
        piece = decompressor.unconsumed_tail or content.read(PIECE_BYTES)

    return total + len(decompressor.flush())


def _label(session: Session, alias: str, tag: str) -> None:
    """Give a loaded image its own tag and this workspace's labels, by a build that adds no layer."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "Dockerfile").write_text(f"FROM {alias}\n")
        engine_images.build_folder(session, Path(folder), tag, scope="machine")
