"""The marked sources: what stands in ``solutions/``, a folder a lesson."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workshop_kit.errors import WorkshopError
from workshop_kit.workspace.markers import MarkerError, parse

NOTEBOOK = "notebook.py"
"""The file of a lesson's exercises that are done in the notebook: a region becomes a cell."""

VISIBLE = (".dockerignore",)
"""Files that are an exercise although their names begin with a dot."""


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is none of the lessons'."""
    return name.startswith(".") and name not in VISIBLE


@dataclass(frozen=True)
class Source:
    """One marked file. ``lesson`` is its folder, ``file`` the path below it (both with forward slashes)."""

    lesson: str
    file: str
    text: str

    @property
    def name(self) -> str:
        """Where it stands in the checkout, as people write it."""
        return f"solutions/{self.lesson}/{self.file}"

    def ids(self) -> tuple[str, ...]:
        """The exercises in it. Raises MarkerError with the file's name."""
        try:
            return tuple(region.id for region in parse(self.text))
        except MarkerError as error:
            raise error.in_file(self.name) from error


def read_text(path: Path, shown: str) -> str:
    """Return a file's text with its line ends as they are; raises WorkshopError when it is not there or not text."""
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        raise WorkshopError(f"{shown} is not there.", "Get the repository afresh: it brings the file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise WorkshopError(f"{shown} cannot be read as text: {error}.", "Restore the file.") from error


def marked_sources(root: Path) -> Iterator[Source]:
    """Yield every file below ``root/solutions/<lesson>/``, in order; no caches, and nothing hidden but `VISIBLE`.

    Raises WorkshopError for a file that is not text.
    """
    solutions = root / "solutions"
    for path in sorted(solutions.rglob("*")):
        parts = path.relative_to(solutions).parts
        odd = any(is_hidden(part) or part == "__pycache__" for part in parts)
        if len(parts) < 2 or odd or not path.is_file():
            continue
        yield Source(parts[0], "/".join(parts[1:]), read_text(path, f"solutions/{'/'.join(parts)}"))
