"""The files of a track: what it fills in and what its participants do end in the files of the whole workshop."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator

import pytest

from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.checkpoint import SolvedFiles
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import content, file_cell, steps
from workshop_kit.workspace.course import TRACKS, load_course
from workshop_kit.workspace.track_notebook import fold, on_track

COURSE = load_course(CHECKOUT)
MAGIC = f"%%{file_cell.MAGIC} "
SHORTER = [track for track in TRACKS if track != "full"]


def walk(service: ExerciseService, track: str, solved: SolvedFiles | None = None) -> Iterator[str]:
    """Run what makes files in the cells of a track, in their order; yield what cells say.

    ``solved`` solves the exercises of the track as a tour does.
    """
    for lesson in COURSE.names(track):
        notebook = (CHECKOUT / "notebooks" / f"{lesson}.ipynb").read_bytes()
        for cell in json.loads(fold(notebook, on_track(CHECKOUT, COURSE, lesson, track)))["cells"]:
            source = "".join(cell["source"])
            if solved is not None and cell["cell_type"] == "code":
                solved.before_cell(lesson, cell["id"])
            if source.startswith(MAGIC):
                line, _, body = source.removeprefix(MAGIC).partition("\n")
                yield file_cell.write(service.workspace, lesson, line, body).sentence
            elif cell["id"].startswith("fill-"):
                yield from fill_in(service, lesson, source)


def fill_in(service: ExerciseService, lesson: str, source: str) -> Iterator[str]:
    """Run a cell that fills in, as the notebook's kernel would."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    assert calls, source
    for call in calls:
        cells = [ast.literal_eval(argument) for argument in call.args]
        options = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
        yield from checkpoint.fill_in(service, options.get("lesson", lesson), cells)


@pytest.mark.parametrize("track", SHORTER)
def test_a_track_ends_with_the_files_of_the_whole_workshop(track: str, engineless: ExerciseService) -> None:
    """Whatever it leaves out of the lessons, and with nothing of the participant's replaced."""
    workspace = engineless.workspace
    workspace.choose_track(track)
    sentences = list(walk(engineless, track, SolvedFiles(engineless)))
    assert [sentence for sentence in sentences if "replace yours" in sentence] == []
    course = [step for step in steps.load(CHECKOUT) if not COURSE.is_optional(step.lesson)]
    for path, file in steps.grown_files(course).items():
        assert content.current_text(workspace, path) == file.text


@pytest.mark.parametrize("track", SHORTER)
def test_a_track_meets_no_conflict_if_nothing_is_solved(engineless: ExerciseService, track: str) -> None:
    """Each file cell and each filling finds the lines that it changes."""
    sentences = list(walk(engineless, track))
    assert [sentence for sentence in sentences if "replace yours" in sentence] == []
