"""A prediction as a page can hold it without a kernel: the question, and what became of the guess."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path

from workshop_kit.show.shown import Shown

HOW = "In JupyterLab, run this cell to answer."
STYLE = f"<style>{(Path(__file__).parent / 'prediction.css').read_text()}</style>"


def question_page(question: str, choices: Mapping[str, str], locked: str | None) -> Shown:
    """Return the question with its answers, the locked one marked."""
    items = "".join(_item(text, key == locked) for key, text in choices.items())
    how = "" if locked else f'<p class="wk-status">{HOW}</p>'
    html = (
        f'{STYLE}<section class="wk-prediction wk-static" role="group" aria-label="A prediction">'
        '<p class="wk-eyebrow">Before you run it: your guess</p>'
        f'<p class="wk-question">{escape(question)}</p><ul class="wk-choices">{items}</ul>{how}</section>'
    )
    lines = [f"{_mark(key == locked)} {text}{_note(key == locked)}" for key, text in choices.items()]
    return Shown(html, "\n".join([question, *lines]))


def outcome(choices: Mapping[str, str], guess: str | None, actual: str) -> Shown:
    """Return "You said … / It did …", kind to those who guessed wrong or not at all."""
    did = choices[actual]
    if guess is None:
        said, spark = "(you did not guess)", "Next time, guess first: it makes the answer stick."
        text = f"You did not guess: it did this: {did}"
    elif guess == actual:
        said, spark = choices[guess], "✓ As you said."
        text = f"You said: {choices[guess]}\nIt did:   {did}\n{spark}"
    else:
        said, spark = choices[guess], "≠ Not what you said. Good: now there is something to find out."
        text = f"You said: {choices[guess]}\nIt did:   {did}\n{spark}"
    html = (
        f'{STYLE}<section class="wk-prediction" role="group" aria-label="What came of the prediction">'
        f"<dl><dt>You said</dt><dd>{escape(said)}</dd><dt>It did</dt><dd>{escape(did)}</dd></dl>"
        f'<p class="wk-spark">{escape(spark)}</p></section>'
    )
    return Shown(html, text)


def _item(text: str, mine: bool) -> str:
    return (
        f'<li class="wk-choice" data-mine="{str(mine).lower()}"><span class="wk-mark" aria-hidden="true">'
        f"{_mark(mine)}</span><span>{escape(text)}</span>"
        f'<span class="wk-note">{_note(mine).strip(" ()")}</span></li>'
    )


def _mark(mine: bool) -> str:
    return "◉" if mine else "○"


def _note(mine: bool) -> str:
    return "  (your guess)" if mine else ""
