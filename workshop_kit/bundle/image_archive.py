"""The images of a bundle: save them from one engine and load them into another."""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Iterator, Mapping
from pathlib import Path
from subprocess import PIPE, Popen

from docker.errors import DockerException

from workshop_kit.bundle.part import MB, Part, require_space, write_part
from workshop_kit.engine import images as engine_images
from workshop_kit.engine import shell
from workshop_kit.engine.reach import Engine
from workshop_kit.errors import WorkshopError
from workshop_kit.reporting import Report, Step, silent

TASK = "Images"
ARCHIVE = "images.tar.gz"
"""The output of ``docker image save``; a layer that several images share is in it once."""
ALIAS = "-bundle"
"""Suffix of the tags in the archive, so that loading it never takes a tag away from an image of this machine."""
SPACE_FACTOR = 6
"""Space for the images, as a multiple of their archive's size: the engine unpacks it beside its images first."""
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
            _add_tag(engine, tag, alias)
        about["tags"] = dict(tags)
        _write_archive(list(alias_by_tag.values()), folder / ARCHIVE, report)

    report(Step(TASK, 1.0, done=True))


def load(engine: Engine, part: Part, report: Report = silent) -> list[str]:
    """Load the images of a part that the engine lacks, and return their tags.

    Raises WorkshopError with the engine's message, and NotReady if the engine's disk is too small.
    """
    new_tags = {name: tag for name, tag in part.tags.items() if not engine_images.has_image(engine, tag)}
    if not new_tags:
        return []

    free_bytes = engine_images.free_bytes(engine)
    if free_bytes is not None:
        require_space(free_bytes, part.size_bytes * SPACE_FACTOR, "the images")

    report(Step(TASK, None, "the engine unpacks them"))
    with _archive_tags(engine, part.tags) as alias_by_tag:
        command: list[str | Path] = ["docker", "image", "load", "--input", part.folder / ARCHIVE]
        shell.run(command, failure=FAILED.format("loaded"), next_step=NEXT_STEP, error=WorkshopError)
        for tag in new_tags.values():
            _add_tag(engine, alias_by_tag[tag], tag)

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


def _add_tag(engine: Engine, image: str, tag: str) -> None:
    """Give an image another tag. Podman reads the name and the version from two arguments alone."""
    repository, _, version = tag.rpartition(":")
    engine.client.images.get(image).tag(repository, version)


def _write_archive(tags: list[str], path: Path, report: Report) -> None:
    """Write the compressed archive of these images. Raises WorkshopError with the engine's last lines."""
    packed_bytes = 0
    with (
        gzip.open(path, "wb", COMPRESSION_LEVEL) as packed,
        Popen(["docker", "image", "save", *tags], stdout=PIPE, stderr=PIPE) as process,
    ):
        assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018 - they are pipes
        while piece := process.stdout.read(PIECE_BYTES):
            packed.write(piece)
            packed_bytes += len(piece)
            report(Step(TASK, None, f"packing: {packed_bytes / MB:.0f} MB"))
        error_text = process.stderr.read().decode(errors="replace")

    if process.returncode:
        raise WorkshopError(FAILED.format("saved"), NEXT_STEP, output=error_text.strip())
