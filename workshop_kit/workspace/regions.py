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

The marked source in ``solutions/`` is a file that runs. A participant's file has only the region lines. Any language
whose comments begin with ``#`` will do; markers may be indented. Lines end as they end in the text that is given
(decode bytes yourself, or open with ``newline=""``: universal newlines would hide a Windows file's endings).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from workshop_kit.workspace.code_comparison import language_of, same_code
from workshop_kit.workspace.markers import MarkerError, REGION, Region, damaged, lines_of, parse

__all__ = [
    "MarkerError",
    "Region",
    "find",
    "ids",
    "language_of",
    "others_solved",
    "parse",
    "plain",
    "region_of",
    "replace",
    "same_code",
    "solved",
    "starter",
]

SECTION = re.compile(r"[ \t]*#:[ \t]*(.*?)\s*")
STARTER_LINE = re.compile(r"([ \t]*)#\| ?(.*)", re.DOTALL)
SECTIONS = ("both", "only the solution", "only the starter")


@dataclass(frozen=True)
class _Line:
    """A line of marked source: what it is and where it belongs."""

    number: int
    text: str
    kind: str  # "marker", "section", "code" or "starter"
    section: str  # one of SECTIONS


def ids(text: str) -> tuple[str, ...]:
    """Return the ids of the regions in ``text``, in their order. Raises MarkerError as `parse` does."""
    return tuple(region.id for region in parse(text))


def region_of(text: str, region_id: str) -> str:
    """Return what stands between the markers of ``region_id``; raises MarkerError, also when they are not there."""
    return find(text, region_id).body


def replace(text: str, region_id: str, body: str) -> str:
    """Return ``text`` with ``body`` between the markers of ``region_id``; everything else stays to the letter.

    ``body`` gets a final newline, and the line ends of the marker. Raises MarkerError, also when ``body`` has markers.
    """
    region = find(text, region_id)
    if body == region.body:
        return text
    for number, line in enumerate(lines_of(body), 1):
        if REGION.fullmatch(line):
            raise damaged(region.opens_at_line + number, "a marker cannot stand inside a region", region_id)
    lines = lines_of(text)
    before, after = lines[: region.opens_at_line], lines[region.closes_at_line - 1 :]
    end = "\r\n" if before[-1].endswith("\r\n") else "\n"
    if body and not body.endswith("\n"):
        body += "\n"
    return "".join([*before, re.sub(r"\r?\n", end, body), *after])


def starter(marked: str) -> str:
    """Return what a participant begins with: the naive code, and of the markers only the region lines.

    Raises MarkerError when the markers of the source do not fit together.
    """
    text = "".join(_starter_line(line) for line in _marked_lines(marked))
    parse(text)
    return text


def solved(marked: str) -> str:
    """Return the solution: without the naive code, and of the markers only the region lines.

    Raises MarkerError when the markers of the source do not fit together.
    """
    wanted = ("both", "only the solution")
    return "".join(
        line.text for line in _marked_lines(marked) if line.section in wanted and line.kind in ("marker", "code")
    )


def plain(marked: str) -> str:
    """Return the solution without any marker. Raises MarkerError when the markers do not fit together."""
    lines = (line for line in _marked_lines(marked) if line.kind == "code" and line.section != "only the starter")
    text = "".join(line.text for line in lines)
    return re.sub(r"\n{4,}", "\n\n\n", text)  # where a marker stood between blank lines


def others_solved(theirs: str, marked: str, region_id: str) -> str:
    """Return a participant's file as a check of ``region_id`` wants it: all other regions hold the solution.

    What they wrote outside regions (an import, a helper) stays. Raises MarkerError when their markers are damaged, or
    a region is gone.
    """
    solution = solved(marked)
    region_of(theirs, region_id)
    for name in ids(solution):
        if name != region_id:
            theirs = replace(theirs, name, region_of(solution, name))
    return theirs


def find(text: str, region_id: str) -> Region:
    """Return the region of that id; raises MarkerError, also when its markers are not there."""
    for region in parse(text):
        if region.id == region_id:
            return region
    raise damaged(0, f"the lines `# region {region_id}` and `# endregion {region_id}` are missing", region_id)


def _marked_lines(marked: str) -> Iterator[_Line]:
    """Yield the lines of a marked source, each with its section; raises MarkerError for markers out of place."""
    regions = parse(marked)
    inside = {n for region in regions for n in range(region.opens_at_line + 1, region.closes_at_line)}
    edges = {n for region in regions for n in (region.opens_at_line, region.closes_at_line)}
    section = "both"
    for number, text in enumerate(lines_of(marked), 1):
        if number in edges:
            section = "both"
            yield _Line(number, text, "marker", section)
        elif marker := SECTION.fullmatch(text):
            section = _section(number, marker[1], inside)
            yield _Line(number, text, "section", section)
        else:
            yield _Line(number, text, _kind(number, text, section), section)


def _section(number: int, name: str, inside: set[int]) -> str:
    step = f"Use one of: {', '.join(f'`#: {known}`' for known in SECTIONS)}, inside a region."
    if name not in SECTIONS:
        raise MarkerError(number, f"`#: {name}` is no section", step)
    if number not in inside:
        raise MarkerError(number, f"`#: {name}` stands outside every region", step)
    return name


def _kind(number: int, text: str, section: str) -> str:
    starts = STARTER_LINE.fullmatch(text) is not None
    if starts and section != "only the starter":
        step = "Put `#: only the starter` before the naive code."
        raise MarkerError(number, f"`#|` stands outside `#: only the starter` (this is `#: {section}`)", step)
    if not starts and section == "only the starter" and text.strip():
        step = "Begin it with `#| `, or put `#: both` before it."
        raise MarkerError(number, "a line in `#: only the starter` is not behind `#|`, so the solution runs it", step)
    return "starter" if starts else "code"


def _starter_line(line: _Line) -> str:
    """Return what of a marked line the starter gets."""
    if line.kind == "section" or line.section == "only the solution":
        return ""
    uncommented = STARTER_LINE.fullmatch(line.text)
    if line.kind != "starter" or uncommented is None:
        return line.text
    indent, code = uncommented.groups()
    if any(pattern.fullmatch(code) for pattern in (REGION, SECTION, STARTER_LINE)):
        raise MarkerError(line.number, "a marker stands behind `#|`", "Leave only code behind `#|`.")
    return indent + code if code.strip() else code
