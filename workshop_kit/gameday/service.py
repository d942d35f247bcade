"""The service of a shop: the participant's image, with the reference in unsolved regions."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from docker.errors import BuildError

from workshop_kit.errors import WorkshopError
from workshop_kit.exercises.exercise_files import LEFT_OUT
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.host import MIB
from workshop_kit.workspace import regions, solutions

ORDERS = "orders.py"
LESSON = "05_game_day"
EVERYTHING = ("everything",)
CREATE = re.compile(r"^(?:async )?def create\(", re.MULTILINE)
LEAK = '''

_receipts = []


async def create(request, place_order=create):
    """Place an order, and keep its receipt."""
    response = await place_order(request)
    _receipts.append(response.body.ljust({size}))
    return response
'''


@dataclass
class Service:
    """``images`` has an image for each version of the code; ``reference`` has the exercises that it solves."""

    client: Any
    folder: TemporaryDirectory[str] = field(repr=False)
    images: list[Any]
    reference: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """One sentence on the reference's parts, "" if there are none."""
        if self.reference == EVERYTHING:
            return "The shop runs the reference: my_service is not at the start of lesson 05."
        return f"The shop runs the reference for {', '.join(self.reference)}." if self.reference else ""

    def build(self, leak_mib: float = 0.0) -> int:
        """Build another version of the code, with a comment or a leak on top of the last; return its number."""
        path = Path(self.folder.name, ORDERS)
        version = len(self.images) + 1
        text = path.read_text(encoding="utf-8")
        new_text = leaking(text, leak_mib) if leak_mib else f"{text}\n# version {version}\n"
        path.write_text(new_text, encoding="utf-8")
        self.images.append(_build_image(self.client, path.parent, version))
        return version


def prepare(exercise_service: ExerciseService, client: Any, image: Any, mine: Path) -> Service:
    """Return the service: ``image`` itself if every region in ``mine`` is solved, else one that is built from a copy.

    Raises WorkshopError if the copy cannot be built.
    """
    copy = TemporaryDirectory(prefix="workshop-shop-")
    target = Path(copy.name)
    if not (mine / solutions.MARK).is_file():
        for name, text in solutions.files_at(exercise_service.root, LESSON).items():
            Path(target, name).write_text(text, encoding="utf-8")
        return Service(client, copy, [_build_image(client, target, 1)], EVERYTHING)

    shutil.copytree(mine, target, ignore=shutil.ignore_patterns(*LEFT_OUT), dirs_exist_ok=True)
    solved = tuple(dict.fromkeys(_solve(exercise_service, target)))
    return Service(client, copy, [_build_image(client, target, 1) if solved else image], solved)


def _solve(exercise_service: ExerciseService, folder: Path) -> Iterator[str]:
    """Put the reference into each region whose exercise has not passed; yield the exercises' ids.

    A file without markers is the participant's, all of it. One that a skipped notebook would have grown has fewer.
    """
    for source, stage in solutions.sources_at(exercise_service.root, LESSON).items():
        if source.file == solutions.TOOLS:
            continue

        path = folder / source.file
        reference = regions.solved(source.at(stage))
        try:
            text = path.read_text(encoding="utf-8")
            there = regions.ids(text)
            for name in filter(there.__contains__, regions.ids(reference)):
                body = regions.region_of(reference, name)
                if regions.region_of(text, name) != body and not exercise_service.progress.exercise(name).passed_at:
                    text = regions.replace(text, name, body)
                    yield name
        except (OSError, UnicodeDecodeError, regions.MarkerError):
            continue  # gone, or damaged
        path.write_text(text, encoding="utf-8")


def leaking(source: str, mib: float) -> str:
    """Return the orders module with a list that only grows. Raises WorkshopError if the module places no orders."""
    if not CREATE.search(source):
        raise WorkshopError(f"{ORDERS} has no function create.", "Run ./workshop goto 05, then try again.")
    return source + LEAK.format(size=round(mib * MIB))


def _build_image(client: Any, folder: Path, version: int) -> Any:
    try:
        return client.images.build(path=str(folder), tag=f"shop:{version}")[0]
    except BuildError as error:
        output = "\n".join(getattr(error, "__notes__", ()))
        raise WorkshopError(
            "The image of my_service cannot be built.", "Correct its Dockerfile.", output=output
        ) from None
