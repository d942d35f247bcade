"""Every exercise has two sides: what a participant begins with fails its check, the solution passes it, twice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from workshop_kit.engine import cleanup
from workshop_kit.engine.stack import Stack
from workshop_kit.learn import checkpoint, ready
from workshop_kit.learn.exercise import registry
from workshop_kit.learn.exercise.checks import CHECKS
from workshop_kit.learn.exercise.desk import Desk
from workshop_kit.learn.exercise.judging import Context
from workshop_kit.learn.exercise.registry import Exercise
from workshop_kit.learn.exercise.result import Verdict
from workshop_kit.learn.lab_settings import KERNEL, install_kernel
from workshop_kit.learn.lesson import HEADLESS
from workshop_kit.learn.records import Done
from workshop_kit.learn.tour import kernel_manager
from workshop_kit.learn.workspace import CHECKOUT, Workspace

EXERCISES = registry.load(CHECKOUT)
IN_FILES = [exercise for exercise in EXERCISES if exercise.file]
IN_NOTEBOOKS = [exercise for exercise in EXERCISES if not exercise.file]

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]


def test_there_are_exercises_of_both_kinds_and_each_has_its_check() -> None:
    """Without any, the tests below would pass by checking nothing."""
    assert IN_FILES
    assert IN_NOTEBOOKS
    assert set(CHECKS) == {exercise.id for exercise in EXERCISES}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, stack: Stack) -> Iterator[Desk]:
    """A participant's desk, whose stack is up; the stack that the lessons' own cells bring up is gone afterwards."""
    workspace = Workspace.open(tmp_path_factory.mktemp("two sides") / "workspace")
    yield Desk.of(workspace, lambda: stack)
    session = ready.session_of(workspace, stack.session.engine)
    assert cleanup.remove(session, {"kernel", "workspace"}).left == []


@pytest.mark.parametrize("exercise", IN_FILES, ids=lambda exercise: exercise.id)
def test_a_file_as_it_comes_fails_and_the_solution_passes_twice(desk: Desk, exercise: Exercise) -> None:
    """The starter is "not started" and shows its symptom; the reference passes, and passes again."""
    begun = desk.check(exercise.id)
    assert begun.verdict is Verdict.NOT_STARTED, begun.summary
    assert [finding.means for finding in begun.findings if not finding.passed], "no symptom is told"
    checkpoint.solve(desk, exercise.id)
    solved = [desk.check(exercise.id) for _ in range(2)]
    assert [result.verdict for result in solved] == [Verdict.PASSED] * 2, [result.summary for result in solved]


@pytest.mark.parametrize("exercise", IN_NOTEBOOKS, ids=lambda exercise: exercise.id)
def test_a_cell_as_it_comes_fails_and_the_solution_passes_twice(desk: Desk, exercise: Exercise) -> None:
    """The same for an exercise in the notebook, run in a kernel with the lesson's own set-up and panel."""
    lesson = nbformat.read(CHECKOUT / "notebooks" / f"{exercise.lesson}.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    cells = {cell.id: cell.source for cell in lesson.cells}
    texts = desk.texts(exercise)
    assert cells[exercise.cell].strip() == texts.starter.strip()
    panel = cells[exercise.cell.replace("exercise-", "panel-", 1)]
    begins = exercise.cell.replace("exercise-", "start-", 1)  # what it is about, where that takes a cell of its own
    setup = [cells[name] for name in ("setup", "up", begins) if name in cells]
    seen = run_cells(desk, exercise, [*setup, panel, cells[exercise.cell], texts.solution, texts.solution])
    assert [one.verdict for one in seen[-3:]] == [Verdict.NOT_STARTED, Verdict.PASSED, Verdict.PASSED]
    assert [one.attempts - seen[-3].attempts for one in seen[-3:]] == [0, 1, 2]


def run_cells(desk: Desk, exercise: Exercise, sources: list[str]) -> list[Done]:
    """Run these cells in one kernel of the workspace's own; return how the exercise stood after each of them."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]  # type: ignore[no-untyped-call]
    notebook = nbformat.v4.new_notebook(cells=cells)  # type: ignore[no-untyped-call]
    manager = kernel_manager(desk.workspace, install_kernel(desk.workspace))
    seen: list[Done] = []
    client = NotebookClient(
        notebook,
        km=manager,
        timeout=120,
        resources={"metadata": {"path": str(desk.workspace.notebooks)}},
        kernel_name=KERNEL,
        on_cell_executed=lambda **_: seen.append(desk.progress.exercise(exercise.id)),
    )
    client.execute(cleanup_kc=True, env={**os.environ, HEADLESS: "1"})
    return seen


def test_the_services_own_module_passes_the_same_check(desk: Desk, root: Path) -> None:
    """What the stack runs would pass as an answer: check and service agree on what is right."""
    checked = 0
    for exercise in IN_FILES:
        own = root / "workshop_app" / str(exercise.file)
        if not own.is_file():
            continue
        files = {str(exercise.file): own.read_text()}
        judged = CHECKS[exercise.id].check(Context(exercise, desk.stack(), desk.workspace.seed, files))
        assert judged.ruling is Verdict.PASSED, (exercise.id, judged.summary)
        checked += 1
    assert checked
