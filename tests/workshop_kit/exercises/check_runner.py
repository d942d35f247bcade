"""Helpers of the tests of checks: run a check on a wrong answer, and assert its findings and what it leaves behind."""

from __future__ import annotations

import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
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
from workshop_kit.trials.check_api import Context
from workshop_kit.trials.result import Finding, Result, Verdict
from workshop_kit.workspace import content, course, regions, registry, solutions
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.workspace.file_cell import FileCell
from workshop_kit.workspace.regions import FileStage
from workshop_kit.workspace.registry import Exercise
from workshop_kit.workspace.solutions import TOOLS, Source

SEED = 7
TRIES = 3
NO_STACK: Any = None


def marked(root: Path, name: str, lesson: str = "01_container") -> str:
    """A source of the service or of a lesson's exercise, as it is at the end of that lesson."""
    [path] = (root / "solutions").glob(f"*/{name}")
    source = Source(path.parent.name, name, path.read_text())
    return source.at(FileStage(FileStage.parse(lesson).lesson, solutions.LAST))


def marked_for(exercise: Exercise) -> str:
    """The source of an exercise, as it is when the lesson asks for it."""
    if not exercise.in_service:
        return (CHECKOUT / "solutions" / exercise.lesson / exercise.source).read_text()
    source = solutions.source_of(CHECKOUT, exercise.path)
    assert source is not None
    return source.at(moment(CHECKOUT, exercise)[source])


def moment(root: Path, exercise: Exercise) -> dict[Source, FileStage]:
    """The sources of ``my_service/`` with their stages when a participant comes to the exercise's cell."""
    stages = solutions.sources_at(root, exercise.page)
    by_path = {source.path: source for source in solutions.service_sources(root)}
    lesson = FileStage.parse(exercise.page).lesson
    counts: Counter[str] = Counter()
    for cell in course.notebook_cells(root / "notebooks" / f"{exercise.page}.ipynb"):
        if cell["id"] == exercise.cell:
            break
        if parsed_cell := FileCell.parse(cell["source"]):
            counts[parsed_cell.path] += 1
            stages[by_path[parsed_cell.path]] = FileStage(lesson, counts[parsed_cell.path])
    if exercise.lesson == solutions.FIRST:
        stages = {source: source.stages[0] for source in by_path.values() if source.lesson == solutions.FIRST} | stages
    return stages


def arrive(exercise_service: ExerciseService, exercise: Exercise) -> None:
    """Bring ``my_service/`` where it is at the exercise: earlier lessons are solved, the cells have been run."""
    workspace = exercise_service.workspace
    for path in workspace.my_service.iterdir():
        path.unlink()
    earlier = [candidate.id for candidate in exercise_service.exercises if candidate.page < exercise.page]
    for source, stage in moment(exercise_service.root, exercise).items():
        marked_text = source.at(stage)
        text = solutions.keep_regions(regions.solved(marked_text), regions.starter(marked_text), earlier)
        content.replace_file(workspace, source.path, text)
        solutions.record_stage(workspace.folder, source.path, stage)


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


def write_answer(exercise_service: ExerciseService, exercise: Exercise, answer: Path) -> None:
    """Put an answer into the participant's files: a text for the exercise's file, or a folder with one for each.

    A file of the folder that is no part of the exercise, such as requirements.txt, is written as a whole.
    """
    texts = {path.name: path.read_text() for path in answer.iterdir()} if answer.is_dir() else {}
    for part in exercise.parts:
        text = texts.get(part.file or "") if texts else answer.read_text()
        own = exercise_service.exercise_files(part)
        content.write(exercise_service.workspace, part.path, own.text_with_body(own.solution if text is None else text))

    for name in texts.keys() - {part.file for part in exercise.parts}:
        content.write(exercise_service.workspace, f"{MY_SERVICE}/{name}", texts[name])


def write_solution(exercise_service: ExerciseService, exercise: Exercise) -> None:
    """Put the solution into the participant's files."""
    for part in exercise.parts:
        own = exercise_service.exercise_files(part)
        content.write(exercise_service.workspace, part.path, own.text_with_body(own.solution))


def judge(stack: Stack, identifier: str, text: str) -> Result:
    """Run the check of an exercise on a text of its file, beside which everything is solved."""
    exercise = registry.find(registry.load(CHECKOUT), identifier)
    if not exercise.in_service:
        with folder_with({TOOLS: regions.solved(marked(CHECKOUT, TOOLS, "02b_configuration_more"))}) as folder:
            return check_of(identifier)(Context(exercise, stack, SEED, text, tools=folder / TOOLS))
    return judge_files(stack, identifier, {exercise.file or "": text})


def judge_files(stack: Stack, identifier: str, files: Mapping[str, str]) -> Result:
    """Run the check of an exercise on a service in which everything but these files is solved."""
    exercise = registry.find(registry.load(CHECKOUT), identifier)
    solved = {source.file: regions.solved(source.at(stage)) for source, stage in moment(CHECKOUT, exercise).items()}
    with folder_with(solved | dict(files)) as folder:
        return check_of(identifier)(Context(exercise, stack, SEED, folder=folder))


def result_of(look: Callable[[], None]) -> Result:
    """What becomes of expectations that need no service."""
    exercise = registry.find(registry.load(CHECKOUT), "logging.cause")
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
def solved_folder(files: Mapping[str, str], root: Path = CHECKOUT, lesson: str = "99") -> Iterator[Path]:
    """Make a ``my_service/`` of the solutions in ``root`` before a lesson, and these files (text by name)."""
    with folder_with({**solutions.files_at(root, lesson), **files}) as folder:
        yield folder


@contextmanager
def folder_with(files: Mapping[str, str]) -> Iterator[Path]:
    """Make a ``my_service/`` of these files (text by name)."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / MY_SERVICE
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
        yield folder


def judge_region(stack: Stack, identifier: str, body: str) -> Result:
    """Run the check of an exercise on its solved file, with a participant's lines in the region."""
    exercise = registry.find(registry.load(CHECKOUT), identifier)
    solved = regions.solved(marked_for(exercise))
    return judge(stack, identifier, regions.replace(solved, identifier, body))


def solved_region(exercise: Exercise) -> str:
    """The solution's text in the exercise's file."""
    return regions.region_of(regions.solved(marked_for(exercise)), exercise.id)


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
