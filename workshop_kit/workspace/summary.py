"""The first and the last text of a lesson: title, minutes, goals, key points, homework and links. Pure.

``notebooks/NN_lesson.toml`` begins with their lines, each with the cells that keep what it promises. `./workshop build`
writes the texts with all lines into the notebook; a track has only the lines whose cells it keeps.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workshop_kit.errors import WorkshopError
from workshop_kit.files import read_document
from workshop_kit.workspace.course import tables_path

HEAD = "title"
"""The id of a lesson's first cell."""
END = "end"
"""The id of the cell with its key points."""
BOARD = "board"
"""The id of the cell whose board leads to the next lesson."""


@dataclass(frozen=True)
class Line:
    """A line of a text, and the cells (ids) that it is about: a track that skips one of them does not show the line."""

    text: str
    cells: tuple[str, ...] = ()


Choice = tuple[Line, ...]
"""Alternative lines: a text has the first one whose cells are all kept, or none of them."""


@dataclass(frozen=True)
class Summary:
    """The lines of a lesson's first and last text."""

    number: str
    title: Choice
    intro: Choice
    goals: tuple[Choice, ...]
    credit: Choice
    key_points: tuple[Choice, ...]
    homework: tuple[Choice, ...]
    links: tuple[Choice, ...]
    closing: Choice = ()

    @property
    def choices(self) -> tuple[Choice, ...]:
        """All choices of both texts."""
        single_choices = (self.title, self.intro, self.credit, self.closing)
        return (*single_choices, *self.goals, *self.key_points, *self.homework, *self.links)

    def head(self, kept_cells: Collection[str], minutes: int) -> str:
        """Return the first text, for a track that keeps these cells and takes so many minutes."""
        title = chosen_text(self.title, kept_cells)
        intro = chosen_text(self.intro, kept_cells).replace("{minutes}", str(minutes))
        parts = [f"# {self.number} · {title}", intro]

        goals = list(kept_lines(self.goals, kept_cells))
        if goals:
            goal_list = ";\n- ".join(goals)
            parts += ["Afterwards you can", f"- {goal_list}."]

        credit = chosen_text(self.credit, kept_cells)
        if credit:
            parts.append(credit)
        return "\n\n".join(parts)

    def end(self, kept_cells: Collection[str], next_link: str = "") -> str:
        """Return the last text, for a track that keeps these cells.

        ``next_link`` leads to the next lesson; it is left out where the lesson has a board, which does that.
        """
        homework = " ".join(kept_lines(self.homework, kept_cells))
        links = " · ".join(kept_lines(self.links, kept_cells))
        key_points = "\n".join(f"- {line}" for line in kept_lines(self.key_points, kept_cells))

        parts = ["## To keep", key_points, f"**Take home:** {homework}", f"**Links:** {links}"]
        if next_link and BOARD not in kept_cells:
            parts.append(f"**Next:** {next_link}")
        closing = chosen_text(self.closing, kept_cells)
        if closing:
            parts.append(closing)
        return "\n\n".join(parts)


def chosen_text(choice: Choice, kept_cells: Collection[str]) -> str:
    """Return the text of the first line of a choice whose cells are all kept; "" if there is none."""
    for line in choice:
        if all(cell in kept_cells for cell in line.cells):
            return line.text
    return ""


def kept_lines(choices: Sequence[Choice], kept_cells: Collection[str]) -> Iterator[str]:
    """Yield the chosen text of each choice that has one, for a track that keeps these cells (ids)."""
    for choice in choices:
        text = chosen_text(choice, kept_cells)
        if text:
            yield text


def load(root: Path, lesson: str) -> Summary | None:
    """Return the summary of a lesson of the checkout ``root``; None for a lesson without one. Raises WorkshopError."""
    path = tables_path(lesson, root / "notebooks")
    if not path.is_file():
        return None
    try:
        document = read_document(path)
        if "title" not in document:
            return None
        return Summary(
            number=lesson.partition("_")[0],
            title=_choice(document["title"]),
            intro=_choice(document["intro"]),
            goals=_choices(document["goals"]),
            credit=_choice(document.get("credit", [])),
            key_points=_choices(document["key_points"]),
            homework=_choices(document["homework"]),
            links=_choices(document["links"]),
            closing=_choice(document.get("closing", [])),
        )
    except (KeyError, TypeError) as error:
        raise WorkshopError(f"{path.name}: {error}.", "Compare that file with those of the other lessons.") from error


def _choices(entries: Sequence[Sequence[Mapping[str, Any]]]) -> tuple[Choice, ...]:
    return tuple(_choice(entry) for entry in entries)


def _choice(entry: Sequence[Mapping[str, Any]]) -> Choice:
    return tuple(Line(line["text"], tuple(line.get("cells", ()))) for line in entry)
