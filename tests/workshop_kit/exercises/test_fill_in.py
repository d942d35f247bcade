"""On a track, the folder has at the end of each lesson what it has on the full one."""

from __future__ import annotations

import json
import re
from itertools import pairwise

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.workspace import content, file_cell, solutions
from workshop_kit.workspace.course import load_course

LESSON = "02_configuration"


def run(service: ExerciseService, lesson: str) -> None:
    """Do what the cells of a lesson's notebooks do to the files, with each exercise solved."""
    notebooks = [json.loads(path.read_text()) for path in sorted(service.workspace.notebooks.glob(f"{lesson[:2]}*"))]
    cells = [cell for notebook in notebooks for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for source in ("".join(cell["source"]) for cell in cells):
        if name := file_cell.file_named(source):
            file_cell.write(service.workspace, name, file_cell.body_of(source))
        elif "w.colleague_files()" in source:
            files = solutions.colleague_files(service.root, lesson)
            content.bring_in(service.workspace, {f"my_service/{file}": text for file, text in files.items()})
        elif "w.fill_in(" in source:
            assert list(checkpoint.fill_in(service, lesson, re.findall('"([^"]+)"', source)))
        elif source.startswith("w.exercise("):
            checkpoint.solve(service, source.split('"')[1])


@pytest.mark.parametrize("track", ["90min", "half-day"])
def test_each_lesson_finds_the_files_that_it_needs(engineless: ExerciseService, track: str) -> None:
    """They are those that `goto` brings, whatever the track skipped before."""
    workspace, root = engineless.workspace, engineless.root
    workspace.choose_track(track)
    content.follow_track(workspace)
    for lesson, following in pairwise(load_course(root).names(track)):
        run(engineless, lesson)
        arrives = solutions.colleague_files(root, following)
        for name, text in solutions.files_at(root, following).items():
            if following > "01_container" and name not in arrives:
                assert (workspace.my_service / name).read_text() == text, f"{name} at the end of {lesson}"


def test_what_was_changed_stays(engineless: ExerciseService) -> None:
    """An untouched exercise gets its solution, one that was begun does not: "Run all" is safe, and safe twice."""
    checkpoint.arrange(engineless, LESSON)
    (tasks,) = engineless.workspace.folder.glob("exercises/*/tasks.yaml")
    cells = ["exercise-config-environments", "exercise-config-environments"]
    assert list(checkpoint.fill_in(engineless, LESSON, cells)) == [
        "exercises/02_configuration/tasks.yaml has the solution: config.environments",
        "exercises/02_configuration/tasks.yaml stays as it is: config.environments",
    ]
    mine = tasks.read_text().replace("staging", "stage")
    tasks.write_text(mine)
    assert all("stays as it is" in sentence for sentence in checkpoint.fill_in(engineless, LESSON, cells))
    assert tasks.read_text() == mine


def test_a_cell_that_makes_no_file_is_refused(engineless: ExerciseService) -> None:
    """One sentence names it."""
    with pytest.raises(WrongUsage, match="'title' is no cell of 02_configuration that makes a file"):
        list(checkpoint.fill_in(engineless, LESSON, ["title"]))
