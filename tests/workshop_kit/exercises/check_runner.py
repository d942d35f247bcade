"""Helpers of the tests of checks: the files of a participant at an exercise, a check of them, and what it leaves."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from workshop_kit import patience
from workshop_kit.checks import check_of
from workshop_kit.engine import control
from workshop_kit.engine.control import Control
from workshop_kit.engine.labels import SESSION
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.paths import CHECKOUT
from workshop_kit.trials import service
from workshop_kit.trials.check_context import Context
from workshop_kit.trials.result import Finding, Result, Verdict
from workshop_kit.workspace import content, exercise_list, steps
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.workspace.exercise_list import Exercise
from workshop_kit.workspace.merge import Change, Merged

SEED = 7
TRIES = 3
NO_STACK: Any = None
TOOLS = f"notebooks/{steps.TOOLS}"


def files_at(exercise: Exercise, changes: Iterable[Change] = (), root: Path = CHECKOUT) -> dict[str, Merged]:
    """The participant's files at an exercise's cell, by path: all before it is solved, and these changes are made."""
    course = steps.load(root)
    index = next(index for index, step in enumerate(course) if step.exercise == exercise.id)
    return answered(steps.files_after(course[:index]), exercise, changes)


def answered(files: Mapping[str, Merged], exercise: Exercise, changes: Iterable[Change]) -> dict[str, Merged]:
    """The files with an answer to an exercise, as these changes bring it."""
    result = dict(files)
    for change in changes:
        file = result.get(change.path, Merged())
        text = steps.with_solution(change, file.text, file.record.text, exercise.removes)
        result[change.path] = replace(file, text=text)
    return result


def solution_of(exercise: Exercise) -> tuple[Change, ...]:
    """The solution of an exercise."""
    return steps.answer(exercise, CHECKOUT / exercise.solution)


def answer_of(exercise: Exercise, answer: Path) -> tuple[Change, ...]:
    """An answer to an exercise, with the solution in the files that it does not have."""
    changes = (*solution_of(exercise), *steps.answer(exercise, answer))
    return tuple({change.path: change for change in changes}.values())


def solved_text(identifier: str, name: str) -> str:
    """The text of a file when an exercise is solved, by its name."""
    exercise = exercise_list.find(exercise_list.load(CHECKOUT), identifier)
    files = files_at(exercise, solution_of(exercise))
    return next(file.text for path, file in files.items() if Path(path).name == name)


def arrive(exercise_service: ExerciseService, exercise: Exercise, changes: Iterable[Change] = ()) -> None:
    """Bring the participant's files where they are at the exercise's cell, with these changes."""
    workspace = exercise_service.workspace
    for folder in (workspace.my_service, workspace.base / MY_SERVICE):
        shutil.rmtree(folder, ignore_errors=True)
    for path, file in files_at(exercise, changes, exercise_service.root).items():
        content.write(workspace, path, file.text)
        content.write_record(workspace, path, file.record)


@contextmanager
def quick_control() -> Iterator[None]:
    """Let the control beside a check be quick: what a check waited for in vain is the answer's fault.

    So limits need not be much longer on a busy machine: it waits in vain anyway.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patience, "MAX_MEASURED_FACTOR", 5.0)
        patch.setattr(control, "measure", lambda _session: Control(0.4))
        yield


def check(exercise_service: ExerciseService, exercise: Exercise) -> Result:
    """Check an exercise; as a participant is told to, check it again where the machine was too slow to judge it."""
    for _ in range(TRIES):
        result = exercise_service.check(exercise.id)
        if result.verdict is not Verdict.NOT_JUDGED:
            break
    return result


def judge(stack: Stack, identifier: str, text: str) -> Result:
    """Run the check of an exercise on a text of its file, beside which everything is solved."""
    exercise = exercise_list.find(exercise_list.load(CHECKOUT), identifier)
    return judge_files(stack, identifier, {exercise.file or "": text})


def judge_files(stack: Stack, identifier: str, texts: Mapping[str, str]) -> Result:
    """Run the check of an exercise, which is solved, with these texts in place of some files (by their names)."""
    exercise = exercise_list.find(exercise_list.load(CHECKOUT), identifier)
    files = files_at(exercise, solution_of(exercise))
    by_path = {str(Path(exercise.path).with_name(name)): text for name, text in texts.items()}
    with folder_with({path: file.text for path, file in files.items()} | by_path) as folder:
        text = "" if exercise.in_service else by_path[exercise.path]
        context = Context(exercise, stack, SEED, text, folder=folder / MY_SERVICE, tools=folder / TOOLS)
        return check_of(identifier)(context)


def judge_answer(stack: Stack, identifier: str, text: str) -> Result:
    """Run the check of an exercise on an answer to it, a text as in its file in solutions/."""
    exercise = exercise_list.find(exercise_list.load(CHECKOUT), identifier)
    files = files_at(exercise, (*solution_of(exercise), Change(exercise.path, text)))
    return judge(stack, identifier, files[exercise.path].text)


def result_of(look: Callable[[], None]) -> Result:
    """What becomes of expectations that need no service."""
    exercise = exercise_list.find(exercise_list.load(CHECKOUT), "logging.cause")
    return service.judge(lambda _service: look(), Context(exercise, NO_STACK, SEED))


def failed_meanings(findings: Iterable[Finding]) -> list[str]:
    """What the findings mean that did not pass."""
    return [finding.means for finding in findings if not finding.passed]


def changed(text: str, *changes: str) -> str:
    """A text with changes: old and new text, in turn."""
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    return text


@contextmanager
def folder_with(files: Mapping[str, str]) -> Iterator[Path]:
    """Make a folder of these files (text by path)."""
    with tempfile.TemporaryDirectory() as temporary:
        for path, text in files.items():
            file = Path(temporary) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        yield Path(temporary)


@contextmanager
def leaving_nothing(stack: Stack) -> Iterator[None]:
    """Whatever this session makes inside is gone afterwards: containers and their volumes.

    The engine's events are heard as they come: it remembers the last few only.
    """
    client = stack.session.engine.client
    stream = client.events(decode=True)
    heard = []
    listener = threading.Thread(target=lambda: heard.extend(stream), daemon=True)
    listener.start()
    yield
    time.sleep(0.2)
    stream.close()
    listener.join(5)
    container_ids: set[str] = set()
    volumes: set[str] = set()
    for event in heard:
        actor = event["Actor"]
        if event["Action"] == "create" and actor["Attributes"].get(SESSION) == stack.session.identity.workspace_id:
            container_ids.add(actor["ID"])
        elif event["Action"] == "mount" and actor["Attributes"]["container"] in container_ids:
            volumes.add(actor["ID"])
    assert container_ids, "nothing was run"
    assert not volumes & {volume.id for volume in client.volumes.list()}
    assert not container_ids & {container.id for container in client.containers.list(all=True, ignore_removed=True)}
