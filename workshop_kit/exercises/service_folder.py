"""Copy ``my_service/`` for a check: the exercise's own regions are the participant's, all others are solved."""

from __future__ import annotations

import shutil
from pathlib import Path

from workshop_kit.workspace import regions, solutions
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.exercises.exercise_files import Texts, Unreadable

LEFT_OUT = (".git", "__pycache__", ".ipynb_checkpoints", ".venv")


def copy(texts: Texts, target: Path) -> list[str]:
    """Copy the participant's folder to ``target``, and solve in it what other exercises ask for.

    Returns the files that stay whole because markers are missing in them. Raises Unreadable when the folder cannot be
    copied, or the exercise's file is not there, not text, or too large.
    """
    texts.mine()
    my_service, exercise = texts.folder / MY_SERVICE, texts.exercise
    try:
        shutil.copytree(my_service, target, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
    except (OSError, shutil.Error) as error:
        raise Unreadable(f"{my_service.name} cannot be copied: {error}.", "Remove what is no plain file.") from error
    whole: list[str] = []
    earlier: set[str] = set()
    for source in solutions.service_sources(texts.root):
        path = target / source.file
        is_own = source.file == exercise.file or source.file not in earlier  # else it may be an earlier lesson's
        earlier.add(source.file)
        if not source.ids() or not path.is_file() or path.is_symlink():
            continue
        solution = regions.solved(source.text)
        try:
            path.write_bytes(_others_solved(path.read_bytes().decode(), solution, exercise.id).encode())
        except (regions.MarkerError, UnicodeDecodeError):
            whole += [source.file] if source.lesson == exercise.lesson and is_own else []
    return whole


def _others_solved(theirs: str, solution: str, exercise_id: str) -> str:
    """Return a participant's text with all regions but this one's solved. Raises MarkerError for missing markers."""
    for name in regions.ids(solution):
        body = regions.region_of(theirs if name == exercise_id else solution, name)
        theirs = regions.replace(theirs, name, body)
    return theirs
