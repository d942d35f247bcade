"""The take-home page in Markdown: policies, predictions, what was passed and when, an audit, and whose work it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from html import escape
from pathlib import Path
from typing import Any

from container_audit.findings import AuditReport, RuleVerdict, TargetReport
from container_audit.report import CLOSING, counts, identity, principles
from container_audit.runner import SENTENCE_LENGTH
from workshop_kit.display.rendered import Rendered, templates
from workshop_kit.engine.labels import LOCAL
from workshop_kit.engine.reach import Engine
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.exercises.progress import Document, Progress
from workshop_kit.lessons.predictions import load_all_questions
from workshop_kit.observe.masking import Mask
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import content, registry
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.registry import Exercise

HERE = Path(__file__).parent
NAME = "take-home.md"
NOTE = "<!-- Written by the last lesson of the Container Design Workshop. Each run rewrites it. -->"
IMAGE = "my-service"
_ACTIVE = re.compile(r"[\\`*_\[\]<>#|~&@]|:(?=//)|(?<=www)\.|(?<=mailto):", re.IGNORECASE)


def write(workspace: Workspace, progress: Progress, report: AuditReport) -> Rendered:
    """Write take-home.md into the workspace and return it with its path. Raises NotReady when it cannot be written."""
    passwords = Mask(path.read_text(errors="replace").strip() for path in workspace.secrets_folder.iterdir())
    text = page(progress.document(), report, passwords, date.today())
    content.write(workspace, NAME, text)
    place = f"{workspace.folder.name}/{NAME}"
    said = f"Written to {place}:"
    frame = f'<p>Written to <code>{escape(place)}</code>:</p><pre style="white-space: pre-wrap">{escape(text)}</pre>'
    return Rendered(frame, f"{said}\n\n{text}")


def page(document: Document, report: AuditReport, mask: Mask, day: date) -> str:
    """Return the page as Markdown; typed and found text is escaped, and secrets are masked."""
    environment = templates(HERE).overlay()  # the mask is this page's alone
    environment.filters = environment.filters | {
        "plain": plain,
        "code": code,
        "masked": mask,
        "text": lambda text, *limit: plain(mask(text, *limit)),
    }
    exercises = registry.load(CHECKOUT)
    text = environment.get_template("take_home.md.j2").render(
        NOTE=NOTE,
        CLOSING=CLOSING,
        SENTENCE_LENGTH=SENTENCE_LENGTH,
        CANNOT_TELL=RuleVerdict.CANNOT_TELL,
        day=day.isoformat(),
        policies=document.policies,
        guesses=_guesses(document),
        exercises=exercises,
        passes=_passes(document, exercises),
        targets=report.targets,
        identity=identity,
        counts=counts,
        principles=principles,
    )
    return f"{text}\n"


def _guesses(document: Document) -> list[dict[str, Any]]:
    """Return the predictions whose result is known: question, guess and result, in the words of the lesson."""
    questions = load_all_questions(CHECKOUT / "notebooks")
    found = []
    for name, guess in sorted(document.predictions.items()):
        if guess.actual:
            question = questions.get(name)
            options = question.options if question else {}
            said, did = (options[key].text if key in options else key for key in (guess.choice, guess.actual))
            asked = question.question if question else name
            found.append({"right": guess.choice == guess.actual, "question": asked, "said": said, "did": did})
    return found


def _passes(document: Document, exercises: Sequence[Exercise]) -> list[dict[str, Any]]:
    """Return those of the exercises that were passed, in the same order: id, title, and when."""
    found = []
    for exercise in exercises:
        record = document.exercises.get(exercise.id)
        if record is not None and record.passed_at is not None:
            found.append(
                {
                    "id": exercise.id,
                    "title": exercise.title,
                    "passed_at": _moment(record.passed_at),
                    "solution_shown": record.solution_shown,
                }
            )
    return found


def _moment(text: str) -> str:
    """Return a time of the progress file as it is read; another text as it is."""
    try:
        return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return text


def code(text: str) -> str:
    """Return a text as inline code in Markdown."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}".replace("|", "\\|") if text else ""


def plain(text: str) -> str:
    """Escape a text for Markdown: no link, no image, no HTML, no mention."""
    return _ACTIVE.sub(lambda found: f"&#{ord(found[0])};", text)


def mark_unpassed(report: AuditReport, engine: Engine, service: ExerciseService) -> AuditReport:
    """Return the report with a note on images of ``my_service/``: which exercises are not passed."""
    own = f"{LOCAL}{service.workspace.compose_project}/{IMAGE}:"

    def marked(one: TargetReport) -> TargetReport:
        tags = engine.client.images.get(one.image_id).tags
        return replace(one, reference=unpassed_note(service)) if any(tag.startswith(own) for tag in tags) else one

    return replace(report, targets=tuple(map(marked, report.targets)))


def unpassed_note(service: ExerciseService) -> str:
    """Return a sentence on the exercises of ``my_service/`` that are not passed; "" if all are."""
    exercises = [one.id for one in service.exercises if one.in_service]
    not_passed = [name for name in exercises if not service.progress.exercise(name).passed_at]
    if not not_passed:
        return ""
    passed, others = len(exercises) - len(not_passed) or "none", ", ".join(not_passed)
    return f"You have passed {passed} of the {len(exercises)} exercises in my_service. Not your work yet: {others}."
