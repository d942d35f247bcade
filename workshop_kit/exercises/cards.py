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

from workshop_kit.display.rendered import PANEL_STYLE, Rendered, static_page, table, templates
from workshop_kit.exercises.progress import HINTS, Board, BoardRow, State, minutes_of
from workshop_kit.trials.result import Finding, Result, Verdict
from workshop_kit.untrusted_text import in_lines
from workshop_kit.workspace.exercise_list import Exercise

HERE = Path(__file__).parent
HOW = "In JupyterLab, run the first cell to wake the buttons, then this one."
GOTO = "To go to the start of a lesson, type ./workshop goto 01_container at the terminal."
OUTPUT = "The container's last lines"
VERDICTS = {
    Verdict.PASSED: ("✓", "passed"),
    Verdict.NOT_STARTED: ("○", "not started: this is the text you were given"),
    Verdict.NOT_READABLE: ("✗", "could not be read, so nothing was run"),
    Verdict.DID_NOT_START: ("✗", "the container did not start"),
    Verdict.WRONG: ("✗", "it runs, but it is not right yet"),
    Verdict.CANNOT_JUDGE: ("?", "cannot be judged on this engine"),
    Verdict.NOT_JUDGED: ("…", "not judged: this took too long here"),
}
"""The mark of each verdict, each with another shape, and its words."""
TEXT_COLUMNS = 88
BOARD_COLUMNS = ("Exercise", "State", "Minutes", "Title")
SYMBOLS = {State.PASSED: "✓", State.SHOWN: "◐", State.TRIED: "▲", State.NOT_STARTED: "○"}
"""The symbol of each state, each with another shape."""


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
    label = f"Exercise {exercise.id}"
    html_parts = [head_html(exercise, result, passed=passed), f'<p class="wk-ex-status">{HOW}</p>']
    mark, words = _state_words(result, passed=passed)
    paragraphs = [f"{label}: {exercise.title}", f"{facts(exercise)} · {mark} {words}", exercise.task]

    if hints:
        html_parts.append(f'<div class="wk-ex-hints">{"".join(hint_items(hints))}</div>')
        paragraphs += _hint_lines(hints)
    if result is not None:
        html_parts.append(result_html(result))
        paragraphs.append(as_text(result))
    if solution is not None:
        html_parts.append(solution.html)
        paragraphs.append(solution.text)

    return static_page(label, "".join(html_parts), "\n\n".join(filter(None, paragraphs)))


def as_text(result: Result, hints: Sequence[str] = ()) -> str:
    """Return the result of a check for a terminal: control characters written out, lines wrapped at 88 columns."""
    mark, words = VERDICTS[result.verdict]
    head = f"{mark} {result.exercise}: {words} ({result.seconds:.1f} s)\n{_wrap(result.summary)}"
    blocks = [head, *map(_finding_text, result.findings)]
    if result.output and not result.passed:
        output = textwrap.indent(result.output, "    ")
        blocks.append(f"{OUTPUT}:\n{output}")
    blocks += _hint_lines(hints)
    return in_lines("\n\n".join(blocks))


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
    """Return state, title and task as HTML; every text is escaped."""
    is_passed = passed if result is None else result.passed
    mark, words = _state_words(result, passed=passed)
    return str(_macros().head(exercise, facts(exercise), mark, words, is_passed))


def result_html(result: Result) -> str:
    """Return verdict, summary, a card for each finding, and the container's last lines; every text is escaped."""
    mark, words = VERDICTS[result.verdict]
    html = _macros().result(result, mark, words, OUTPUT)
    return in_lines(str(html))


def hint_items(hints: Sequence[str]) -> list[str]:
    """Return the hints shown so far, each as a paragraph of HTML."""
    return [str(_macros().hint(number, HINTS, hint)) for number, hint in enumerate(hints, 1)]


def solution_card(solution: str) -> Rendered:
    """Return the text of the solution; on the page it can be folded."""
    html = _macros().solution(solution)
    return Rendered(str(html), f"The solution:\n{solution}")


def comparison_card(mine: str, reference: str) -> Rendered:
    """Return the participant's text beside the reference's; in each, the lines are marked that the other one lacks."""
    my_lines = mine.splitlines()
    reference_lines = reference.splitlines()
    sides = (("Yours", my_lines, reference_lines), ("The reference", reference_lines, my_lines))
    html = _macros().comparison(sides)
    return Rendered(str(html), f"Yours:\n{mine}\n\nThe reference:\n{reference}")


def board_page(board: Board, unfolded: str = "") -> Rendered:
    """Return the board: a bar for each lesson, and below it its exercises, folded except in the lesson ``unfolded``."""
    caption = f"Exercises: {board.minutes_done} minutes done, {board.minutes_left} left, the extra ones aside"
    rows_by_lesson = {name: tuple(rows) for name, rows in groupby(board.exercises, lambda row: row.lesson)}

    bars: list[str] = []
    table_rows: list[tuple[str, str, str, str]] = []
    for name, rows in rows_by_lesson.items():
        bars.append(_lesson_html(name, rows, name == unfolded))
        table_rows += [_lesson_cells(name, rows), *map(_row_cells, rows)]

    html = f'{PANEL_STYLE}<div class="wk-lessons"><p>{escape(caption)}</p>{"".join(bars)}</div>'
    return Rendered(html, table(caption, BOARD_COLUMNS, table_rows).text)


def board_with_link(board: Rendered, next_lesson: str) -> Rendered:
    """Return the board with a link to the notebook of the next lesson, if there is one, and the command for any."""
    html = board.html
    text = board.text
    if next_lesson:
        html += f'<p>Next lesson: <a href="{next_lesson}.ipynb">{next_lesson}</a></p>'
        text += f"\nNext lesson: {next_lesson}"

    return Rendered(f"{html}<p>{escape(GOTO)}</p>", f"{text}\n{GOTO}")


@functools.cache
def _macros() -> Any:
    """Return the macros of ``cards.html``, as functions of a Jinja module."""
    environment = templates(HERE)
    environment.filters |= {"first_line": _first_line, "rows": _finding_rows}
    return environment.get_template("cards.html").module


def _finding_text(finding: Finding) -> str:
    """Return a finding for a terminal: a line if it passed, else a line for each part of it."""
    if finding.passed:
        return f"✓ {finding.called}: {_first_line(finding.got)}"
    lines = [f"    {name:<15} {_wrap(text, 20)}" for name, text in _finding_rows(finding)]
    return "\n".join([f"✗ {finding.called}", *lines])


def _finding_rows(finding: Finding) -> list[tuple[str, str]]:
    """Return the parts of a finding that are not empty, each with its name on a card."""
    parts = (
        ("came back", finding.got),
        ("expected", finding.expected),
        ("what it means", finding.means),
        ("where to look", finding.look),
    )
    return [(name, text) for name, text in parts if text]


def _hint_lines(hints: Sequence[str]) -> list[str]:
    return [f"Hint {number} of {HINTS}: {_wrap(hint, 4)}" for number, hint in enumerate(hints, 1)]


def _state_words(result: Result | None, *, passed: bool) -> tuple[str, str]:
    """Return the mark and the words for an exercise's last result; ``passed``: without one, it was passed earlier."""
    if result is not None:
        mark, _ = VERDICTS[result.verdict]
        words = "not right yet" if result.verdict is Verdict.WRONG else str(result.verdict)
        return mark, words
    if passed:
        return "✓", "passed earlier"
    return "–", "not checked yet"


def _first_line(text: str) -> str:
    """Return the first line of a text, with an ellipsis if more lines follow."""
    lines = text.strip().split("\n")
    return lines[0] if len(lines) == 1 else f"{lines[0]} …"


def _wrap(text: str, indent: int = 0) -> str:
    """Return ``text`` in lines that fit, all but the first indented; a long word (a URL, say) stays whole."""
    wrapper = textwrap.TextWrapper(TEXT_COLUMNS - indent, break_long_words=False, break_on_hyphens=False)
    lines: list[str] = []
    for long_line in text.split("\n"):
        lines += wrapper.wrap(long_line) or [""]  # a blank line stays

    line_end = "\n" + " " * indent
    return line_end.join(lines)


def _count_passed(rows: Sequence[BoardRow]) -> int:
    passed_rows = [row for row in rows if row.state is State.PASSED]
    return len(passed_rows)


def _lesson_html(name: str, rows: Sequence[BoardRow], unfolded: bool) -> str:
    """Return a lesson's bar, with the table of its exercises below."""
    _, passed, minutes, _ = _lesson_cells(name, rows)
    exercises = table(f"Exercises of {name}", BOARD_COLUMNS, [_row_cells(row) for row in rows])
    open_attribute = " open" if unfolded else ""
    return (
        f"<details{open_attribute}><summary><b>{escape(name)}</b>"
        f'<progress value="{_count_passed(rows)}" max="{len(rows)}" aria-label="{escape(name)}"></progress>'
        f"<span>{passed}</span><span>{minutes}</span></summary>{exercises.html}</details>"
    )


def _lesson_cells(name: str, rows: Sequence[BoardRow]) -> tuple[str, str, str, str]:
    """Return the cells of a lesson's row: name, exercises passed, minutes, and a bar of a block for each exercise."""
    total = len(rows)
    passed_count = _count_passed(rows)
    minutes_done, minutes_left = minutes_of(rows)
    minutes = f"{minutes_done} min done, {minutes_left} left"
    bar = "▰" * passed_count + "▱" * (total - passed_count)
    return name, f"{passed_count} of {total} passed", minutes, bar


def _row_cells(row: BoardRow) -> tuple[str, str, str, str]:
    """Return the cells of an exercise's row: id, state, minutes, title."""
    minutes = str(row.minutes) if row.counts else f"{row.minutes} extra"
    return row.id, f"{SYMBOLS[row.state]} {row.state}", minutes, row.title
