"""The file of tables beside a lesson's notebook, ``notebooks/NN_lesson.toml`` (standard library only).

Its lines before the first table are the lesson's first and last text (`summary`). ``[policy]`` has the questions of its
policy card (`lessons.policies`), ``[predictions.NAME]`` its predictions (`lessons.predictions`), ``[shows]``,
``[exceptions]`` and ``[quiet]`` what its cells show when they are executed (`workshop_dev.expectations`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

SUFFIX = ".toml"


def tables_path(lesson: str, folder: Path) -> Path:
    """Return the path of a lesson's tables in the folder of the notebooks."""
    return folder / f"{lesson}{SUFFIX}"


def lessons_with_tables(folder: Path) -> Iterator[str]:
    """Yield the names of the lessons in that folder that have tables, in order."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        yield path.stem
