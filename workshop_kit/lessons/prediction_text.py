"""A prediction as a page can hold it without a kernel: the question, and what became of the guess."""

from __future__ import annotations

from html import escape
from pathlib import Path

from workshop_kit.display.rendered import Rendered
from workshop_kit.lessons.questions import Question

HOW = "In JupyterLab, run this cell to answer."
STYLE = f"<style>{(Path(__file__).parent / 'prediction.css').read_text()}</style>"
NOT_GUESSED = "You did not guess. Next time, guess first: it makes the answer stick."
RIGHT = "✓ As you said."
WRONG = "≠ Not what you said. Good: now there is something to find out."


def question_page(question: Question, locked: str | None) -> Rendered:
    """Return the question with its options, the locked one marked."""
    items = "".join(_option(option.text, key == locked) for key, option in question.options.items())
    how = "" if locked else f'<p class="wk-status">{HOW}</p>'
    html = (
        f'{STYLE}<section class="wk-prediction wk-static" role="group" aria-label="A prediction">'
        '<p class="wk-eyebrow">Before you run it: your guess</p>'
        f'<p class="wk-question">{escape(question.question)}</p><ul class="wk-choices">{items}</ul>{how}</section>'
    )
    lines = [f"{_mark(key == locked)} {option.text}{_note(key == locked)}" for key, option in question.options.items()]
    return Rendered(html, "\n".join([question.question, *lines]))


def outcome(question: Question, guess: str | None, actual: str) -> Rendered:
    """Return what was said, what it did, and of each option why it is so or not.

    Kind to those who guessed wrong, or not at all. The reasons are written for what usually happens: where the
    experiment did something else, that is said.
    """
    options = question.options
    verdict = NOT_GUESSED if guess is None else RIGHT if guess == actual else WRONG
    usually = "" if actual == question.right else f"Usually: {options[question.right].text} The reasons are for that."
    said = [] if guess is None else [f"You said: {options[guess].text}"]
    reasons = [f"- {option.text}\n  {option.reason}" for option in options.values()]
    text = [*said, f"It did:   {options[actual].text}", verdict, *([usually] if usually else []), "", *reasons]
    items = "".join(
        f'<li class="wk-choice" data-actual="{str(key == actual).lower()}">{_tag("You said", key == guess)}'
        f'{_tag("It did", key == actual)}{escape(option.text)}<p class="wk-reason">{escape(option.reason)}</p></li>'
        for key, option in options.items()
    )
    html = (
        f'{STYLE}<section class="wk-prediction" role="group" aria-label="What came of the prediction">'
        f'<p class="wk-eyebrow">{escape(question.question)}</p><p class="wk-question">{verdict}</p>'
        f'{f"<p>{escape(usually)}</p>" if usually else ""}<ul class="wk-choices">{items}</ul></section>'
    )
    return Rendered(html, "\n".join(text))


def _option(text: str, mine: bool) -> str:
    return (
        f'<li class="wk-choice" data-mine="{str(mine).lower()}"><span class="wk-mark" aria-hidden="true">'
        f"{_mark(mine)}</span><span>{escape(text)}</span>"
        f'<span class="wk-note">{_note(mine).strip(" ()")}</span></li>'
    )


def _tag(words: str, holds: bool) -> str:
    return f'<span class="wk-tag">{words}</span> ' if holds else ""


def _mark(mine: bool) -> str:
    return "◉" if mine else "○"


def _note(mine: bool) -> str:
    return "  (your guess)" if mine else ""
