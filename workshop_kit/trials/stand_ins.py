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
    references = tuple(stand_ins)
    reference_lines = {line.strip() for reference in references for line in reference.lines}
    own_lines = {line.strip() for line in theirs.splitlines()}
    secret_lines = [line for line in reference_lines - own_lines if len(line) >= SHORTEST]
    secret_lines.sort(key=len, reverse=True)

    def name_owner(place: re.Match[str]) -> str:
        return _owner(place, references)

    def without_secrets(text: str) -> str:
        for line in secret_lines:
            text = text.replace(line, HIDDEN)
        return PLACE.sub(name_owner, text)

    def finding_without_secrets(finding: Finding) -> Finding:
        return replace(finding, got=without_secrets(finding.got), means=without_secrets(finding.means))

    return replace(
        result,
        summary=without_secrets(result.summary),
        findings=tuple(map(finding_without_secrets, result.findings)),
        output=without_secrets(result.output),
    )


def _owner(place: re.Match[str], references: Iterable[StandIn]) -> str:
    """Return a place as it is; one in a reference with the name of its exercise."""
    for reference in references:
        if reference.has(place["file"], int(place["line"])):
            owner = f"in the reference of {reference.exercise}, which stands there until you begin that exercise"
            return f"{reference.file}, {owner}; your file may lack an import that it needs"
    return place[0]
