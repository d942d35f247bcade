"""The take-home page: what was written, guessed and found, and nothing that acts or must not be seen."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

from container_audit.findings import RuleVerdict
from container_audit.notebook import Audit
from container_audit.report import as_text
from tests.container_audit.test_report import HOSTILE, report, rule_of
from tests.workshop_kit.exercises.conftest import no_engine
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.exercises.progress import ProgressDocument
from workshop_kit.lessons import take_home
from workshop_kit.lessons.predictions import load_all_questions
from workshop_kit.observe.masking import Mask
from workshop_kit.paths import CHECKOUT
from workshop_kit.trials.result import Verdict
from workshop_kit.workspace import exercise_list
from workshop_kit.workspace.folder import Workspace

DAY = date(2026, 3, 1)
EXERCISE = "config.env"
GUESSED = {"choice": "both", "locked_at": "2026-03-01T10:00:00+00:00", "actual": "order"}


def page(
    document: dict[str, Any], verdict: RuleVerdict = RuleVerdict.FAILS, sentence: str = "It is so.", *secrets: str
) -> str:
    """A page of one audit."""
    mask = Mask(secrets)
    audited = as_text(report(verdict, sentence))
    return take_home.page(ProgressDocument.model_validate(document), "", audited, mask, DAY)


def test_policies_predictions_and_findings_are_on_it() -> None:
    """In the participant's words, in the lesson's words, and in the audit's, which is a block of text."""
    text = page({"policies": {"03_logging": ["Where? To stdout."]}, "predictions": {"00_start.database-gone": GUESSED}})
    assert "- Where? To stdout." in text
    assert "0 of 1 went as I said." in text
    question = load_all_questions(CHECKOUT / "notebooks")["00_start.database-gone"]
    guess = question.options["both"].text
    did = question.options["order"].text
    assert f"| ≠ | {question.question} | {guess} | {did} |" in text
    assert f"    -> {rule_of('lifecycle.stops').next_step} (lifecycle.stops)" in text
    assert "    Audit of shop:1: " in text


def test_it_says_what_was_passed_and_when() -> None:
    """In the order of the course, and whether the solution was seen before; what is only tried is not on it."""
    passed = "2026-03-01T11:30:00+01:00"
    exercises = {
        "config.env": {"passed_at": passed, "attempts": 2, "solution_shown": True},
        "container.limits": {"passed_at": "2026-02-28T09:05:59+00:00"},
        "orders.recent": {"attempts": 4, "verdict": "wrong"},
        "gone.exercise": {"passed_at": passed},
    }
    text = page({"exercises": exercises})
    all_exercises = exercise_list.load(CHECKOUT)
    titles = {exercise.id: exercise.title for exercise in all_exercises}
    assert f"2 of {len(all_exercises)} exercises" in text
    first = f"| `container.limits` | {titles['container.limits']} | 2026-02-28 09:05 UTC |"
    second = f"| `config.env` | {titles['config.env']} | 2026-03-01 10:30 UTC, after the solution was seen |"
    assert f"{first}\n{second}\n" in text
    assert "orders.recent" not in text
    assert "not a certificate" in text
    assert "None yet: `./workshop status`" in page({})


def test_nothing_on_it_acts_and_no_secret_is_shown() -> None:
    """HTML, links and mentions are text, wherever they come from; what is, or looks like, a secret is masked."""
    sentence = f"{HOSTILE} hunter22-secret MASTER_DB_PASSWORD=correct-horse"
    text = page(
        {
            "policies": {HOSTILE: [sentence]},
            "predictions": {HOSTILE: GUESSED},
            "exercises": {EXERCISE: {"passed_at": sentence}},
        },
        RuleVerdict.FAILS,
        sentence,
        "hunter22-secret",
    )
    assert "hunter22" not in text
    assert "correct-horse" not in text
    lines_that_act = [line for line in text.splitlines() if not line.startswith("    ")]
    bare = re.sub(r"(`+).+?\1(?!`)", "", "\n".join(lines_that_act).replace(take_home.NOTE, ""))
    assert not re.search(r"<|\[|@|https?://", bare)


def test_it_is_written_into_the_workspace_and_shown(tmp_path: Path) -> None:
    """The same text in the file and, escaped, on the page; the stack's own passwords are masked."""
    workspace = Workspace.open(tmp_path / "my workspace")
    (workspace.secrets_folder / "master_db_password").write_text("a-real-password\n")
    exercise_service = ExerciseService.of(workspace, no_engine)
    exercise_service.progress.keep_policy("03_logging", ["Who? <b>a-real-password</b>"])
    shown = take_home.write(workspace, exercise_service, Audit(report(RuleVerdict.HOLDS)))
    written = (workspace.folder / take_home.NAME).read_text()
    assert written in str(shown)
    assert "a-real-password" not in written
    assert "<b>" not in shown.html


def test_the_note_names_all_exercises_that_are_not_passed(tmp_path: Path) -> None:
    """At first all; a passed exercise is counted and not named; with all passed there is no note."""
    exercise_service = ExerciseService.of(Workspace.open(tmp_path / "workspace"), no_engine)
    exercises = [exercise.id for exercise in exercise_service.exercises if exercise.in_service]
    note = take_home.unpassed_note(exercise_service)
    assert note.startswith(f"You have passed none of the {len(exercises)} exercises in my_service. Not your work yet: ")
    assert all(name in note for name in exercises)
    exercise_service.progress.record_check(EXERCISE, Verdict.PASSED)
    note = take_home.unpassed_note(exercise_service)
    assert note.startswith("You have passed 1 of the ")
    assert EXERCISE not in note
    for name in exercises:
        exercise_service.progress.record_check(name, Verdict.PASSED)
    assert take_home.unpassed_note(exercise_service) == ""
