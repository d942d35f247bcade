"""The take-home page in Markdown: policies, predictions, what was passed and when, an audit, and whose work it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from html import escape
from pathlib import Path
from typing import Any, Protocol

from workshop_kit.display.markdown import markdown_template
from workshop_kit.display.rendered import Rendered
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.exercises.progress import Document
from workshop_kit.lessons.predictions import Option, load_all_questions
from workshop_kit.observe.masking import Mask
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import content, registry
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.registry import Exercise

HERE = Path(__file__).parent
NAME = "take-home.md"
NOTE = "<!-- Written by the last lesson of the Container Design Workshop. Each run rewrites it. -->"
SENTENCE_LENGTH = 600


class HasMarkdown(Protocol):
    """An audit, for one who knows nothing of its rules."""

    def markdown(self, mask: Mask) -> str:
        """Return the findings as a part of the page."""
        ...


def write(workspace: Workspace, service: ExerciseService, audit: HasMarkdown) -> Rendered:
    """Write take-home.md into the workspace and return it with its path. Raises NotReady when it cannot be written."""
    passwords = Mask(path.read_text(errors="replace").strip() for path in workspace.secrets_folder.iterdir())
    text = page(service.progress.document(), unpassed_note(service), audit.markdown(passwords), passwords, date.today())
    content.write(workspace, NAME, text)

    place = f"{workspace.folder.name}/{NAME}"
    frame = f'<p>Written to <code>{escape(place)}</code>:</p><pre style="white-space: pre-wrap">{escape(text)}</pre>'
    return Rendered(frame, f"Written to {place}:\n\n{text}")


def page(document: Document, not_passed: str, audit: str, mask: Mask, day: date) -> str:
    """Return the page as Markdown; typed text is escaped, and secrets are masked. ``audit`` is Markdown already."""
    exercises = registry.load(CHECKOUT)
    text = markdown_template(HERE / "take_home.md.j2", mask).render(
        NOTE=NOTE,
        SENTENCE_LENGTH=SENTENCE_LENGTH,
        day=day.isoformat(),
        policies=document.policies,
        guesses=_guesses(document),
        exercises=exercises,
        passes=_passes(document, exercises),
        not_passed=not_passed,
        audit=audit,
    )
    return f"{text}\n"


def _guesses(document: Document) -> list[dict[str, Any]]:
    """Return the predictions whose result is known: question, guess and result, in the words of the lesson."""
    questions = load_all_questions(CHECKOUT / "notebooks")
    guesses = []
    for name, guess in sorted(document.predictions.items()):
        if guess.actual:
            question = questions.get(name)
            options = question.options if question else {}
            guesses.append(
                {
                    "right": guess.choice == guess.actual,
                    "question": question.question if question else name,
                    "said": _option_text(options, guess.choice),
                    "did": _option_text(options, guess.actual),
                }
            )
    return guesses


def _option_text(options: Mapping[str, Option], key: str) -> str:
    """Return the text of an option; its key where the lesson no longer has it."""
    return options[key].text if key in options else key


def _passes(document: Document, exercises: Sequence[Exercise]) -> list[dict[str, Any]]:
    """Return those of the exercises that were passed, in the same order: id, title, and when."""
    passes = []
    for exercise in exercises:
        record = document.exercises.get(exercise.id)
        if record is not None and record.passed_at is not None:
            passes.append(
                {
                    "id": exercise.id,
                    "title": exercise.title,
                    "passed_at": _moment(record.passed_at),
                    "solution_shown": record.solution_shown,
                }
            )
    return passes


def _moment(text: str) -> str:
    """Return a time of the progress file as it is read; another text as it is."""
    try:
        return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return text


def unpassed_note(service: ExerciseService) -> str:
    """Return a sentence on the exercises of ``my_service/`` that are not passed; "" if all are."""
    exercises = [exercise.id for exercise in service.exercises if exercise.in_service]
    not_passed = [name for name in exercises if not service.progress.exercise(name).passed_at]
    if not not_passed:
        return ""
    passed = len(exercises) - len(not_passed) or "none"
    names = ", ".join(not_passed)
    return f"You have passed {passed} of the {len(exercises)} exercises in my_service. Not your work yet: {names}."
