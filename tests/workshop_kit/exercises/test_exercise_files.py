"""The files of an exercise of each kind: as shipped, solved, reset and compared, by the names of its definitions."""

from __future__ import annotations

import builtins

import pytest

from tests.workshop_kit.exercises import check_runner
from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import content, definitions, exercise_list
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.workspace.syntax import undefined_names

KINDS = {
    "two files": ("logging.context", "def request_context", "def add_context"),
    "in a class": ("config.limits", "def answer_to", "async def in_time"),
    "a function that goes": ("logging.stdout", "def start", "JSONRenderer"),
    "a whole file": ("container.graceful", "exec uvicorn", "--timeout-graceful-shutdown"),
    "YAML": ("container.limits", "mem_limit", "pids_limit"),
    "lists": ("container.dockerfile", "anyio==", ".env"),
}
"""Exercises, with two parts of what a solution shows."""


@pytest.mark.parametrize(("identifier", "first", "second"), KINDS.values(), ids=KINDS)
def test_each_kind(engineless: ExerciseService, identifier: str, first: str, second: str) -> None:
    """It comes untouched; a solution and a reset change what it is about and no more; both can be compared."""
    exercise = engineless.find(identifier)
    check_runner.arrive(engineless, exercise)
    assert state(engineless, identifier) == (True, False)
    shipped = texts(engineless)
    assert engineless.compare(identifier)

    for path, text in shipped.items():
        if path.endswith(".py"):
            content.write(engineless.workspace, path, f"{text}\n\ndef own() -> None:\n    pass\n")
    assert state(engineless, identifier) == (True, False)
    own = texts(engineless)

    assert checkpoint.solve(engineless, identifier)
    assert not checkpoint.solve(engineless, identifier)
    assert state(engineless, identifier) == (False, True)
    mine, reference = engineless.compare(identifier)
    for part in (first, second):
        assert part in mine
        assert part in reference
        assert part in (engineless.solution(identifier, anyway=True) or "")

    engineless.reset(identifier)
    assert state(engineless, identifier) == (True, False)
    assert {path: sorted(text.split()) for path, text in texts(engineless).items()} == {
        path: sorted(text.split()) for path, text in own.items()
    }


def state(exercise_service: ExerciseService, identifier: str) -> tuple[bool, bool]:
    """Whether an exercise is untouched, and whether it is solved."""
    files = exercise_service.exercise_files(exercise_service.find(identifier))
    return files.is_untouched(), files.is_solved()


def texts(exercise_service: ExerciseService) -> dict[str, str]:
    """The service's files by their paths."""
    folder = exercise_service.workspace.my_service
    return {f"{MY_SERVICE}/{path.name}": path.read_text() for path in folder.iterdir()}


def test_a_notebook_cell(engineless: ExerciseService) -> None:
    """It is solved, compared and reset in its cell; a comment that is moved is no answer, another comment is one."""
    identifier = "logging.parse"
    assert state(engineless, identifier) == (True, False)
    assert checkpoint.solve(engineless, identifier)
    assert state(engineless, identifier)[0] is False
    mine, reference = engineless.compare(identifier)
    assert mine.strip() == reference.strip()
    engineless.reset(identifier)
    assert state(engineless, identifier) == (True, False)


@pytest.mark.parametrize(
    ("old", "new", "is_begun"),
    [
        ("async def live(", "# mine\nasync def live(", True),
        ("import asyncio\n", "import asyncio\nimport json\n", False),
        ("\n", "\r\n", False),
    ],
    ids=["a remark in a definition", "an import", "line ends of Windows"],
)
def test_what_counts_as_begun(engineless: ExerciseService, old: str, new: str, is_begun: bool) -> None:
    """A remark of one's own in a definition does."""
    exercise = engineless.find("monitoring.deep")
    check_runner.arrive(engineless, exercise)
    text = texts(engineless)[exercise.path]
    assert old in text
    content.write(engineless.workspace, exercise.path, text.replace(old, new))
    assert state(engineless, exercise.id)[0] is not is_begun


FILES = [exercise for exercise in exercise_list.load(CHECKOUT) if exercise.file]


@pytest.mark.parametrize("exercise", FILES, ids=lambda exercise: exercise.id)
def test_answers_are_neither_the_starter_nor_the_solution(
    engineless: ExerciseService, exercise: exercise_list.Exercise
) -> None:
    """Each answer makes files that can be read, and has all names that it uses; the solution alone is solved."""
    check_runner.arrive(engineless, exercise)
    files = check_runner.files_at(exercise)
    sides = {"": check_runner.solution_of(exercise)}
    for name in (*exercise.alternatives, *exercise.cheats):
        sides[name] = check_runner.answer_of(exercise, CHECKOUT / exercise.answers / name)

    for name, changes in sides.items():
        answered = check_runner.answered(files, exercise, changes)
        for path in {change.path for change in changes}:
            text = answered[path].text
            content.write(engineless.workspace, path, text)
            assert definitions.split(path, text), name
            if path.endswith(".py"):
                assert undefined_names(text) <= set(dir(builtins)), name
        assert state(engineless, exercise.id) == (False, name == ""), name


def test_an_exercise_comes_with_the_last_of_its_definitions(engineless: ExerciseService) -> None:
    """Half of monitoring.drain is there long before: who leaves 04b out gets no half of its solution."""
    check_runner.arrive(engineless, engineless.find("monitoring.metrics"))
    exercise = engineless.find("monitoring.drain")
    assert not engineless.exercise_files(exercise).is_brought()
    check_runner.arrive(engineless, exercise)
    assert engineless.exercise_files(exercise).is_brought()
