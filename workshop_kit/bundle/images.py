"""The images of a bundle: save them from one engine and load them into another, labeled as if built there."""

from __future__ import annotations

import contextlib
import gzip
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from subprocess import PIPE, Popen

from docker.errors import DockerException

from workshop_kit.bundle.manifest import MB, Part, require_space, writing
from workshop_kit.engine import images as engine_images
from workshop_kit.engine import shell
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError
from workshop_kit.progress import Report, Step, silent

TASK = "Images"
ARCHIVE = "images.tar.gz"
"""The output of ``docker image save``; a layer that several images share is in it once."""
ALIAS = "-bundle"
"""The end of the tags in the archive: loading it takes no tag away from an image of this machine."""
SPACE_FACTOR = 2
"""The engine unpacks an archive beside its images before it adds it."""
PIECE_BYTES = 1024**2
COMPRESSION_LEVEL = 4
FAILED = "The engine has not {} the images."
NEXT_STEP = "Read its last lines above, then run the same command again."


def save(engine: Engine, tags: Mapping[str, str], bundle: Path, version: str, report: Report = silent) -> None:
    """Write the images with these tags (by name) into a bundle.

    Raises WorkshopError if the bundle cannot be written, or with the engine's message.
    """
    total = _content_bytes(engine, tags)
    with writing(bundle, "images", engine.architecture, version) as (folder, content), _aliases(engine, tags) as saved:
        for tag, alias in saved.items():
            engine.client.images.get(tag).tag(alias)
        _pack([*saved.values()], folder / ARCHIVE, total, report)
        content.update({"tags": dict(tags), "unpacked_bytes": total})
    report(Step(TASK, 1.0, done=True))


def load(session: Session, part: Part, report: Report = silent) -> list[str]:
    """Load the images of a part, with this workspace's labels and in its ledger; return the new tags.

    Existing images are skipped. Raises WorkshopError with the engine's message.
    """
    tags: dict[str, str] = part.content["tags"]
    fresh = {name: tag for name, tag in tags.items() if not engine_images.is_there(session.engine, tag)}
    if not fresh:
        return []
    if (free := engine_images.free_bytes(session.engine)) is not None:
        require_space(free, part.content["unpacked_bytes"] * SPACE_FACTOR, "the images")
    report(Step(TASK, None, "the engine unpacks them"))
    with _aliases(session.engine, tags) as loaded:
        command: list[str | Path] = ["docker", "image", "load", "--input", part.folder / ARCHIVE]
        shell.run(command, failed=FAILED.format("loaded"), next_step=NEXT_STEP, error=WorkshopError)
        for number, (name, tag) in enumerate(fresh.items()):
            report(Step(TASK, number / len(fresh), f"labeling {name}"))
            _label(session, loaded[tag], tag)
    report(Step(TASK, 1.0, done=True))
    return [*fresh.values()]


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


def _pack(tags: list[str], path: Path, total: int, report: Report) -> None:
    """Write the compressed archive of these images. Raises WorkshopError with the engine's last lines."""
    done = 0
    with (
        gzip.open(path, "wb", COMPRESSION_LEVEL) as packed,
        Popen(["docker", "image", "save", *tags], stdout=PIPE, stderr=PIPE) as process,
    ):
        assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018 - they are pipes
        while piece := process.stdout.read(PIECE_BYTES):
            packed.write(piece)
            done += len(piece)
            detail = f"packing: {done / MB:.0f} of about {total / MB:.0f} MB"
            report(Step(TASK, min(done / total, 0.99), detail))
        said = process.stderr.read().decode(errors="replace")
    if process.returncode:
        raise WorkshopError(FAILED.format("saved"), NEXT_STEP, output=said.strip())


def _label(session: Session, loaded: str, tag: str) -> None:
    """Give a loaded image its own tag and this workspace's labels, by a build that adds no layer."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "Dockerfile").write_text(f"FROM {loaded}\n")
        engine_images.build_folder(session, Path(folder), tag, scope="machine")


def _content_bytes(engine: Engine, tags: Mapping[str, str]) -> int:
    """Return the size of the images; the base, which is the smallest and part of each, counts once."""
    sizes = [int(engine.client.images.get(tag).attrs["Size"]) for tag in tags.values()]
    return sum(sizes) - min(sizes) * (len(sizes) - 1)
