"""The commands for exercises and lessons: ``hint`` to ``update``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from docker.errors import DockerException
from requests.exceptions import RequestException

from workshop_kit import provision
from workshop_kit.commands.options import AsJson, ExerciseId
from workshop_kit.engine import paused_containers, reach
from workshop_kit.engine.paused_containers import PausedContainer
from workshop_kit.errors import Exit, WorkshopError
from workshop_kit.exercises import cards, checkpoint
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.terminal import TerminalReport, answer, say
from workshop_kit.workspace import content
from workshop_kit.workspace.folder import Workspace, begin_anew, own_folder, own_workspace
from workshop_kit.workspace.lab_settings import trust

ENGINE_SECONDS = 5
"""How long `status`, which can do without an engine, waits for one."""


def hint(exercise: ExerciseId) -> None:
    """Give the next hint of an exercise, after those given before."""
    service = ExerciseService.on_demand(own_workspace())
    former_hints = service.hints_shown(exercise)
    hints = service.hint(exercise)

    for number, text in enumerate(hints, 1):
        answer(f"{number}. {text}")
    if hints == former_hints:
        say(f"That was the last one. `./workshop solution {exercise} --anyway` shows the solution.")


def solution(
    exercise: ExerciseId,
    anyway: Annotated[bool, typer.Option("--anyway", help="Show it although the exercise is not passed.")] = False,
) -> None:
    """Show the solution of an exercise, once it is passed."""
    service = ExerciseService.on_demand(own_workspace())
    text = service.solution(exercise, anyway=anyway)
    if text is None:
        say(f"{exercise} is not passed yet. Try `./workshop hint {exercise}`, or add --anyway to see it nevertheless.")
        raise typer.Exit(Exit.NOT_GOOD)

    say(f"It belongs in {service.place(exercise)}:")
    answer(text.rstrip())


def reset(exercise: ExerciseId) -> None:
    """Put an exercise back to its start; what was there is kept aside."""
    say(ExerciseService.on_demand(own_workspace()).reset(exercise))


def status(as_json: AsJson = False) -> None:
    """Show what is done and what is left, in minutes, and which containers are paused."""
    service = ExerciseService.on_demand(own_workspace())
    board = service.progress.board(service.exercises)
    containers = _paused_containers(service.workspace)
    pause_sentences = [f"{container.sentence} {container.next_step}" for container in containers]
    if as_json:
        answer(json.dumps({**asdict(board), "paused": pause_sentences}))
        return

    answer(str(cards.board_page(board)))
    for sentence in pause_sentences:
        say(sentence)


def _paused_containers(workspace: Workspace) -> list[PausedContainer]:
    """Return the paused containers of a workspace; none without an engine that answers."""
    try:
        engine = reach.connect(timeout_seconds=ENGINE_SECONDS)
        return paused_containers.find(provision.session_of(workspace, engine))
    except (WorkshopError, DockerException, RequestException):
        return []


def goto(
    lesson: Annotated[str, typer.Argument(help="The lesson: 03_logging, or a beginning such as 03 or log.")],
) -> None:
    """Bring the workspace and its containers to the start of a lesson."""
    service = ExerciseService.on_demand(own_workspace())
    with TerminalReport() as report:
        result = checkpoint.goto(service, lesson, report)
    trust(service.workspace)  # JupyterLab shows no panels in unsigned notebooks
    for line in result.sentences():
        say(line)


def update() -> None:
    """Bring changed lessons and exercises into the workspace; your notebooks stay beside the new ones."""
    sentences = begin_anew(own_folder())
    workspace = own_workspace()
    result = content.update(workspace)
    new_files = (*result.added, *result.changed)
    if sentences or any(name.endswith(".ipynb") for name in new_files):
        trust(workspace)
    for line in sentences or result.sentences():
        say(line)
