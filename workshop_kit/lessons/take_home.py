"""The take-home page in Markdown: policies, predictions, what was passed and when, an audit, and whose work it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from html import escape
from pathlib import Path
from typing import Any

from workshop_kit.display.rendered import Rendered, templates
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.exercises.progress import ExerciseRecord, ProgressDocument
from workshop_kit.lessons.predictions import Question, load_all_questions
from workshop_kit.observe.masking import Mask
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import content, exercise_list
from workshop_kit.workspace.exercise_list import Exercise
from workshop_kit.workspace.folder import Workspace

HERE = Path(__file__).parent
NAME = "take-home.md"
NOTE = "<!-- Written by the last lesson of the Container Design Workshop. Each run rewrites it. -->"
SENTENCE_LENGTH = 600
LINE_LENGTH = 2_000
ACTIVE = re.compile(r"[\\`*_\[\]<>#|~&@]|:(?=//)|(?<=www)\.|(?<=mailto):", re.IGNORECASE)
"""What acts in Markdown."""


def write(workspace: Workspace, service: ExerciseService, audit: object) -> Rendered:
    """Write take-home.md into the workspace and return it with its path. Raises NotReady when it cannot be written.

    The text of ``audit`` becomes a part of it.
    """
    mask = Mask(path.read_text(errors="replace").strip() for path in workspace.secrets_folder.iterdir())
    document = service.progress.document()
    not_passed = unpassed_note(service)
    text = page(document, not_passed, str(audit), mask, date.today())
    content.write(workspace, NAME, text)

    place = f"{workspace.folder.name}/{NAME}"
    html = f'<p>Written to <code>{escape(place)}</code>:</p><pre style="white-space: pre-wrap">{escape(text)}</pre>'
    return Rendered(html, f"Written to {place}:\n\n{text}")


def page(document: ProgressDocument, not_passed: str, audit: str, mask: Mask, day: date) -> str:
    """Return the page as Markdown; typed text is escaped, secrets are masked, and ``audit`` is a block of text."""
    exercises = exercise_list.load(CHECKOUT)

    def masked(value: str, *limit: int) -> str:
        return plain(mask(value, *limit))

    environment = templates(HERE).overlay()  # the mask is this page's alone
    environment.filters = environment.filters | {"plain": plain, "text": masked, "moment": _moment}
    text = environment.get_template("take_home.md.j2").render(
        NOTE=NOTE,
        SENTENCE_LENGTH=SENTENCE_LENGTH,
        day=day.isoformat(),
        policies=document.policies,
        guesses=_guesses(document),
        exercises=exercises,
        passes=_passes(document, exercises),
        not_passed=not_passed,
        audit_lines=_masked_lines(audit, mask),
    )
    return f"{text}\n"


def plain(text: str) -> str:
    """Escape a text for Markdown: no link, no image, no HTML, no mention."""
    return ACTIVE.sub(_character_reference, text)


def _character_reference(match: re.Match[str]) -> str:
    """Return the matched character as a numeric character reference of HTML."""
    return f"&#{ord(match[0])};"


def _masked_lines(text: str, mask: Mask) -> list[str]:
    """Return the lines of a text with secrets masked, and their indentation."""
    lines = []
    for line in text.splitlines():
        indentation = line[: len(line) - len(line.lstrip())]
        lines.append(indentation + mask(line, LINE_LENGTH))
    return lines


def _guesses(document: ProgressDocument) -> list[dict[str, Any]]:
    """Return the predictions whose result is known, as the template takes them."""
    questions = load_all_questions(CHECKOUT / "notebooks")
    guesses = []
    for identifier, guess in sorted(document.predictions.items()):
        if guess.actual:
            question = questions.get(identifier)
            guesses.append(
                {
                    "right": guess.choice == guess.actual,
                    "question": question.question if question else identifier,
                    "said": _option_text(question, guess.choice),
                    "did": _option_text(question, guess.actual),
                }
            )
    return guesses


def _option_text(question: Question | None, key: str) -> str:
    """Return the text of an option; its key where the lesson no longer has the question or the option."""
    if question is None or key not in question.options:
        return key
    return question.options[key].text


def _passes(document: ProgressDocument, exercises: Sequence[Exercise]) -> list[tuple[Exercise, ExerciseRecord]]:
    """Return the exercises that were passed, in the same order, each with its record."""
    passes = []
    for exercise in exercises:
        record = document.exercises.get(exercise.id)
        if record is not None and record.passed_at is not None:
            passes.append((exercise, record))
    return passes


def _moment(text: str) -> str:
    """Return a time of the progress file as the page shows it; a text that is no time stays as it is."""
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return text
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def unpassed_note(service: ExerciseService) -> str:
    """Return a sentence on the exercises of ``my_service/`` that are not passed; "" if all are."""
    service_ids = [exercise.id for exercise in service.exercises if exercise.in_service]
    unpassed_ids = [identifier for identifier in service_ids if not service.progress.exercise(identifier).passed_at]
    if not unpassed_ids:
        return ""

    count = len(service_ids)
    passed_count = count - len(unpassed_ids)
    passed_text = str(passed_count) if passed_count else "none"
    names = ", ".join(unpassed_ids)
    return f"You have passed {passed_text} of the {count} exercises in my_service. Not your work yet: {names}."
