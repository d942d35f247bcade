"""An exercise, the result of its check, and the board as HTML for the page, text for the terminal, and JSON."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from workshop_kit.display.rendered import WIDGET_CSS, Rendered, table, templates
from workshop_kit.exercises.board import Board, BoardRow, State, minutes_of
from workshop_kit.exercises.progress import HINTS
from workshop_kit.trials.result import Finding, Result, Verdict
from workshop_kit.untrusted_text import in_lines
from workshop_kit.workspace.registry import Exercise

HERE = Path(__file__).parent
PANEL_CSS = WIDGET_CSS + (HERE / "panel.css").read_text()
STYLE = f"<style>{PANEL_CSS}</style>"
HOW = "In JupyterLab, run the first cell to wake the buttons, then this one."
OUTPUT = "The container's last lines"
VERDICTS = {
    Verdict.PASSED: ("✓", "passed"),
    Verdict.NOT_STARTED: ("○", "not started: this is the text you were given"),
    Verdict.NOT_READABLE: ("✗", "could not be read, so nothing was run"),
    Verdict.DID_NOT_START: ("✗", "the container did not start"),
    Verdict.WRONG: ("✗", "it runs, but it is not right yet"),
    Verdict.LUCKY: ("≈", "right for the wrong reason"),
    Verdict.CANNOT_JUDGE: ("?", "cannot be judged on this engine"),
    Verdict.NOT_JUDGED: ("…", "not judged: this took too long here"),
}
"""The mark of each verdict, different in shape, and its words."""
TEXT_COLUMNS = 88
BOARD_COLUMNS = ("Exercise", "State", "Minutes", "Title")
SYMBOLS = {State.PASSED: "✓", State.SHOWN: "◐", State.TRIED: "▲", State.NOT_STARTED: "○"}
"""The symbol of each state, different in shape."""


def result_card(result: Result) -> Rendered:
    """Return the result of a check as HTML and text."""
    return static_page(f"Check of {result.exercise}", result_html(result), as_text(result))


def exercise_page(
    exercise: Exercise,
    result: Result | None = None,
    hints: Sequence[str] = (),
    *,
    passed: bool = False,
    solution: Rendered | None = None,
) -> Rendered:
    """Return the panel of an exercise for a page without a kernel; ``passed``: it was passed earlier."""
    parts = [
        head_html(exercise, result, passed=passed),
        f'<p class="wk-ex-status">{HOW}</p>',
        f'<div class="wk-ex-hints">{"".join(hint_items(hints))}</div>' if hints else "",
        result_html(result) if result else "",
        solution.html if solution else "",
    ]

    mark, words = _state(result, passed=passed)
    text = [f"Exercise {exercise.id}: {exercise.title}", f"{facts(exercise)} · {mark} {words}", exercise.task]
    text += [*_hint_lines(hints), as_text(result) if result else "", solution.text if solution else ""]
    return static_page(f"Exercise {exercise.id}", "".join(parts), "\n\n".join(filter(None, text)))


def static_page(label: str, html: str, text: str) -> Rendered:
    """Return a page without buttons; a widget finds its twin by the ``label``. The caller escapes ``html``."""
    section = f'<section class="wk-exercise wk-static" role="group" aria-label="{escape(label)}">{html}</section>'
    return Rendered(f"{STYLE}{section}", text)


def as_text(result: Result, hints: Sequence[str] = ()) -> str:
    """Return the result of a check for a terminal: control characters written out, lines wrapped at 88 columns."""
    mark, words = VERDICTS[result.verdict]
    head = f"{mark} {result.exercise}: {words} ({result.seconds:.1f} s)\n{_wrapped(result.summary)}"
    blocks = [head, *(_finding_text(finding) for finding in result.findings)]
    if result.output and not result.passed:
        blocks.append(f"{OUTPUT}:\n{textwrap.indent(result.output, '    ')}")
    return in_lines("\n\n".join([*blocks, *_hint_lines(hints)]))


def as_json(result: Result) -> dict[str, Any]:
    """Return the result of a check as plain data: the keys of `Result` and `Finding`, and ``passed``."""
    return {**asdict(result), "verdict": str(result.verdict), "passed": result.passed}


def facts(exercise: Exercise) -> str:
    """Return weight, minutes and guidelines in one line: ``core · 8 min, then 3 to talk about it · factor 6…``."""
    minutes = f"{exercise.minutes} min"
    if exercise.debrief_minutes:
        minutes += f", then {exercise.debrief_minutes} to talk about it"
    return " · ".join([exercise.weight, minutes, *exercise.guidelines])


def head_html(exercise: Exercise, result: Result | None = None, *, passed: bool = False) -> str:
    """Return state, title and task; every text escaped."""
    is_passed = result.passed if result else passed
    return str(_parts().head(exercise, facts(exercise), *_state(result, passed=passed), is_passed))


def result_html(result: Result) -> str:
    """Return verdict, summary, one card for each finding, and the container's last lines; every text escaped."""
    return in_lines(str(_parts().result(result, *VERDICTS[result.verdict], OUTPUT)))


def hint_items(hints: Sequence[str]) -> list[str]:
    """Return the hints shown so far as paragraphs: the page adds only the newest."""
    return [str(_parts().hint(number, HINTS, hint)) for number, hint in enumerate(hints, 1)]


def solution_card(solution: str) -> Rendered:
    """Return the text of the solution, which can be folded."""
    return Rendered(str(_parts().solution(solution)), f"The solution:\n{solution}")


def comparison_card(mine: str, reference: str) -> Rendered:
    """Return the participant's text beside the reference's, with the lines marked that the other one lacks."""
    my_lines = mine.splitlines()
    reference_lines = reference.splitlines()
    sides = (("Yours", my_lines, reference_lines), ("The reference", reference_lines, my_lines))
    return Rendered(str(_parts().comparison(sides)), f"Yours:\n{mine}\n\nThe reference:\n{reference}")


def board_page(board: Board, unfolded: str = "") -> Rendered:
    """Return the board: a bar for each lesson with its exercises, folded except in the lesson ``unfolded``."""
    minutes = f"{board.minutes_done} minutes done, {board.minutes_left} left, the extra ones aside"
    caption = f"Exercises on the track {board.track}: {minutes}"
    lessons = {name: tuple(rows) for name, rows in groupby(board.exercises, lambda row: row.lesson)}
    bars = "".join(_lesson_html(name, rows, name == unfolded) for name, rows in lessons.items())
    html = f'{STYLE}<div class="wk-lessons"><p>{escape(caption)}</p>{bars}</div>'

    table_rows: list[tuple[str, str, str, str]] = []
    for name, rows in lessons.items():
        table_rows += [_lesson_cells(name, rows), *map(_cells, rows)]
    return Rendered(html, table(caption, BOARD_COLUMNS, table_rows).text)


@functools.cache
def _parts() -> Any:
    environment = templates(HERE)
    environment.filters |= {"first_line": _first_line, "rows": _rows}
    return environment.get_template("cards.html").module


def _finding_text(finding: Finding) -> str:
    if finding.passed:
        return f"✓ {finding.called}: {_first_line(finding.got)}"
    rows = [f"    {name:<15} {_wrapped(text, 20)}" for name, text in _rows(finding)]
    return "\n".join([f"✗ {finding.called}", *rows])


def _rows(finding: Finding) -> list[tuple[str, str]]:
    """Return what was found, with the names on a card, without empty parts."""
    parts = (
        ("came back", finding.got),
        ("expected", finding.expected),
        ("what it means", finding.means),
        ("where to look", finding.look),
    )
    return [(name, text) for name, text in parts if text]


def _hint_lines(hints: Sequence[str]) -> list[str]:
    return [f"Hint {number} of {HINTS}: {_wrapped(hint, 4)}" for number, hint in enumerate(hints, 1)]


def _state(result: Result | None, *, passed: bool) -> tuple[str, str]:
    if result is not None:
        words = "not right yet" if result.verdict is Verdict.WRONG else str(result.verdict)
        return VERDICTS[result.verdict][0], words
    return ("✓", "passed earlier") if passed else ("–", "not checked yet")


def _first_line(text: str) -> str:
    lines = text.strip().split("\n")
    return lines[0] if len(lines) == 1 else f"{lines[0]} …"


def _wrapped(text: str, indent: int = 0) -> str:
    """Return ``text`` in lines that fit, all but the first indented; a long word (a URL, say) stays whole."""
    wrapper = textwrap.TextWrapper(TEXT_COLUMNS - indent, break_long_words=False, break_on_hyphens=False)
    lines = [piece for line in text.split("\n") for piece in wrapper.wrap(line) or [""]]
    return f"\n{' ' * indent}".join(lines)


def _passed(rows: Sequence[BoardRow]) -> int:
    return sum(row.state is State.PASSED for row in rows)


def _lesson_html(name: str, rows: Sequence[BoardRow], unfolded: bool) -> str:
    _, passed, minutes, _ = _lesson_cells(name, rows)
    exercises = table(f"Exercises of {name}", BOARD_COLUMNS, [_cells(row) for row in rows])
    return (
        f"<details{' open' if unfolded else ''}><summary><b>{escape(name)}</b>"
        f'<progress value="{_passed(rows)}" max="{len(rows)}" aria-label="{escape(name)}"></progress>'
        f"<span>{passed}</span><span>{minutes}</span></summary>{exercises.html}</details>"
    )


def _lesson_cells(name: str, rows: Sequence[BoardRow]) -> tuple[str, str, str, str]:
    passed = _passed(rows)
    total = len(rows)
    minutes_done, minutes_left = minutes_of(rows)
    minutes = f"{minutes_done} min done, {minutes_left} left"
    return name, f"{passed} of {total} passed", minutes, "▰" * passed + "▱" * (total - passed)


def _cells(row: BoardRow) -> tuple[str, str, str, str]:
    minutes = str(row.minutes) if row.counts else f"{row.minutes} extra"
    return row.id, f"{SYMBOLS[row.state]} {row.state}", minutes, row.title
