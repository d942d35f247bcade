"""The lines that say where an exercise begins and ends: read, and told when they do not fit together. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from workshop_kit.errors import WorkshopError

ID = r"[a-z]+\.[a-z0-9]+(?:[_-][a-z0-9]+)*"
REGION = re.compile(rf"[ \t]*#[ \t]*(region|endregion)[ \t]+({ID})\s*")


class MarkerError(WorkshopError):
    """Markers that do not fit together. ``line`` counts from 1; 0 stands for the whole file, where one is missing.

    ``problem`` is a clause that goes on after the place ("ends `config.env`, which no line began"); ``file`` is shown
    when it is known: see `in_file`.
    """

    def __init__(self, line: int, problem: str, next_step: str = "", *, file: str = "") -> None:
        where = f"line {line}" if line else ("" if file else "this file")
        super().__init__(f"{', '.join(part for part in (file, where) if part)}: {problem}.", next_step)
        self.line = line
        self.problem = problem
        self.file = file

    def in_file(self, file: str) -> MarkerError:
        """Return the same error that names its file."""
        return MarkerError(self.line, self.problem, self.next_step, file=file)


@dataclass(frozen=True)
class Region:
    """One exercise's place in a file: the lines of its two markers (from 1), and the text between them."""

    id: str
    opens_at_line: int
    closes_at_line: int
    body: str

    @property
    def first_line(self) -> int:
        """The line to begin at: the first of the text, or where it belongs while there is none."""
        return self.opens_at_line + 1

    @property
    def last_line(self) -> int:
        """The last line of the text."""
        return max(self.first_line, self.closes_at_line - 1)


def damaged(line: int, problem: str, region_id: str) -> MarkerError:
    """Return the error for a participant's file: it says how to mend it."""
    step = f"Put the two marker lines back, or run `./workshop reset {region_id}`, which keeps your file aside."
    return MarkerError(line, problem, step)


def lines_of(text: str) -> list[str]:
    """Return the lines with their ends. Only a newline ends a line: a form feed or U+2028 is part of it."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def parse(text: str) -> tuple[Region, ...]:
    """Return the regions of ``text`` in their order; a participant's file and a marked source alike.

    Raises MarkerError for a region that is not closed, not opened, inside another, or there twice.
    """
    lines = lines_of(text)
    found: dict[str, Region] = {}
    opened: tuple[str, int] | None = None
    for number, line in enumerate(lines, 1):
        marker = REGION.fullmatch(line)
        if marker is None:
            continue
        kind, name = marker.groups()
        if kind == "region":
            closed_later = opened is not None and f"endregion {opened[0]}" in _markers(lines[number:])
            _may_open(number, name, opened, found, closed_later=closed_later)
            opened = name, number
            continue
        start = _opened_by(number, name, opened)
        found[name] = Region(name, start, number, "".join(lines[start : number - 1]))
        opened = None
    if opened is not None:
        raise damaged(opened[1], f"`# region {opened[0]}` has no line `# endregion {opened[0]}`", opened[0])
    return tuple(found.values())


def _markers(lines: list[str]) -> set[str]:
    """Return the markers among ``lines``, spaced alike."""
    return {" ".join(marker.groups()) for marker in map(REGION.fullmatch, lines) if marker}


def _may_open(
    number: int, name: str, opened: tuple[str, int] | None, found: dict[str, Region], *, closed_later: bool
) -> None:
    """Raise MarkerError when a region cannot begin here; tells a region inside another from one never closed."""
    first = {region.id: region.opens_at_line for region in found.values()} | dict([opened] if opened else [])
    if name in first:
        raise damaged(number, f"`# region {name}` is there twice (first on line {first[name]})", name)
    if opened is None:
        return
    if closed_later:
        inside = f"`# region {name}` stands inside `# region {opened[0]}`, which began on line {opened[1]}"
        raise damaged(number, inside, opened[0])
    unclosed = f"`# region {opened[0]}` has no line `# endregion {opened[0]}`; the next region begins on line {number}"
    raise damaged(opened[1], unclosed, opened[0])


def _opened_by(number: int, name: str, opened: tuple[str, int] | None) -> int:
    if opened is None:
        raise damaged(number, f"`# endregion {name}` has no line `# region {name}` before it", name)
    if opened[0] != name:
        ends = f"`# endregion {name}` ends another region than line {opened[1]} began (`# region {opened[0]}`)"
        raise damaged(number, ends, opened[0])
    return opened[1]
