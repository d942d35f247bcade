"""The images of a bundle: save them from one engine and load them into another, labeled as if built there."""

from __future__ import annotations

import contextlib
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

from docker.errors import APIError

from workshop_kit.bundle.archive import Count, Image, join, split
from workshop_kit.bundle.manifest import MB, Part, find, intact, parts, readable, writing
from workshop_kit.engine import images as engine_images
from workshop_kit.engine import shell
from workshop_kit.engine.ledger import Entry
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.errors import NotReady, WorkshopError
from workshop_kit.progress import Report, Step, silent

TASK = "Images"
SPACE_FACTOR = 2
"""The engine unpacks an archive beside its images before it adds it."""


def save(engine: Engine, tags: Mapping[str, str], bundle: Path, version: str, report: Report = silent) -> Part:
    """Write the images with these tags (by name) into a bundle unless it has them; return the part.

    Raises WorkshopError if the bundle cannot be written, or with the engine's message.
    """
    if (there := intact(bundle, "images", engine.architecture, {"tags": dict(tags)}, report)) is not None:
        return there
    total = _content_bytes(engine, tags)
    with writing(bundle, "images", engine.architecture, version) as (folder, content):
        with _docker("saved", "save", *tags.values(), stdout=PIPE) as process:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            found = split(process.stdout, folder, _counting(report, total, "packing"))
        content["tags"] = dict(tags)
        content["images"] = [asdict(image) for image in sorted(found, key=lambda one: [*tags.values()].index(one.tag))]
        content["unpacked_bytes"] = total
    report(Step(TASK, 1.0, done=True))
    return find(parts(bundle), "images", engine.architecture)


def load(session: Session, part: Part, report: Report = silent) -> list[str]:
    """Load the images of a part, with this workspace's labels and in its ledger; return the new tags.

    Existing images are skipped. Raises WorkshopError with the engine's message, and then loads none.
    """
    wanted = [Image(one["tag"], one["config"], tuple(one["layers"])) for one in part.content["images"]]
    fresh = [image for image in wanted if not engine_images.is_there(session.engine, image.tag)]
    if not fresh:
        return []
    _require_space(session.engine, part)
    tags = [image.tag for image in fresh]
    try:
        with readable(part.folder):
            _load(fresh, part.folder, session.identity.labels("machine"), report)
        made = [Entry("image", session.engine.client.images.get(tag).id, tag, "machine") for tag in tags]
    except BaseException:
        for tag in tags:
            with contextlib.suppress(APIError):
                session.engine.client.images.remove(tag)
        raise
    session.ledger.add(*made)
    report(Step(TASK, 1.0, done=True))
    return tags


def _load(images: Sequence[Image], folder: Path, labels: Mapping[str, str], report: Report) -> None:
    total = sum((folder / name).stat().st_size for name in {name for image in images for name in image.layers})
    with _docker("loaded", "load", stdin=PIPE) as process:
        assert process.stdin is not None  # noqa: S101 - it is a pipe
        join(images, folder, labels, process.stdin, _counting(report, total, "loading"))
        report(Step(TASK, None, "the engine unpacks them"))


def _require_space(engine: Engine, part: Part) -> None:
    free, needed = engine_images.free_bytes(engine), part.content["unpacked_bytes"] * SPACE_FACTOR
    if free is not None and free < needed:
        raise NotReady(
            f"The disk is nearly full: {free / 1e9:.1f} GB free for images, and loading them needs {needed / 1e9:.1f}.",
            "Free some space (docker system df shows what takes it), then load again.",
        )


def _content_bytes(engine: Engine, tags: Mapping[str, str]) -> int:
    """Return the size of the images; the base, which is the smallest and part of each, counts once."""
    sizes = [int(engine.client.images.get(tag).attrs["Size"]) for tag in tags.values()]
    return sum(sizes) - min(sizes) * (len(sizes) - 1)


@contextlib.contextmanager
def _docker(done: str, *words: str, stdin: int = DEVNULL, stdout: int = DEVNULL) -> Iterator[Popen[bytes]]:
    """Run a docker command during the block. Raises WorkshopError with its last lines if it fails or ends too soon."""
    try:
        process = Popen(["docker", "image", *words], stdin=stdin, stdout=stdout, stderr=PIPE)
    except FileNotFoundError as error:
        raise NotReady(
            "The docker command is not installed.", "Install it (Debian/Ubuntu: docker-cli), then try again."
        ) from error
    failure: Exception | None = None
    try:
        yield process
    except (tarfile.TarError, KeyError, ValueError, BrokenPipeError) as error:  # docker has ended and says why
        failure = error
    except BaseException:
        process.kill()
        process.communicate()
        raise
    said = process.communicate()[1].decode(errors="replace").splitlines()
    if process.returncode or failure:
        raise WorkshopError(
            f"The engine has not {done} the images.",
            "Read its last lines above, then run the same command again.",
            output="\n".join(said[-shell.LAST_LINES :]),
        ) from failure


def _counting(report: Report, total: int, doing: str) -> Count:
    """Return a callback that reports the processed bytes as progress."""
    done = 0

    def count(size: int) -> None:
        nonlocal done
        done += size
        report(Step(TASK, min(done / total, 0.99), f"{doing}: {done / MB:.0f} of about {total / MB:.0f} MB"))

    return count
