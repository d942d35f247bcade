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

The marked source in ``solutions/`` is a file that runs. A participant's file has only the region lines. The language
needs comments that begin with ``#``; markers may be indented. Decode bytes yourself, or open files with
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
BOTH, SOLUTION, STARTER = SECTIONS = ("both", "only the solution", "only the starter")


class MarkerError(WorkshopError):
    """Markers that do not fit together; ``what`` begins with the line, counted from 1, unless one is missing."""

    def in_file(self, file: str) -> MarkerError:
        """Return the same error with the name of its file."""
        return MarkerError(f"{file}: {self.what}", self.next_step)


@dataclass(frozen=True)
class Region:
    """An exercise in a file: its text, and where that begins (from 1)."""

    id: str
    first_line: int
    body: str


def parse(text: str) -> tuple[Region, ...]:
    """Return the regions of a participant's file or a marked source, in their order."""
    lines = lines_of(text)
    found: dict[str, Region] = {}
    opened: tuple[str, int] | None = None
    for number, line in enumerate(lines, 1):
        marker = REGION.fullmatch(line)
        if marker is None:
            continue
        kind, name = marker.groups()
        if kind == "region":
            if opened is not None:
                raise _unclosed(*opened)
            if name in found:
                first = found[name].first_line - 1
                raise _damaged(f"line {number}: `# region {name}` is there twice (first on line {first})", name)
            opened = name, number
        elif opened is None or opened[0] != name:
            raise _damaged(f"line {number}: `# endregion {name}` has no line `# region {name}` before it", name)
        else:
            found[name] = Region(name, opened[1] + 1, "".join(lines[opened[1] : number - 1]))
            opened = None
    if opened is not None:
        raise _unclosed(*opened)
    return tuple(found.values())


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
    before, after = lines[:start], lines[start + len(lines_of(region.body)) :]
    end = "\r\n" if before[-1].endswith("\r\n") else "\n"
    if body and not body.endswith("\n"):
        body += "\n"
    return "".join([*before, re.sub(r"\r?\n", end, body), *after])


def starter(marked: str) -> str:
    """Return the file that a participant begins with: the naive code, and of the markers only the region lines."""
    lines = (
        _without_bar(line) if section == STARTER else line for line, section in _sections(marked) if section != SOLUTION
    )
    text = "".join(lines)
    parse(text)
    return text


def solved(marked: str) -> str:
    """Return the solution: without the naive code, and of the markers only the region lines."""
    return "".join(line for line, section in _sections(marked) if section != STARTER)


def plain(marked: str) -> str:
    """Return the solution without any marker."""
    lines = (line for line, section in _sections(marked) if section in (BOTH, SOLUTION))
    return re.sub(r"\n{4,}", "\n\n\n", "".join(lines))  # where a marker stood between blank lines


def others_solved(theirs: str, marked: str, *kept: str) -> str:
    """Return a participant's file in which all regions but the ``kept`` ones hold the solution.

    Text outside regions (an import, a helper) stays.
    """
    solution = solved(marked)
    for name in ids(solution):
        body = region_of(theirs, name)  # its markers must be there, also if it is kept
        theirs = replace(theirs, name, body if name in kept else region_of(solution, name))
    return theirs


def lines_of(text: str) -> list[str]:
    """Return the lines with their ends. Only a newline ends a line: a form feed or U+2028 is part of it."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _damaged(problem: str, region_id: str) -> MarkerError:
    step = f"Put the two marker lines back, or run `./workshop reset {region_id}`, which keeps your file aside."
    return MarkerError(f"{problem}.", step)


def _unclosed(name: str, line: int) -> MarkerError:
    problem = f"line {line}: `# region {name}` has no line `# endregion {name}` before the next region"
    return _damaged(problem, name)


def _sections(marked: str) -> Iterator[tuple[str, str]]:
    """Yield the lines of a marked source with their sections ("marker" for the region lines)."""
    parse(marked)
    section, inside = BOTH, False
    for number, line in enumerate(lines_of(marked), 1):
        if marker := REGION.fullmatch(line):
            section, inside = BOTH, marker[1] == "region"
            yield line, "marker"
        elif marker := SECTION.fullmatch(line):
            section = marker[1]
            if section not in SECTIONS or not inside:
                step = f"Use one of: {', '.join(f'`#: {known}`' for known in SECTIONS)}, inside a region."
                raise MarkerError(f"line {number}: `#: {section}` is no section of a region.", step)
        else:
            if line.strip() and (STARTER_LINE.fullmatch(line) is not None) != (section == STARTER):
                problem = f"line {number}: `#|` stands before each line of `#: only the starter`, and before no other."
                raise MarkerError(problem, f"This line is in `#: {section}`.")
            yield line, section


def _without_bar(line: str) -> str:
    """Return a line of naive code as the starter has it."""
    bare = STARTER_LINE.sub(r"\1\2", line)
    return bare if bare.strip() else bare.lstrip(" \t")
