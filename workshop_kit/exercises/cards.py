"""An exercise and the result of its check as HTML for the page, text for the terminal, and JSON."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from workshop_kit.display.rendered import WIDGET_CSS, Rendered
from workshop_kit.exercises.progress import HINTS
from workshop_kit.exercises.registry import Exercise
from workshop_kit.exercises.result import Finding, Result, Verdict
from workshop_kit.screen import in_lines

PANEL_CSS = WIDGET_CSS + (Path(__file__).parent / "panel.css").read_text()
STYLE = f"<style>{PANEL_CSS}</style>"
HOW = "In JupyterLab, run the first cell to wake the buttons, then this one."
OUTPUT = "The container's last lines"
UNCHECKED = ("–", "not checked yet")
PASSED_BEFORE = ("✓", "passed earlier")
VERDICTS = {
    Verdict.PASSED: ("✓", "passed"),
    Verdict.NOT_STARTED: ("○", "not started: this is the text you were given"),
    Verdict.NOT_READABLE: ("✗", "could not be read, so nothing was run"),
    Verdict.DID_NOT_START: ("✗", "the container did not start"),
    Verdict.WRONG: ("✗", "it runs, but it is not right yet"),
    Verdict.LUCKY: ("≈", "right for the wrong reason"),
    Verdict.CANNOT_JUDGE: ("?", "cannot be judged on this engine"),
}
"""The mark of each verdict, different in shape, and its words."""
TEXT_COLUMNS = 88


def result_card(result: Result) -> Rendered:
    """Return the result of a check as HTML and text."""
    html = f'{STYLE}<section class="wk-exercise" role="group" aria-label="Check of {escape(result.exercise)}">'
    return Rendered(f"{html}{result_html(result)}</section>", as_text(result))


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
    label = escape(f"Exercise {exercise.id}")
    html = f'{STYLE}<section class="wk-exercise wk-static" role="group" aria-label="{label}">{"".join(parts)}</section>'
    mark, words = _state(result, passed=passed)
    text = [f"Exercise {exercise.id}: {exercise.title}", f"{facts(exercise)} · {mark} {words}", exercise.task]
    text += [*_hint_lines(hints), as_text(result) if result else "", solution.text if solution else ""]
    return Rendered(html, "\n\n".join(filter(None, text)))


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
    mark, words = _state(result, passed=passed)
    good = str(bool(result.passed if result else passed)).lower()
    task = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in exercise.task.splitlines() if paragraph.strip())
    return (
        f'<p class="wk-ex-eyebrow">Exercise {escape(exercise.id)} · {escape(facts(exercise))}</p>'
        f'<div class="wk-ex-heading"><p class="wk-ex-title">{escape(exercise.title)}</p>'
        f'<p class="wk-ex-state" data-good="{good}"><span aria-hidden="true">{mark}</span> {words}</p></div>'
        f'<div class="wk-ex-task">{task}</div>'
    )


def result_html(result: Result) -> str:
    """Return verdict, summary, one card for each finding, and the container's last lines; every text escaped."""
    mark, words = VERDICTS[result.verdict]
    findings = "".join(_finding_html(finding) for finding in result.findings)
    return in_lines(
        f'<div class="wk-ex-result" data-verdict="{result.verdict.name.lower()}">'
        f'<p class="wk-ex-verdict"><span class="wk-ex-mark" aria-hidden="true">{mark}</span> '
        f"<span>{escape(words[:1].upper() + words[1:])}</span> "
        f'<span class="wk-ex-soft">{result.seconds:.1f} s</span></p>'
        f'<p class="wk-ex-summary">{escape(result.summary)}</p>'
        f"{f'<ul>{findings}</ul>' if findings else ''}{_output_html(result)}</div>"
    )


def hint_items(hints: Sequence[str]) -> list[str]:
    """Return the hints shown so far as paragraphs: the page adds only the newest."""
    return [
        f'<p><span class="wk-ex-soft">Hint {number} of {HINTS}</span> <span>{escape(hint)}</span></p>'
        for number, hint in enumerate(hints, 1)
    ]


def solution_card(solution: str) -> Rendered:
    """Return the text of the solution, which can be folded."""
    html = f"<details open><summary>The solution</summary><pre>{escape(solution)}</pre></details>"
    return Rendered(html, f"The solution:\n{solution}")


def comparison_card(mine: str, reference: str) -> Rendered:
    """Return the participant's text beside the reference's, with the differing lines marked."""
    left, right = mine.splitlines(), reference.splitlines()
    changes = difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    sides = (
        ("Yours", left, [slice(low, high) for kind, low, high, _, _ in changes if kind != "equal"]),
        ("The reference", right, [slice(low, high) for kind, _, _, low, high in changes if kind != "equal"]),
    )
    columns = "".join(_side_html(name, lines, different) for name, lines, different in sides)
    html = f'<div class="wk-ex-compare">{columns}</div>'
    return Rendered(html, f"Yours:\n{mine}\n\nThe reference:\n{reference}")


def _side_html(name: str, lines: Sequence[str], different: Sequence[slice]) -> str:
    shown = [escape(line) for line in lines]
    for part in different:
        shown[part] = [f"<mark>{line or ' '}</mark>" for line in shown[part]]
    text = "\n".join(shown)
    return f'<figure><figcaption>{name}</figcaption><pre tabindex="0" aria-label="{name}">{text}</pre></figure>'


def _finding_html(finding: Finding) -> str:
    """Return one card: folded to a line when it passed, open when it failed."""
    called = f"<code>{escape(finding.called)}</code>"
    rows = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in _rows(finding))
    if finding.passed:
        sign = '<span class="wk-ex-mark" role="img" aria-label="as expected">✓</span>'
        got = f'<span class="wk-ex-got">{escape(_first_line(finding.got))}</span>'
        line = f"<summary>{sign} <span>{called} {got}</span></summary>"
        return f'<li data-passed="true"><details>{line}<dl>{rows}</dl></details></li>'
    sign = '<span class="wk-ex-mark" role="img" aria-label="not as expected">✗</span>'
    return f'<li data-passed="false"><p class="wk-ex-called">{sign} {called}</p><dl>{rows}</dl></li>'


def _output_html(result: Result) -> str:
    if not result.output:
        return ""
    unfolded = " open" if result.verdict is Verdict.DID_NOT_START else ""
    pre = f'<pre tabindex="0" role="region" aria-label="{OUTPUT}">{escape(result.output)}</pre>'
    return f"<details{unfolded}><summary>{OUTPUT}</summary>{pre}</details>"


def _finding_text(finding: Finding) -> str:
    if finding.passed:
        return f"✓ {finding.called}: {_first_line(finding.got)}"
    rows = [f"    {name:<15} {_wrapped(text, 20)}" for name, text in _rows(finding)]
    return "\n".join([f"✗ {finding.called}", *rows])


def _rows(finding: Finding) -> Iterable[tuple[str, str]]:
    """Return what was found, with the names on a card, without empty parts."""
    everything = (
        ("came back", finding.got),
        ("expected", finding.expected),
        ("what it means", finding.means),
        ("where to look", finding.look),
    )
    return ((name, text) for name, text in everything if text)


def _hint_lines(hints: Sequence[str]) -> list[str]:
    return [f"Hint {number} of {HINTS}: {_wrapped(hint, 4)}" for number, hint in enumerate(hints, 1)]


def _state(result: Result | None, *, passed: bool) -> tuple[str, str]:
    if result is not None:
        words = "not right yet" if result.verdict is Verdict.WRONG else str(result.verdict)
        return VERDICTS[result.verdict][0], words
    return PASSED_BEFORE if passed else UNCHECKED


def _first_line(text: str) -> str:
    lines = text.strip().split("\n")
    return lines[0] if len(lines) == 1 else f"{lines[0]} …"


def _wrapped(text: str, indent: int = 0) -> str:
    """Return ``text`` in lines that fit, all but the first indented; a long word (a URL, say) stays whole."""
    wrapper = textwrap.TextWrapper(TEXT_COLUMNS - indent, break_long_words=False, break_on_hyphens=False)
    lines = [piece for line in text.split("\n") for piece in wrapper.wrap(line) or [""]]
    return f"\n{' ' * indent}".join(lines)
