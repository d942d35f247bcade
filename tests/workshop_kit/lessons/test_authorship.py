"""What of ``my_service/`` a report calls the participant's work, and what it does not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tests.workshop_kit.audit.test_report import report
from workshop_kit.audit.findings import Verdict
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.exercises.result import Verdict as Checked
from workshop_kit.lessons import authorship
from workshop_kit.workspace import regions, solutions
from workshop_kit.workspace.folder import Workspace

EXERCISE = "config.env"


def no_stack() -> Stack:
    """Nothing here needs an engine."""
    raise AssertionError


@pytest.fixture
def exercise_service(tmp_path: Path, root: Path) -> ExerciseService:
    """A folder with all solutions, as a jump to the last lesson leaves it; nothing is passed."""
    exercise_service = ExerciseService.of(Workspace.open(tmp_path / "workspace"), no_stack)
    for name, text in solutions.files_at(root, "06_audit").items():
        (exercise_service.workspace.service_folder() / name).write_text(text)
    return exercise_service


def exercises(root: Path) -> set[str]:
    """The exercises whose code is part of the folder."""
    return {name for text in solutions.files_at(root, "06_audit").values() for name in regions.ids(text)}


def test_who_passed_nothing_reads_that_the_reference_runs(exercise_service: ExerciseService, root: Path) -> None:
    """All exercises are named, none as theirs."""
    said = authorship.note(exercise_service)
    count = len(exercises(root))
    assert said.startswith(f"You have passed none of the {count} exercises in my_service. Not your work: ")
    assert said.count("the reference (") == 1
    assert all(name in said for name in exercises(root))


def test_only_an_image_of_the_folder_is_marked(exercise_service: ExerciseService) -> None:
    """The workspace's own ``my-service``; an image of that name in another workspace is none of theirs."""
    project = exercise_service.workspace.compose_project
    for tags, is_theirs in (([f"{project}/my-service:6"], True), (["workshop-other/my-service:6"], False), ([], False)):
        images = SimpleNamespace(get=lambda _, tags=tags: SimpleNamespace(tags=tags))
        engine = cast(Engine, SimpleNamespace(client=SimpleNamespace(images=images)))
        (one,) = authorship.mark(report(Verdict.HOLDS), engine, exercise_service).targets
        assert bool(one.reference) is is_theirs


def test_what_was_passed_is_theirs(exercise_service: ExerciseService, root: Path) -> None:
    """It is counted, and not named any more; who passed all reads nothing."""
    exercise_service.progress.record_check(EXERCISE, Checked.PASSED)
    said = authorship.note(exercise_service)
    assert said.startswith("You have passed 1 of the ")
    assert EXERCISE not in said
    for name in exercises(root):
        exercise_service.progress.record_check(name, Checked.PASSED)
    assert authorship.note(exercise_service) == ""


def test_a_starter_and_an_attempt_are_told_apart(exercise_service: ExerciseService, root: Path) -> None:
    """What runs in their place is the starter, or code that no check has passed."""
    (source,) = [one for one in solutions.service_sources(root) if EXERCISE in one.ids()]
    file = exercise_service.workspace.service_folder() / source.file
    file.write_text(solutions.colleague_files(root, source.lesson)[source.file])
    assert "the starter (config.env" in authorship.note(exercise_service)
    file.write_text(file.read_text().replace("# endregion config.env", "attempt = 1\n# endregion config.env"))
    assert "code that no check has passed (config.env" in authorship.note(exercise_service)
