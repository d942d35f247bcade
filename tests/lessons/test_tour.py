"""Run every lesson headless on live containers, and compare its key cells with the expectations."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.commands import copy_of_the_checkout
from tests.workshop_kit.engine.kernels import things
from workshop_dev.book import ANSI
from workshop_dev.tour import Tour
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import SHORT, load_course
from workshop_kit.workspace.folder import Workspace

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1200)]  # the first test of a part waits for its lessons
LESSONS = [name for name in load_course(CHECKOUT).notebooks if name != SHORT]
SECOND = [name for name in LESSONS if name[2] != "_"]
SLOW = ["04_monitoring", "05_game_day"]
AUDIT = ["06_audit"]
"""Minutes of audits, whose rules have tests of their own."""
CORE_SECOND = ["01b_orders", "02b_dependencies"]
"""The second notebooks that later lessons build on."""
MORE = [name for name in SECOND if name not in CORE_SECOND]
PARTS = (
    pytest.param(SLOW, id="04-05", marks=pytest.mark.xdist_group("tour 1")),
    pytest.param(
        [name for name in LESSONS if name not in SLOW + AUDIT + SECOND],
        id="others",
        marks=pytest.mark.xdist_group("tour 2"),
    ),
    pytest.param([SHORT], id="short", marks=pytest.mark.xdist_group("tour 2")),
    pytest.param(AUDIT, id="audit", marks=[pytest.mark.long, pytest.mark.xdist_group("tour 2")]),
    pytest.param(SECOND, id="second notebooks", marks=[pytest.mark.long, pytest.mark.xdist_group("tour 1")]),
)
"""The lessons in parts, which two workers run at the same time; their second notebooks are exercises mostly."""


@dataclass(frozen=True)
class Toured:
    """What ``./workshop tour --json`` said of some lessons, and the checkout in which it ran."""

    checkout: Path
    results: list[dict[str, Any]]

    def page(self, lesson: str) -> str:
        """The page of a lesson."""
        return Path(self.checkout, "build", "tour", f"{lesson}.html").read_text()

    def outputs(self, lesson: str) -> Iterator[str]:
        """Every text among a lesson's outputs, as the kernel sent it: a page does not show all of it."""
        path = Path(self.checkout, "build", "tour", f"{lesson}.ipynb")
        notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        code_cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        for output in (output for cell in code_cells for output in cell.outputs):
            yield output.get("text", "")
            yield from (text for text in output.get("data", {}).values() if isinstance(text, str))


@pytest.fixture(scope="session")
def learner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A learner's checkout, without the developers' packages."""
    return copy_of_the_checkout(tmp_path_factory.mktemp("learner") / "workshop")


def tour(learner: Path, words: Sequence[str]) -> list[dict[str, Any]]:
    """Run lessons with the solutions in the learner's environment, and return the results."""
    patience = {"WORKSHOP_PATIENCE": "3"}  # three workers share the cores
    steering = ("WORKSHOP_", "DOCKER_", "CONDA_", "COMPOSE_", "PYTEST_", "PYTHON", "VIRTUAL_ENV")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(steering)}
    command = [str(learner / "workshop"), "tour", "--json", *words]
    process = subprocess.run(command, env=environment | patience, capture_output=True, text=True, check=False)
    assert process.stdout.startswith("["), process.stdout + process.stderr
    return list(json.loads(process.stdout))


@pytest.fixture(scope="module", params=PARTS)
def toured(request: pytest.FixtureRequest, learner: Path) -> Toured:
    """Some of the lessons, run once, for all the tests below."""
    return Toured(learner, tour(learner, request.param))


def test_every_lesson_ends_well_and_shows_what_it_should(toured: Toured) -> None:
    """No cell fails, no check of a solution does, and key cells show what the table of expectations says."""
    assert toured.results
    assert [(result["lesson"], result["error"]) for result in toured.results if result["error"]] == []
    assert all(result["cells"] for result in toured.results)


def test_they_ran_in_the_learners_environment(toured: Toured) -> None:
    """It holds what requirements.lock lists, and pip, which comes with Python."""
    code = "import importlib.metadata as m; print(*(d.name for d in m.distributions()), sep='\\n')"
    python = toured.checkout / ".venv" / "bin" / "python"
    process = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True)
    there = {re.sub(r"[-_.]+", "-", name).lower() for name in process.stdout.split()}
    locked = set(re.findall(r"^([a-z0-9-]+)==", (toured.checkout / "requirements.lock").read_text(), re.MULTILINE))
    assert there <= locked | {"pip", "setuptools"}
    assert not {"pytest-timeout", "pytest-xdist", "ruff"} & there


def test_the_pages_stand_alone(toured: Toured) -> None:
    """A page needs no network and no kernel: no script from elsewhere, no widget placeholder, no traceback."""
    for result in toured.results:
        page = toured.page(result["lesson"])
        assert not re.search(r'<script[^>]+src="http', page)
        assert "application/vnd.jupyter.widget-view" not in page
        assert "Traceback (most recent call last)" not in page


PLANTED = "the database was sold"
"""What a customer of lesson 03 writes into a log."""

CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What may act on a terminal: every control character but line end and tab."""


def test_hostile_lines_stay_text(toured: Toured) -> None:
    """A customer planted a script and terminal codes in a log: lesson 03 shows them as text, whatever prints it.

    A program's own colors are fine where no one planted anything: lesson 02 shows those of pytest.
    """
    for lesson in (result["lesson"] for result in toured.results):
        page = toured.page(lesson)
        assert "<img src=x" not in page
        assert not CONTROLS.search(page)
        outputs = list(toured.outputs(lesson))
        if lesson == "03_logging":
            planted = [text for text in outputs if PLANTED in text]
            assert len(planted) >= 3
            for text in planted:
                written_out = len(re.findall(PLANTED + r"\\+(?:x1b|u001b)\[2J", text))
                assert written_out == text.count(PLANTED)
            assert page.count("&lt;img src=x onerror=") >= 4
        else:
            outputs = [ANSI.sub("", text) for text in outputs]
        lines = [text.replace("\r\n", "\n") for text in outputs]  # commands of the shell write to a terminal
        assert [text for text in lines if CONTROLS.search(text)] == [], lesson


def test_the_tour_leaves_nothing(engine: Engine, toured: Toured) -> None:
    """Its stack, networks and volumes are gone."""
    workspace = Workspace.open(toured.checkout / "build" / "tour" / "workspace")
    assert [thing for thing in things(engine, workspace.id) if not thing.startswith("image ")] == []


@pytest.mark.long
@pytest.mark.xdist_group("tour 2")
def test_a_shorter_track_ends_well(learner: Path) -> None:
    """All its lessons run without the sections that it skips, and show what they should."""
    results = tour(learner, ["--track", "half-day"])
    assert [result["lesson"] for result in results] == list(load_course(CHECKOUT).names("half-day"))
    assert [(result["lesson"], result["error"]) for result in results if result["error"]] == []


@pytest.mark.long
@pytest.mark.busy
def test_the_first_lesson_and_game_day_end_well_on_a_busy_machine(learner: Path) -> None:
    """The group ``busy`` keeps the processor busy: limits grow, and nothing is called wrong for time."""
    results = tour(learner, ["01", "05"])
    assert [(result["lesson"], result["error"]) for result in results] == [
        ("01_container", None),
        ("05_game_day", None),
    ]


@contextmanager
def left_out_checks(workspace: Workspace, lessons: Sequence[str]) -> Iterator[None]:
    """Make text of the cells that only check an exercise in a file: test_two_sides.py runs those checks."""
    notebooks = [workspace.notebooks / f"{lesson}.ipynb" for lesson in lessons]
    texts = {notebook: notebook.read_text() for notebook in notebooks}
    for notebook, text in texts.items():
        content = json.loads(text)
        for cell in content["cells"]:
            if cell["id"].startswith("exercise-") and cell["cell_type"] == "code":
                cell["cell_type"] = "raw"
                del cell["outputs"], cell["execution_count"]
        notebook.write_text(json.dumps(content))
    try:
        yield
    finally:
        for notebook, text in texts.items():
            notebook.write_text(text)


@pytest.mark.long
@pytest.mark.timeout(3600)  # beside two other workers; of all long tests it takes the most time: it begins first
@pytest.mark.xdist_group("tour untouched")
def test_run_all_on_an_untouched_workspace_ends_well(stack: Stack, workspace: Workspace, tmp_path: Path) -> None:
    """No exercise is done yet, and each lesson runs from top to bottom; the game day needs them solved."""
    assert stack.containers()
    first_notebooks = [lesson for lesson in LESSONS if lesson not in {*AUDIT, *MORE, "05_game_day"}]
    with left_out_checks(workspace, first_notebooks):
        results = Tour(workspace, output=tmp_path).run(first_notebooks)
    assert [str(result.error) for result in results if result.error] == []


@pytest.mark.long
@pytest.mark.parametrize("lesson", [pytest.param(name, marks=pytest.mark.xdist_group("tour 1")) for name in MORE])
def test_run_all_after_a_jump_ends_well(stack: Stack, workspace: Workspace, tmp_path: Path, lesson: str) -> None:
    """A second notebook builds on the exercises of the lessons before it, which the jump solves, and not on its own."""
    checkpoint.arrange(ExerciseService.of(workspace, lambda: stack), lesson)
    with left_out_checks(workspace, [lesson]):
        [result] = Tour(workspace, output=tmp_path).run([lesson])
    assert result.error is None, str(result.error)
