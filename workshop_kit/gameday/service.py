"""The service of a shop: the participant's image, with the reference of exercises that do not pass yet."""

from __future__ import annotations

import contextlib
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker.errors import BuildError

from workshop_kit.errors import WorkshopError
from workshop_kit.exercises.exercise_files import LEFT_OUT, ExerciseFiles
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.files import TemporaryCopy
from workshop_kit.host import MIB
from workshop_kit.workspace import steps
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.workspace.growth import Change, Grown

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
    """The code of the shop's service, in ``folder``, with an image for each version of it.

    ``reference_exercises`` has the ids of the exercises whose definitions are the reference's; EVERYTHING if all the
    code is.
    """

    client: Any
    folder: TemporaryCopy = field(repr=False)
    images: list[Any]
    reference_exercises: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """One sentence on the reference's parts, "" if there are none."""
        if not self.reference_exercises:
            return ""
        if self.reference_exercises == EVERYTHING:
            return "The shop runs the reference: my_service is not at the start of lesson 05."
        return f"The shop runs the reference for {', '.join(self.reference_exercises)}."

    def build(self, leak_mib: float = 0.0) -> int:
        """Build another version of the code; return its number.

        It is the last version with a leak of ``leak_mib`` for each order, or without a leak, with another comment.
        """
        path = Path(self.folder.name, ORDERS)
        version = len(self.images) + 1
        source = path.read_text(encoding="utf-8")
        new_source = add_leak(source, leak_mib) if leak_mib else f"{source}\n# version {version}\n"
        path.write_text(new_source, encoding="utf-8")

        image = _build_image(self.client, path.parent, version)
        self.images.append(image)
        return version


def prepare(exercise_service: ExerciseService, client: Any, image: Any, mine: Path) -> Service:
    """Return the service of a shop, from ``mine``, the participant's folder.

    It runs ``image`` itself if every exercise has passed, else an image of a copy, with the solutions of the others. A
    folder of another lesson is replaced by the reference. Raises WorkshopError if the image cannot
    be built.
    """
    copy = TemporaryCopy()
    copy_folder = Path(copy.name)
    is_at_lesson = (mine / ORDERS).is_file()
    if not is_at_lesson:
        for path, file in steps.grown_files(steps.before(steps.load(exercise_service.root), LESSON)).items():
            if Path(path).parent.name == MY_SERVICE:
                Path(copy_folder, Path(path).name).write_text(file.text, encoding="utf-8")
        return Service(client, copy, [_build_image(client, copy_folder, 1)], EVERYTHING)

    shutil.copytree(mine, copy_folder, ignore=shutil.ignore_patterns(*LEFT_OUT), dirs_exist_ok=True)
    reference_exercises = _solve(exercise_service, copy_folder)
    if reference_exercises:
        image = _build_image(client, copy_folder, 1)
    return Service(client, copy, [image], reference_exercises)


def _solve(exercise_service: ExerciseService, folder: Path) -> tuple[str, ...]:
    """Put the solutions of exercises that have not passed into a folder; return the ids of these exercises."""
    solved_ids: list[str] = []
    for exercise in exercise_service.exercises:
        files = exercise_service.exercise_files(exercise)
        has_passed = exercise_service.progress.exercise(exercise.id).passed_at
        if exercise.in_service and not has_passed and files.is_shipped() and not files.is_solved():
            _write_solution(folder, files)
            solved_ids.append(exercise.id)
    return tuple(solved_ids)


def _write_solution(folder: Path, files: ExerciseFiles) -> None:
    """Put the solution of an exercise into a folder; a file that is gone or damaged stays as it is."""
    for path, text in files.solution.items():
        file = folder / Path(path).name
        with contextlib.suppress(OSError, UnicodeDecodeError, WorkshopError):
            mine = Grown(file.read_text(encoding="utf-8"), files.shipped(path))
            solved = steps.with_solution(mine, Change(path, text), files.exercise.removes)
            file.write_text(solved.text, encoding="utf-8")


def add_leak(source: str, mib: float) -> str:
    """Return the orders module with code that keeps ``mib`` MiB of memory for each order.

    Raises WorkshopError if the module has no function that places orders.
    """
    if not CREATE.search(source):
        raise WorkshopError(f"{ORDERS} has no function create.", "Run ./workshop goto 05, then try again.")
    return source + LEAK.format(size=round(mib * MIB))


def _build_image(client: Any, folder: Path, version: int) -> Any:
    """Build the image of a folder. Raises WorkshopError with the builder's output if that fails."""
    try:
        image, _ = client.images.build(path=str(folder), tag=f"shop:{version}")
        return image
    except BuildError as error:
        output = "\n".join(getattr(error, "__notes__", ()))
        raise WorkshopError(
            "The image of my_service cannot be built.", "Correct its Dockerfile.", output=output
        ) from None
