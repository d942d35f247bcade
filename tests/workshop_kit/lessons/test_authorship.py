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
from workshop_kit.exercises.exercise_service import Desk
from workshop_kit.exercises.result import Verdict as Checked
from workshop_kit.lessons import authorship
from workshop_kit.workspace import regions, service_files
from workshop_kit.workspace.folder import Workspace

EXERCISE = "config.env"


def no_stack() -> Stack:
    """Nothing here needs an engine."""
    raise AssertionError


@pytest.fixture
def desk(tmp_path: Path, root: Path) -> Desk:
    """A folder with all solutions, as a jump to the last lesson leaves it; nothing is passed."""
    desk = Desk.of(Workspace.open(tmp_path / "workspace"), no_stack)
    for name, text in service_files.files_at(root, "06_audit").items():
        (desk.workspace.service_folder() / name).write_text(text)
    return desk


def exercises(root: Path) -> set[str]:
    """The exercises whose code is part of the folder."""
    return {name for text in service_files.files_at(root, "06_audit").values() for name in regions.ids(text)}


def test_who_passed_nothing_reads_that_the_reference_runs(desk: Desk, root: Path) -> None:
    """All exercises are named, none as theirs."""
    said = authorship.note(desk)
    count = len(exercises(root))
    assert said.startswith(f"You have passed none of the {count} exercises in my_service. Not your work: ")
    assert said.count("the reference (") == 1
    assert all(name in said for name in exercises(root))


def test_only_an_image_of_the_folder_is_marked(desk: Desk) -> None:
    """The workspace's own ``my-service``; an image of that name in another workspace is none of theirs."""
    project = desk.workspace.compose_project
    for tags, is_theirs in (([f"{project}/my-service:6"], True), (["workshop-other/my-service:6"], False), ([], False)):
        images = SimpleNamespace(get=lambda _, tags=tags: SimpleNamespace(tags=tags))
        engine = cast(Engine, SimpleNamespace(client=SimpleNamespace(images=images)))
        (one,) = authorship.mark(report(Verdict.HOLDS), engine, desk).targets
        assert bool(one.reference) is is_theirs


def test_what_was_passed_is_theirs(desk: Desk, root: Path) -> None:
    """It is counted, and not named any more; who passed all reads nothing."""
    desk.progress.record_check(EXERCISE, Checked.PASSED)
    said = authorship.note(desk)
    assert said.startswith("You have passed 1 of the ")
    assert EXERCISE not in said
    for name in exercises(root):
        desk.progress.record_check(name, Checked.PASSED)
    assert authorship.note(desk) == ""


def test_a_starter_and_an_attempt_are_told_apart(desk: Desk, root: Path) -> None:
    """What runs in their place is the starter, or code that no check has passed."""
    (source,) = [one for one in service_files.sources(root) if EXERCISE in one.ids()]
    file = desk.workspace.service_folder() / source.file
    file.write_text(service_files.colleague_files(root, source.lesson)[source.file])
    assert "the starter (config.env" in authorship.note(desk)
    file.write_text(file.read_text().replace("# endregion config.env", "attempt = 1\n# endregion config.env"))
    assert "code that no check has passed (config.env" in authorship.note(desk)
