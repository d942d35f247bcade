"""A copy of a folder that somebody handed in, as a workspace whose exercises can be checked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from workshop_kit.errors import WrongUsage
from workshop_kit.exercises.exercise_files import copy_folder
from workshop_kit.files import TemporaryCopy, read_small_text, write_atomically
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import steps
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.workspace.folder import BASE, HIDDEN, ID, Workspace, shared_seed

BESIDE_SERVICE = ("exercises", "notebooks")
"""The folders of a workspace that have answers, too: ``tools.py`` is beside the notebooks."""
SIGNS = ("Dockerfile", "app.py")
"""A folder with one of these files is a ``my_service/``."""
NO_ID = "00000000"
"""The id of a copy: nothing is made for it in the engine."""


@contextlib.contextmanager
def copy_of(folder: Path, seed: int | None = None) -> Iterator[Workspace]:
    """Yield a copy of a workspace or a ``my_service/``, and remove it at the end; the folder stays as it is.

    It has a shared seed if its numbers are known. ``seed`` is for a folder that does not say its own. Raises WrongUsage
    for any other folder, WorkshopError for one that cannot be copied.
    """
    is_workspace = (folder / MY_SERVICE).is_dir()
    if not is_workspace and not any((folder / name).is_file() for name in SIGNS):
        raise WrongUsage(f"There is no service in {folder}.", f"Name a workspace, or a {MY_SERVICE} folder.")

    with TemporaryCopy() as temporary:
        copy = Path(temporary) / folder.resolve().name
        copy_folder(folder / MY_SERVICE if is_workspace else folder, copy / MY_SERVICE)
        for name in BESIDE_SERVICE:
            if is_workspace and (folder / name).is_dir():
                copy_folder(folder / name, copy / name)

        workspace = Workspace(copy, NO_ID)
        _copy_base(folder, copy)
        own_seed = _seed_of(folder)
        known_seed = seed if own_seed is None else own_seed
        if known_seed is not None:
            workspace.share_seed(known_seed)
        yield workspace


def _copy_base(folder: Path, copy: Path) -> None:
    """Copy what the lessons have shipped of the folder's files; where it does not say that, take all lessons' files."""
    base = folder / HIDDEN / BASE
    if base.is_dir():
        copy_folder(base, copy / HIDDEN / BASE)
        return
    for path, file in steps.files_after(steps.load(CHECKOUT)).items():
        if (copy / path).is_file():
            write_atomically(copy / HIDDEN / BASE / path, file.record.text.encode())


def _seed_of(folder: Path) -> int | None:
    """Return the seed of a workspace: a shared one, else the one that its id gives; None without either."""
    seed = shared_seed(folder)
    id_file = folder / HIDDEN / "id"
    if seed is not None or not id_file.exists():
        return seed

    workspace_id = read_small_text(id_file).strip()
    return int(workspace_id, 16) if ID.fullmatch(workspace_id) else None
