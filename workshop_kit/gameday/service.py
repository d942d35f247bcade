"""The service of a shop: the participant's image, with the reference in unsolved regions."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker.errors import BuildError

from workshop_kit.errors import WorkshopError
from workshop_kit.exercises.exercise_files import LEFT_OUT
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.files import TemporaryCopy
from workshop_kit.host import MIB
from workshop_kit.workspace import regions, solutions
from workshop_kit.workspace.registry import Exercise

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

    ``reference_exercises`` has the ids of the exercises whose regions are the reference's; EVERYTHING if all the code
    is the reference's.
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

    It runs ``image`` itself if every region in the folder is solved, else an image of a copy, with the reference in the
    unsolved regions. A folder of another lesson is replaced by the reference. Raises WorkshopError if the image cannot
    be built.
    """
    copy = TemporaryCopy()
    copy_folder = Path(copy.name)
    is_at_lesson = (mine / solutions.LATER_SERVICE_FILE).is_file()
    if not is_at_lesson:
        for name, text in solutions.files_at(exercise_service.root, LESSON).items():
            Path(copy_folder, name).write_text(text, encoding="utf-8")
        return Service(client, copy, [_build_image(client, copy_folder, 1)], EVERYTHING)

    shutil.copytree(mine, copy_folder, ignore=shutil.ignore_patterns(*LEFT_OUT), dirs_exist_ok=True)
    reference_exercises = _solve_regions(exercise_service, copy_folder)
    if reference_exercises:
        image = _build_image(client, copy_folder, 1)
    return Service(client, copy, [image], reference_exercises)


def _solve_regions(exercise_service: ExerciseService, folder: Path) -> tuple[str, ...]:
    """Put the reference into the regions of exercises that have not passed; return the ids of those exercises."""
    solved_ids: list[str] = []
    for exercise in exercise_service.exercises:
        if not exercise.in_service or exercise_service.progress.exercise(exercise.id).passed_at:
            continue
        for part in exercise.parts:
            solution = exercise_service.exercise_files(part).solution
            if _replace_region(folder, part, solution):
                solved_ids.append(exercise.id)

    return tuple(dict.fromkeys(solved_ids))  # an exercise may have regions in several files


def _replace_region(folder: Path, part: Exercise, solution: str) -> bool:
    """Put the solution into a region of a file; return whether that changed the file.

    A file without the region, or one that is gone or damaged, stays as it is: the participant may have removed all
    markers, or skipped the notebook that adds the region.
    """
    path = folder / str(part.file)
    try:
        text = path.read_text(encoding="utf-8")
        if part.id not in regions.ids(text) or regions.region_of(text, part.id) == solution:
            return False
        path.write_text(regions.replace(text, part.id, solution), encoding="utf-8")
    except (OSError, UnicodeDecodeError, regions.MarkerError):
        return False
    return True


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
