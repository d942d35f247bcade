"""Each lesson's expectations can fail: the experiment without its fault does not show what it should."""

from __future__ import annotations

import os
from typing import NamedTuple

import nbformat
import pytest
from nbclient import NotebookClient

from workshop_dev import expectations
from workshop_dev.expectations import Expectations
from workshop_dev.tour import kernel_manager
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.lessons.lesson import HEADLESS
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import solutions
from workshop_kit.workspace.course import optional_names
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.lab_settings import KERNEL

NOTEBOOKS = CHECKOUT / "notebooks"


class Harmless(NamedTuple):
    """An experiment without its fault: in ``cell``, ``fault`` is replaced; ``shows`` is the cell that must tell.

    ``cells`` are run in this order, of the whole lesson no more than the experiment needs.
    """

    lesson: str
    cells: str
    cell: str
    fault: str
    replacement: str
    shows: str


IN_01 = "setup write-app write-requirements write-dockerfile build start order stop"
IN_01B = "setup start loss"
KEPT = "container = start()\nfor _ in range(2):"
IN_02 = "setup write-ignore secret find"
FILES_03 = "write-requirements write-logs write-logs-start write-config write-main write-orders write-settings"
IN_03 = f"setup {FILES_03} naive predict-deploy deploy"
FILES_04 = "write-health write-database write-config write-app"
STORM = "naive without orchestrate sell predict-restart storm reveal-restart"
IN_04 = f"setup {FILES_04} {STORM}"
IN_05 = "setup build start-gameday-monday monday-wait"
BUILD = "image, _ = client.images.build("
EMPTY = f'(folder / "database.py").write_text("")\n{BUILD}'
CASES = (
    Harmless("00_start", "setup client works break", "break", 'client.containers.get("master-db").stop()', "", "break"),
    Harmless("01_container", IN_01, "write-dockerfile", "CMD uvicorn", "CMD exec uvicorn", "stop"),
    Harmless("01b_orders", IN_01B, "loss", "for _ in range(2):\n    container = start()", KEPT, "loss"),
    Harmless("02_configuration", IN_02, "secret", BUILD, EMPTY, "find"),
    Harmless("03_logging", IN_03, "deploy", "container = start(client, image)", "container.restart()", "deploy"),
    Harmless("04_monitoring", IN_04, "storm", "pool, paused(redis):", "pool:", "reveal-restart"),
    Harmless("05_game_day", IN_05, "monday-wait", "monday.wait()", "", "monday-wait"),
    Harmless("06_audit", "setup usual hurry by-hand checked", "hurry", 'user="0", ', "", "checked"),
)


def test_every_lesson_has_a_case_and_enough_expectations() -> None:
    """A lesson without them could go wrong without a word: three at the least, six for most first notebooks."""
    lessons = {path.stem for path in NOTEBOOKS.glob("*.ipynb")}
    optional = optional_names(CHECKOUT)
    assert {case.lesson for case in CASES} == lessons - optional
    for lesson in lessons:
        least = 3 if lesson in optional or lesson == "05_game_day" else 6
        assert len(expectations.load(lesson, NOTEBOOKS).shows) >= least, lesson


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.lesson)
def test_without_its_fault_an_experiment_misses_what_it_should_show(
    case: Harmless, stack: Stack, workspace: Workspace
) -> None:
    """The lesson's own cells, but for the fault: they run to the end, and the expectation is not met."""
    stack.up()
    if case.lesson > solutions.FIRST:
        checkpoint.arrange(ExerciseService.of(workspace, lambda: stack), case.lesson)
    lesson = nbformat.read(NOTEBOOKS / f"{case.lesson}.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    by_id = {cell.id: cell for cell in lesson.cells}
    assert case.fault in by_id[case.cell].source
    by_id[case.cell].source = by_id[case.cell].source.replace(case.fault, case.replacement)
    lesson.cells = [by_id[name] for name in case.cells.split()]
    client = NotebookClient(
        lesson,
        km=kernel_manager(workspace),
        timeout=120,
        resources={"metadata": {"path": str(workspace.notebooks)}},
        kernel_name=KERNEL,
    )
    client.execute(cleanup_kc=True, env={**os.environ, HEADLESS: "1"})
    expected = expectations.load(case.lesson, NOTEBOOKS).shows[case.shows]
    problems = expectations.notebook_problems(lesson, Expectations(shows={case.shows: expected}))
    # Where the cell reveals a prediction, that is not what was measured either.
    assert [sentence for _, sentence in problems if sentence.startswith(f"Cell {case.shows!r} does not show")] != []
