"""The images of a bundle: out of one engine, and into another as if they had been built there."""

from __future__ import annotations

import contextlib
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from docker.errors import APIError

from workshop_kit.bundle.archive import Heard, Image, put_together, take_apart
from workshop_kit.bundle.parts import MB, Part, find, intact, readable, writing
from workshop_kit.engine import images as engine_images
from workshop_kit.engine import shell
from workshop_kit.engine.ledger import Entry
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.errors import NotReady, WorkshopError
from workshop_kit.progress import Report, Step, silent

TASK = "Images"
SPACE_FACTOR = 2
"""The engine unpacks what it is given beside its images before it takes it in."""


def save(engine: Engine, tags: Mapping[str, str], bundle: Path, version: str, report: Report = silent) -> Part:
    """Write the images with these tags (by name) into a bundle, unless they are there; return the part.

    Raises WorkshopError where the bundle cannot be written, and with the engine's words where it fails.
    """
    if (there := intact(bundle, "images", engine.architecture, {"tags": dict(tags)}, report)) is not None:
        return there
    total = _content_bytes(engine, tags)
    with writing(bundle, "images", engine.architecture, version) as (folder, content):
        with _docker("image", "save", *tags.values(), stdout=subprocess.PIPE) as running:
            assert running.process.stdout is not None  # noqa: S101 - it is a pipe
            try:
                found = take_apart(running.process.stdout, folder, _counting(report, total, "packing"))
            except (tarfile.TarError, KeyError, ValueError) as error:
                raise running.failed("saved") from error
            if running.process.wait():
                raise running.failed("saved")
        content["tags"] = dict(tags)
        content["images"] = [asdict(image) for image in sorted(found, key=lambda one: [*tags.values()].index(one.tag))]
        content["unpacked_bytes"] = total
    report(Step(TASK, 1.0, done=True))
    return find(bundle, "images", engine.architecture)


def load(session: Session, part: Part, report: Report = silent) -> list[str]:
    """Bring the images of a part into the engine, ours and listed as if they were built here; return the new tags.

    What the engine has already is left alone. Raises WorkshopError with the engine's words; then none of them is there.
    """
    wanted = [Image(one["tag"], one["config"], tuple(one["layers"])) for one in part.content["images"]]
    fresh = [image for image in wanted if not engine_images.is_there(session.engine, image.tag)]
    if not fresh:
        return []
    _require_space(session.engine, part)
    tags = [image.tag for image in fresh]
    try:
        with readable(part.folder):
            _load(fresh, part.folder, dict.fromkeys(tags, session.identity.labels("machine")), report)
        made = [Entry("image", session.engine.client.images.get(tag).id, tag, "machine") for tag in tags]
    except BaseException:
        _take_away(session.engine, tags)
        raise
    session.ledger.add(*made)
    report(Step(TASK, 1.0, done=True))
    return tags


def _load(images: Sequence[Image], folder: Path, labels: Mapping[str, Mapping[str, str]], report: Report) -> None:
    total = sum((folder / name).stat().st_size for name in {name for image in images for name in image.layers})
    with _docker("image", "load", stdin=subprocess.PIPE) as running:
        assert running.process.stdin is not None  # noqa: S101 - it is a pipe
        with contextlib.suppress(BrokenPipeError):  # the engine has given up: it says why
            put_together(images, folder, labels, running.process.stdin, _counting(report, total, "loading"))
            running.process.stdin.close()
        report(Step(TASK, None, "the engine unpacks them"))
        if running.process.wait():
            raise running.failed("loaded")


def _take_away(engine: Engine, tags: Sequence[str]) -> None:
    """Remove those of these images that have arrived: an unfinished load leaves nothing."""
    for tag in tags:
        with contextlib.suppress(APIError):
            engine.client.images.remove(tag)


def _require_space(engine: Engine, part: Part) -> None:
    free, needed = engine_images.free_bytes(engine), part.content["unpacked_bytes"] * SPACE_FACTOR
    if free is not None and free < needed:
        raise NotReady(
            f"The disk is nearly full: {free / 1e9:.1f} GB free for images, and loading them needs {needed / 1e9:.1f}.",
            "Free some space (docker system df shows what takes it), then load again.",
        )


def _content_bytes(engine: Engine, tags: Mapping[str, str]) -> int:
    """What the images take, what they share counted once: all of them stand on the smallest of them, the base."""
    sizes = [int(engine.client.images.get(tag).attrs["Size"]) for tag in tags.values()]
    return sum(sizes) - min(sizes) * (len(sizes) - 1)


@dataclass(frozen=True)
class _Running:
    """A docker command at work, and a file with what it says."""

    process: subprocess.Popen[bytes]
    said: IO[bytes]

    def failed(self, done: str) -> WorkshopError:
        """The sentence for its failure, with its last lines."""
        self.process.wait()
        self.said.seek(0)
        lines = self.said.read().decode(errors="replace").splitlines()[-shell.LAST_LINES :]
        if any("no space left" in line.lower() for line in lines):
            return WorkshopError(
                f"The engine has not {done} the images: its disk is full.",
                "Free some space (docker system df shows what takes it), then run the same command again.",
            )
        return WorkshopError(
            f"The engine has not {done} the images.",
            "Read its last words above, then run the same command again.",
            output="\n".join(lines),
        )


@contextlib.contextmanager
def _docker(*words: str, stdin: int = subprocess.DEVNULL, stdout: int | None = None) -> Iterator[_Running]:
    """Run a docker command beside the block; it is ended with the block, however that ends."""
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(["docker", *words], stdin=stdin, stdout=stdout or said, stderr=said)
        except FileNotFoundError as error:
            raise NotReady(
                "The docker command is not installed.", "Install it (Debian/Ubuntu: docker-cli), then try again."
            ) from error
        try:
            yield _Running(process, said)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()


def _counting(report: Report, total: int, doing: str) -> Heard:
    """A count of bytes that is shown as progress."""
    done, what = 0, ""

    def heard(size: int, of: str) -> None:
        nonlocal done, what
        done, what = done + size, of or what
        report(Step(TASK, min(done / total, 0.99), f"{doing}: {done / MB:.0f} of about {total / MB:.0f} MB ({what})"))

    return heard
