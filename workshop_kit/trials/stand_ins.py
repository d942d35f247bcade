"""References that stand in a check's copy of ``my_service/`` for exercises that the participant has not begun.

What a check says of such a line must not look like the participant's own, and must not show the solution of an
exercise that is still to come.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from workshop_kit.trials.result import Finding, Result

PLACE = re.compile(r"(?P<file>[\w.-]+), line (?P<line>\d+)")
SHORTEST = 8
"""A shorter line (``return``, ``else:``) tells nothing of a solution."""
HIDDEN = "(a line of the reference)"


@dataclass(frozen=True)
class StandIn:
    """The reference of one exercise in a file of the copy: its lines, counted from ``first_line``."""

    exercise: str
    file: str
    first_line: int
    lines: tuple[str, ...]

    def has(self, file: str, line: int) -> bool:
        """Return whether a line of a file is one of these."""
        return file == self.file and self.first_line <= line < self.first_line + len(self.lines)


def say_whose(result: Result, stand_ins: Iterable[StandIn], theirs: str) -> Result:
    """Return a result that names the owner of each place in a reference, and shows none of its lines.

    ``theirs`` is all text of the participant: a line that they have written themselves may be shown.
    """
    known = tuple(stand_ins)
    secret = {line.strip() for one in known for line in one.lines} - {line.strip() for line in theirs.splitlines()}
    hidden = sorted((line for line in secret if len(line) >= SHORTEST), key=len, reverse=True)

    def told(text: str) -> str:
        for line in hidden:
            text = text.replace(line, HIDDEN)
        return PLACE.sub(lambda place: _owner(place, known), text)

    def finding(one: Finding) -> Finding:
        return replace(one, got=told(one.got), means=told(one.means))

    findings = tuple(map(finding, result.findings))
    return replace(result, summary=told(result.summary), findings=findings, output=told(result.output))


def _owner(place: re.Match[str], stand_ins: Iterable[StandIn]) -> str:
    """Return a place as it is; one in a reference with the name of its exercise."""
    for one in stand_ins:
        if one.has(place["file"], int(place["line"])):
            whose = f"in the reference of {one.exercise}, which stands there until you begin that exercise"
            return f"{one.file}, {whose}; your file may lack an import that it needs"
    return place[0]
