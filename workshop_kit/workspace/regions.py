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
    """A file as one cell of a lesson writes it: the ``number``-th cell for it in the notebook ``lesson`` (02, 04b)."""

    lesson: str
    number: int = 1

    @classmethod
    def parse(cls, text: str) -> FileStage:
        """Return the stage that is written as ``02`` or ``02:2``; of a notebook's name the number counts.

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
    """An exercise in a file: its text, and where that begins (from 1)."""

    id: str
    first_line: int
    body: str


def parse(text: str) -> tuple[Region, ...]:
    """Return the regions of a participant's file or a marked source, in their order."""
    lines = lines_of(text)
    regions: dict[str, Region] = {}
    open_region: tuple[str, int] | None = None
    for number, line in enumerate(lines, 1):
        marker = REGION.fullmatch(line)
        if marker is None:
            continue

        kind, name = marker.groups()
        if kind == "region":
            if open_region is not None:
                raise _unclosed(*open_region)
            if name in regions:
                first_line = regions[name].first_line - 1
                raise _damaged(f"line {number}: `# region {name}` is there twice (first on line {first_line})", name)
            open_region = name, number
        elif open_region is None or open_region[0] != name:
            raise _damaged(f"line {number}: `# endregion {name}` has no line `# region {name}` before it", name)
        else:
            regions[name] = Region(name, open_region[1] + 1, "".join(lines[open_region[1] : number - 1]))
            open_region = None

    if open_region is not None:
        raise _unclosed(*open_region)
    return tuple(regions.values())


def ids(text: str) -> tuple[str, ...]:
    """Return the ids of the regions in ``text``, in their order."""
    return tuple(region.id for region in parse(text))


def find(text: str, region_id: str) -> Region:
    """Return the region of that id."""
    for region in parse(text):
        if region.id == region_id:
            return region
    raise _damaged(f"the lines `# region {region_id}` and `# endregion {region_id}` are missing", region_id)


def region_of(text: str, region_id: str) -> str:
    """Return the text between the markers of ``region_id``."""
    return find(text, region_id).body


def replace(text: str, region_id: str, body: str) -> str:
    """Return ``text`` with ``body`` between the markers of ``region_id``; all other characters stay.

    ``body`` gets a final newline, and the line ends of the marker.
    """
    region = find(text, region_id)
    if body == region.body:
        return text

    lines = lines_of(text)
    start = region.first_line - 1
    before = lines[:start]
    after = lines[start + len(lines_of(region.body)) :]

    end = "\r\n" if before[-1].endswith("\r\n") else "\n"
    if body and not body.endswith("\n"):
        body += "\n"
    return "".join([*before, re.sub(r"\r?\n", end, body), *after])


def at_stage(marked: str, stage: FileStage) -> str:
    """Return a marked source as it is at a stage: with markers of regions, without those of growth."""
    kept_lines: list[str] = []
    begins: FileStage | None = None
    ends: FileStage | None = None
    for number, line in enumerate(lines_of(marked), 1):
        if marker := _growth(line):
            begins, ends = (FileStage.parse(text) if text else None for text in marker.groups()[1:])
            continue

        if ends and line.strip() and STARTER_LINE.fullmatch(line) is None:
            raise MarkerError(f"line {number}: `#|` stands before each line of `#: until {ends}`.", "Add it.")
        has_begun = begins is None or stage >= begins
        has_ended = ends is not None and stage >= ends
        if has_begun and not has_ended:
            kept_lines.append(_without_bar(line) if ends else line)

    return _without_gaps("".join(kept_lines))


def stages(marked: str) -> tuple[FileStage, ...]:
    """Return the stages at which a marked source changes, in their order."""
    file_stages: set[FileStage] = set()
    for line in lines_of(marked):
        if marker := _growth(line):
            file_stages |= {FileStage.parse(text) for text in marker.groups()[1:] if text}
    return tuple(sorted(file_stages))


def starter(marked: str) -> str:
    """Return the file that a participant begins with: the naive code, and of the markers only the region lines."""
    lines = []
    for line, section in _sections(marked):
        if section == STARTER:
            lines.append(_without_bar(line))
        elif section != SOLUTION:
            lines.append(line)

    text = "".join(lines)
    parse(text)
    return text


def solved(marked: str) -> str:
    """Return the solution: without the naive code, and of the markers only the region lines."""
    return "".join(line for line, section in _sections(marked) if section != STARTER)


def plain(marked: str) -> str:
    """Return the solution without any marker."""
    lines = (line for line, section in _sections(marked) if section in (BOTH, SOLUTION))
    return _without_gaps("".join(lines))


def without_markers(text: str) -> str:
    """Return a participant's file without the lines that mark regions."""
    lines = [line for line in lines_of(text) if not REGION.fullmatch(line)]
    if len(lines) == len(lines_of(text)):
        return text
    return _without_gaps("".join(lines))


def others_solved(theirs: str, marked: str, *kept_ids: str) -> str:
    """Return a participant's file in which all regions but those of ``kept_ids`` hold the solution.

    Text outside regions (an import, a helper) stays.
    """
    solution = solved(marked)
    for name in ids(solution):
        body = region_of(theirs, name)  # its markers must be there, also if it is kept
        theirs = replace(theirs, name, body if name in kept_ids else region_of(solution, name))
    return theirs


def lines_of(text: str) -> list[str]:
    """Return the lines with their ends. Only a newline ends a line: a form feed or U+2028 is part of it."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _growth(line: str) -> re.Match[str] | None:
    """Return the match of a line that begins lines of some stages, or of all."""
    marker = GROWTH.fullmatch(line)
    return marker if marker and marker[1] else None


def _without_gaps(text: str) -> str:
    """Return the text with two blank lines at most, one inside of a block, where markers stood between blank lines."""
    text = re.sub(r"\n{4,}", "\n\n\n", text)
    text = re.sub(r"\n{3,}(?=[ \t])", "\n\n", text)
    return text.strip("\n") + "\n"


def _damaged(problem: str, region_id: str) -> MarkerError:
    step = f"Put the two marker lines back, or run `./workshop reset {region_id}`, which keeps your file aside."
    return MarkerError(f"{problem}.", step)


def _unclosed(name: str, line: int) -> MarkerError:
    problem = f"line {line}: `# region {name}` has no line `# endregion {name}` before the next region"
    return _damaged(problem, name)


def _sections(marked: str) -> Iterator[tuple[str, str]]:
    """Yield the lines of a marked source with their sections ("marker" for the region lines)."""
    parse(marked)
    section = BOTH
    inside = False
    for number, line in enumerate(lines_of(marked), 1):
        if marker := REGION.fullmatch(line):
            section = BOTH
            inside = marker[1] == "region"
            yield line, "marker"
        elif marker := SECTION.fullmatch(line):
            section = marker[1]
            if section not in SECTIONS or not inside:
                step = f"Use one of: {', '.join(f'`#: {name}`' for name in SECTIONS)}, inside a region."
                raise MarkerError(f"line {number}: `#: {section}` is no section of a region.", step)
        else:
            has_bar = STARTER_LINE.fullmatch(line) is not None
            if line.strip() and has_bar != (section == STARTER):
                problem = f"line {number}: `#|` stands before each line of `#: only the starter`, and before no other."
                raise MarkerError(problem, f"This line is in `#: {section}`.")
            yield line, section


def _without_bar(line: str) -> str:
    """Return a line of naive code as the starter has it."""
    bare = STARTER_LINE.sub(r"\1\2", line)
    return bare if bare.strip() else bare.lstrip(" \t")
