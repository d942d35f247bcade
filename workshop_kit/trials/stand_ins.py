"""References that stand in a check's copy of ``my_service/`` for exercises that the participant has not begun.

What a check says of a line of a reference must not look as if the participant had written it, and must not show the
solution of an exercise that is still to come.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from workshop_kit.trials.result import Result

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


def name_owners(result: Result, stand_ins: Iterable[StandIn], participant_text: str) -> Result:
    """Return the result with changed texts: a place in a reference names its exercise, and lines of one are hidden.

    ``participant_text`` is all text of the participant: a line that they have written themselves may be shown.
    """
    references = tuple(stand_ins)
    hidden_lines = _hidden_lines(references, participant_text)

    def name_exercise(place: re.Match[str]) -> str:
        return _place_with_exercise(place, references)

    def hide_references(text: str) -> str:
        for line in hidden_lines:
            text = text.replace(line, HIDDEN)
        return PLACE.sub(name_exercise, text)

    findings = []
    for finding in result.findings:
        observation = hide_references(finding.got)
        means = hide_references(finding.means)
        findings.append(replace(finding, got=observation, means=means))

    return replace(
        result,
        summary=hide_references(result.summary),
        findings=tuple(findings),
        output=hide_references(result.output),
    )


def _hidden_lines(references: Iterable[StandIn], participant_text: str) -> list[str]:
    """Return the lines of the references that the participant has not written, the longest first."""
    reference_lines = {line.strip() for reference in references for line in reference.lines}
    own_lines = {line.strip() for line in participant_text.splitlines()}
    lines = [line for line in reference_lines - own_lines if len(line) >= SHORTEST]
    return sorted(lines, key=len, reverse=True)


def _place_with_exercise(place: re.Match[str], references: Iterable[StandIn]) -> str:
    """Return the text of a place; for a line of a reference, one that names the exercise in place of the line."""
    for reference in references:
        if reference.has(place["file"], int(place["line"])):
            owner = f"in the reference of {reference.exercise}, which stands there until you begin that exercise"
            return f"{reference.file}, {owner}; your file may lack an import that it needs"
    return place[0]
