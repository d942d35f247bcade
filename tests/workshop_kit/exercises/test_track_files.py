"""The files of a track: what it fills in and what its participants do end in the files of the whole workshop."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.checkpoint import SolvedFiles
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import file_cell
from workshop_kit.workspace.course import TRACKS, load_course
from workshop_kit.workspace.file_cell import FileCell
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.track_notebook import fold, on_track

COURSE = load_course(CHECKOUT)
SHORTER = [track for track in TRACKS if track != "full"]


def walk(
    service: ExerciseService, track: str, *, is_lazy: bool = False, solved: SolvedFiles | None = None
) -> Iterator[str]:
    """Run what makes files in the cells of a track, in their order, and solve its exercises; yield what cells say.

    ``solved`` solves them as a tour does.
    """
    exercises = {exercise.cell: exercise for exercise in service.exercises if exercise.file}
    for lesson in COURSE.names(track):
        notebook = (CHECKOUT / "notebooks" / f"{lesson}.ipynb").read_bytes()
        for cell in json.loads(fold(notebook, on_track(CHECKOUT, COURSE, lesson, track)))["cells"]:
            source = "".join(cell["source"])
            if solved is not None and cell["cell_type"] == "code":
                solved.before_cell(lesson, cell["id"])
            if parsed_cell := FileCell.parse(source):
                yield file_cell.write(
                    service.workspace, lesson, parsed_cell.path.removeprefix("notebooks/"), parsed_cell.body
                )
            elif cell["id"].startswith("fill-"):
                yield from fill_in(service, lesson, source)
            elif cell["id"] in exercises and not is_lazy and solved is None:
                checkpoint.solve(service, exercises[cell["id"]].id)


def fill_in(service: ExerciseService, lesson: str, source: str) -> Iterator[str]:
    """Run a cell that fills in, as the notebook's kernel would."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    assert calls, source
    for call in calls:
        cells = [ast.literal_eval(argument) for argument in call.args]
        options = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
        yield from checkpoint.fill_in(service, options.get("lesson", lesson), cells)


def files(service: ExerciseService) -> dict[str, str]:
    """Return the participant's files by their names: the service, and the tools beside the notebooks."""
    paths = {path.name: path for path in service.workspace.my_service.iterdir() if path.is_file()}
    paths["tools.py"] = service.workspace.notebooks / "tools.py"
    return {name: path.read_text() for name, path in paths.items()}


@pytest.fixture
def whole(engineless: ExerciseService) -> dict[str, str]:
    """The files after the whole workshop, with all its exercises solved."""
    list(walk(engineless, "full"))
    return files(engineless)


@pytest.mark.parametrize("track", SHORTER)
def test_a_track_ends_with_the_files_of_the_whole_workshop(
    whole: dict[str, str], track: str, engineless: ExerciseService, tmp_path: Path
) -> None:
    """Whatever it leaves out, with its exercises solved."""
    service = ExerciseService.of(Workspace.open(tmp_path / "short"), engineless.stack)
    sentences = list(walk(service, track))
    assert [sentence for sentence in sentences if "you changed lines" in sentence] == []
    assert files(service) == whole


@pytest.mark.parametrize("track", SHORTER)
def test_a_track_meets_no_conflict_if_nothing_is_solved(engineless: ExerciseService, track: str) -> None:
    """Each file cell and each filling finds the lines that it changes, and the last files of the service are there."""
    sentences = list(walk(engineless, track, is_lazy=True))
    assert [sentence for sentence in sentences if "you changed lines" in sentence] == []
    assert {"app.py", "health.py", "metrics.py", "logs.py", "alerts.yml", "compose.yaml"} <= set(files(engineless))


@pytest.mark.long
def test_a_tour_of_the_shortest_track_fills_in_as_its_participants_do(engineless: ExerciseService) -> None:
    """It solves the exercises of earlier lessons ahead of the cells that fill in. Where the track leaves a lesson out,
    these cells make its files: the tour does not bring the next lesson to its start.
    """
    track = SHORTER[0]
    engineless.workspace.choose_track(track)
    sentences = list(walk(engineless, track, solved=SolvedFiles(engineless)))
    assert [sentence for sentence in sentences if "you changed lines" in sentence] == []
    assert "my_service/database.py is written." in sentences
    assert {"app.py", "health.py", "metrics.py", "logs.py", "alerts.yml", "compose.yaml"} <= set(files(engineless))
