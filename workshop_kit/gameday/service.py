"""The service of a shop: the participant's image, and the versions of its code that are released."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker.errors import BuildError

from workshop_kit.errors import WorkshopError
from workshop_kit.exercises.exercise_files import copy_folder
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.files import TemporaryCopy
from workshop_kit.host import MIB
from workshop_kit.workspace.exercise_list import Exercise

ORDERS = "orders.py"
GO_TO_LESSON = "./workshop goto 05 brings the service that the incidents need."
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
class ShopService:
    """The code of the shop's service, in ``folder``, with an image for each version of it."""

    client: Any
    folder: TemporaryCopy = field(repr=False)
    images: list[Any]

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


def prepare(exercise_service: ExerciseService, client: Any, image: Any, mine: Path) -> ShopService:
    """Return the service of a shop: ``image``, and a copy of ``mine``, the folder that it was built from.

    Raises WorkshopError if the folder lacks what an incident needs: it is that of another lesson, or an exercise in it
    is not solved.
    """
    if not (mine / ORDERS).is_file():
        raise WorkshopError(f"my_service is not at the start of lesson 05: it has no {ORDERS}.", GO_TO_LESSON)

    unsolved = [exercise.id for exercise in exercise_service.exercises if _is_unsolved(exercise_service, exercise)]
    if unsolved:
        sentence = f"The shop needs what my_service lacks: {', '.join(unsolved)}."
        raise WorkshopError(sentence, f"Solve it first. {GO_TO_LESSON}")

    folder = TemporaryCopy()
    copy_folder(mine, Path(folder.name))
    return ShopService(client, folder, [image])


def _is_unsolved(exercise_service: ExerciseService, exercise: Exercise) -> bool:
    """Return whether a core exercise in the service has neither passed nor the text of its solution."""
    is_needed = exercise.in_service and exercise.weight == "core"
    if not is_needed or exercise_service.progress.exercise(exercise.id).passed_at:
        return False
    files = exercise_service.exercise_files(exercise)
    return files.is_brought() and not files.is_solved()


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
