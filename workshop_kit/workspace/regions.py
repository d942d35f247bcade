"""The marker language of exercises: one source, from which starter and solution are made. Pure: text in, text out.

::

    # region container.graceful
    both have this line
    #: only the solution
    code that works
    #: only the starter
    #| naive code
    #: both
    both have this line
    # endregion container.graceful

The marked source in ``solutions/`` is a file that runs. A participant's file has only the region lines. A file grows
with the lessons, and the source has all its stages; `at_stage` returns one of them::

    #: until 02
    #| a line that the first file cell of lesson 02 takes away
    #: from 02
    a line that this cell brings
    #: from 03:2 until 04
    #| a line that the second cell of lesson 03 for this file brings, and lesson 04 takes away
    #: always
    a line of each stage

The language needs comments that begin with ``#``; markers may be indented. Decode bytes yourself, or open files with
``newline=""``: universal newlines would hide the line ends of a Windows file. All functions raise MarkerError where
markers are missing or do not fit together: not closed, not opened, inside another, or there twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from workshop_kit.errors import WorkshopError

ID = r"[a-z]+\.[a-z0-9]+(?:[_-][a-z0-9]+)*"
REGION = re.compile(rf"[ \t]*#[ \t]*(region|endregion)[ \t]+({ID})\s*")
SECTION = re.compile(r"[ \t]*#:[ \t]*(.*?)\s*")
STARTER_LINE = re.compile(r"([ \t]*)#\| ?(.*)", re.DOTALL)
GROWTH = re.compile(r"[ \t]*#:[ \t]*(always|(?:from ([\w:]+))? ?(?:until ([\w:]+))?)\s*")
BOTH = "both"
SOLUTION = "only the solution"
STARTER = "only the starter"
SECTIONS = (BOTH, SOLUTION, STARTER)


class MarkerError(WorkshopError):
    """Markers that do not fit together; ``what`` begins with the line, counted from 1, unless one is missing."""

    def in_file(self, file: str) -> MarkerError:
        """Return the same error with the name of its file."""
        return MarkerError(f"{file}: {self.what}", self.next_step)


@dataclass(frozen=True, order=True)
class FileStage:
    """The state of a file after a cell of a lesson: the ``number``-th cell that writes it in ``lesson`` (02, 04b)."""

    lesson: str
    number: int = 1

    @classmethod
    def parse(cls, text: str) -> FileStage:
        """Return the stage that is written as ``02`` or ``02:2``; a notebook's name stands for its number.

        >>> FileStage.parse("02_configuration"), FileStage.parse("04b:2")
        (FileStage(lesson='02', number=1), FileStage(lesson='04b', number=2))
        """
        lesson, _, number = text.partition(":")
        return cls(lesson.partition("_")[0], int(number or 1))

    def __str__(self) -> str:
        return self.lesson if self.number == 1 else f"{self.lesson}:{self.number}"


FINISHED = FileStage("99")
"""The stage after all lessons."""


@dataclass(frozen=True)
class Region:
    """An exercise in a file: the text between its markers, and the number of that text's first line, from 1."""

    id: str
    first_line: int
    body: str


def parse(text: str) -> tuple[Region, ...]:
    """Return the regions of a participant's file or a marked source, in their order."""
    lines = lines_of(text)
    regions: dict[str, Region] = {}
    open_name = ""  # of the region that is not closed yet
    open_line = 0
    for number, line in enumerate(lines, 1):
        marker = REGION.fullmatch(line)
        if marker is None:
            continue

        kind, name = marker.groups()
        if kind == "region":
            if open_name:
                raise _unclosed_error(open_name, open_line)
            if name in regions:
                marker_line = regions[name].first_line - 1
                problem = f"line {number}: `# region {name}` is there twice (first on line {marker_line})"
                raise _marker_error(problem, name)
            open_name = name
            open_line = number
        elif name == open_name:
            body = "".join(lines[open_line : number - 1])
            regions[name] = Region(name, open_line + 1, body)
            open_name = ""
        else:
            raise _marker_error(f"line {number}: `# endregion {name}` has no line `# region {name}` before it", name)

    if open_name:
        raise _unclosed_error(open_name, open_line)
    return tuple(regions.values())


def ids(text: str) -> tuple[str, ...]:
    """Return the ids of the regions in ``text``, in their order."""
    return tuple(region.id for region in parse(text))


def find(text: str, region_id: str) -> Region:
    """Return the region of that id."""
    for region in parse(text):
        if region.id == region_id:
            return region
    raise _marker_error(f"the lines `# region {region_id}` and `# endregion {region_id}` are missing", region_id)


def region_of(text: str, region_id: str) -> str:
    """Return the text between the markers of ``region_id``."""
    return find(text, region_id).body


def replace(text: str, region_id: str, body: str) -> str:
    """Return ``text`` with ``body`` between the markers of ``region_id``; everything outside the markers stays.

    ``body`` gets a final newline, and the same line ends as the marker line before it.
    """
    region = find(text, region_id)
    if body == region.body:
        return text

    lines = lines_of(text)
    start = region.first_line - 1
    before = lines[:start]
    after = lines[start + len(lines_of(region.body)) :]

    line_end = "\r\n" if before[-1].endswith("\r\n") else "\n"
    new_body = body
    if body and not body.endswith("\n"):
        new_body = f"{body}\n"
    new_body = re.sub(r"\r?\n", line_end, new_body)
    return "".join([*before, new_body, *after])


def at_stage(marked: str, stage: FileStage) -> str:
    """Return the lines of a marked source that the file has at a stage, with the markers of regions among them."""
    stage_lines: list[str] = []
    first_stage: FileStage | None = None
    end_stage: FileStage | None = None
    for number, line in enumerate(lines_of(marked), 1):
        growth_marker = _match_growth(line)
        if growth_marker is not None:
            first_stage, end_stage = _stage_limits(growth_marker)
            continue

        if end_stage is not None and line.strip() and STARTER_LINE.fullmatch(line) is None:
            raise MarkerError(f"line {number}: `#|` stands before each line of `#: until {end_stage}`.", "Add it.")

        has_begun = first_stage is None or stage >= first_stage
        has_ended = end_stage is not None and stage >= end_stage
        if has_begun and not has_ended:
            stage_lines.append(line if end_stage is None else _without_bar(line))

    return _without_gaps("".join(stage_lines))


def stages(marked: str) -> tuple[FileStage, ...]:
    """Return the stages at which a marked source changes, in their order."""
    file_stages: set[FileStage] = set()
    for line in lines_of(marked):
        growth_marker = _match_growth(line)
        if growth_marker is not None:
            file_stages.update(stage for stage in _stage_limits(growth_marker) if stage is not None)
    return tuple(sorted(file_stages))


def starter(marked: str) -> str:
    """Return the file that a participant begins with: the naive code, with the markers of regions.

    Raises MarkerError where these markers do not fit together.
    """
    lines = []
    for line, section in _sections(marked):
        if section == STARTER:
            lines.append(_without_bar(line))
        elif section != SOLUTION:
            lines.append(line)

    text = "".join(lines)
    parse(text)  # only for its MarkerError
    return text


def solved(marked: str) -> str:
    """Return the solution without the naive code, with the markers of regions."""
    return "".join(line for line, section in _sections(marked) if section != STARTER)


def plain(marked: str) -> str:
    """Return the solution without any marker."""
    lines = (line for line, section in _sections(marked) if section in (BOTH, SOLUTION))
    return _without_gaps("".join(lines))


def without_markers(text: str) -> str:
    """Return a participant's file without the lines that mark regions."""
    lines = lines_of(text)
    other_lines = [line for line in lines if not REGION.fullmatch(line)]
    if other_lines == lines:
        return text
    return _without_gaps("".join(other_lines))


def lines_of(text: str) -> list[str]:
    """Return the lines with their ends. Only a newline ends a line: a form feed or U+2028 is part of it."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _match_growth(line: str) -> re.Match[str] | None:
    """Return the match of a growth marker (``#: from``, ``#: until``, ``#: always``); None for any other line."""
    marker = GROWTH.fullmatch(line)
    if marker is None or not marker[1]:
        return None
    return marker


def _stage_limits(growth_marker: re.Match[str]) -> tuple[FileStage | None, FileStage | None]:
    """Return the stages after ``from`` and after ``until`` in a growth marker; None for a word that it lacks."""
    first_text, end_text = growth_marker.group(2, 3)
    first_stage = FileStage.parse(first_text) if first_text else None
    end_stage = FileStage.parse(end_text) if end_text else None
    return first_stage, end_stage


def _without_gaps(text: str) -> str:
    """Return the text with the gaps closed that removed markers leave.

    At most two blank lines follow each other, before an indented line at most one, and none at the ends of the text.
    """
    at_most_two = re.sub(r"\n{4,}", "\n\n\n", text)
    one_in_blocks = re.sub(r"\n{3,}(?=[ \t])", "\n\n", at_most_two)
    return one_in_blocks.strip("\n") + "\n"


def _marker_error(problem: str, region_id: str) -> MarkerError:
    """Return the error for a ``problem`` with the two markers of a region."""
    step = f"Put the two marker lines back, or run `./workshop reset {region_id}`, which keeps your file aside."
    return MarkerError(f"{problem}.", step)


def _unclosed_error(name: str, line: int) -> MarkerError:
    """Return the error for a region that begins on ``line`` and has no end."""
    problem = f"line {line}: `# region {name}` has no line `# endregion {name}` before the next region"
    return _marker_error(problem, name)


def _sections(marked: str) -> Iterator[tuple[str, str]]:
    """Yield each line of a marked source with the name of its section, a region's marker line with "marker".

    The lines that begin a section are left out. Raises MarkerError for a wrong section, or a ``#|`` that is missing or
    in a wrong place.
    """
    parse(marked)  # only for its MarkerError
    section = BOTH
    is_inside_region = False
    for number, line in enumerate(lines_of(marked), 1):
        region_marker = REGION.fullmatch(line)
        section_marker = SECTION.fullmatch(line)
        if region_marker is not None:
            section = BOTH
            is_inside_region = region_marker[1] == "region"
            yield line, "marker"
        elif section_marker is not None:
            section = section_marker[1]
            if section not in SECTIONS or not is_inside_region:
                raise _section_error(number, section)
        else:
            _require_bar(number, line, section)
            yield line, section


def _section_error(number: int, section: str) -> MarkerError:
    """Return the error for line ``number``, which begins a section that is unknown or outside of a region."""
    markers = ", ".join(f"`#: {name}`" for name in SECTIONS)
    return MarkerError(
        f"line {number}: `#: {section}` is no section of a region.", f"Use one of: {markers}, inside a region."
    )


def _require_bar(number: int, line: str, section: str) -> None:
    """Raise MarkerError where a line of the starter's section lacks its ``#|``, or another section's line has one."""
    has_bar = STARTER_LINE.fullmatch(line) is not None
    needs_bar = section == STARTER
    if line.strip() and has_bar != needs_bar:
        problem = f"line {number}: `#|` stands before each line of `#: only the starter`, and before no other."
        raise MarkerError(problem, f"This line is in `#: {section}`.")


def _without_bar(line: str) -> str:
    """Return a line of naive code without its ``#|``; a line with nothing behind that loses its indentation, too."""
    code = STARTER_LINE.sub(r"\1\2", line)
    return code if code.strip() else code.lstrip(" \t")
