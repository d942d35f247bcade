"""``tour``: run lessons, or the instructor's demo, without a browser, in a workspace and stack of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workshop_kit import provision
from workshop_kit.commands.options import AsJson, Lessons, NoInstall
from workshop_kit.engine import reaper
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import Exit, WrongUsage
from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.paths import CHECKOUT, TOURS
from workshop_kit.reporting import Report
from workshop_kit.terminal import TerminalReport, answer
from workshop_kit.workspace import content
from workshop_kit.workspace.course import TRACKS, find_track, load_course
from workshop_kit.workspace.folder import Workspace

if TYPE_CHECKING:
    from workshop_dev.tour import LessonResult
    from workshop_room.desk.rehearsal import StepResult


def tour(
    lessons: Lessons = None,
    book: Annotated[bool, typer.Option("--book", help="Write chapters of changed lessons to docs/book/.")] = False,
    track: Annotated[
        str | None, typer.Option(help=f"Run what participants of a track see. One of: {', '.join(TRACKS)}.")
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Rehearse the demo.")] = False,
    no_install: NoInstall = False,
    as_json: AsJson = False,
) -> None:
    """Run the lessons headless and write them to build/tour/ as HTML."""
    if demo and (lessons or book or track is not None):
        raise WrongUsage("The demo is no lesson.", "Leave --demo away, or the lessons, the track and the book.")
    if demo:
        _rehearse_demo(may_install=not no_install, as_json=as_json)
        return
    if book and track is not None:
        raise WrongUsage("The book has the lessons whole.", "Leave --book away, or the track.")
    from workshop_dev.tour import find_lessons  # lazily: it brings nbconvert

    names = list(lessons or ())
    if track is not None and not names:
        names = list(load_course(CHECKOUT).names(find_track(track)))
    find_lessons(names, CHECKOUT / "notebooks")  # a wrong name is an error before anything starts

    results = _run_lessons(names, track, book=book, may_install=not no_install)
    _print_results(results, as_json=as_json)
    if any(result.error for result in results):
        raise typer.Exit(Exit.NOT_GOOD)


def _run_lessons(lessons: Sequence[str], track: str | None, *, book: bool, may_install: bool) -> list[LessonResult]:
    """Run lessons in a workspace and stack of their own, with a ``track`` only the sections that it has."""
    from workshop_dev.tour import Tour

    with _fresh_stack(TOURS, may_install=may_install) as (workspace, stack, report):
        service = ExerciseService.of(workspace, lambda: stack)
        lesson_tour = Tour(
            workspace,
            report,
            output=TOURS,
            book=content.BOOK if book else None,
            solutions=checkpoint.solved_cells(service),
            before_cell=checkpoint.SolvedFiles(service, catches_up=track is not None).before_cell,
            track=track or "full",
        )
        return lesson_tour.run(lessons)


def _rehearse_demo(*, may_install: bool, as_json: bool) -> None:
    """Rehearse the demo; exit 1 if something that it says is not seen."""
    from workshop_room.desk.controller import Controller
    from workshop_room.desk.demo import load_script
    from workshop_room.desk.presenter_api import PresenterApi
    from workshop_room.desk.rehearsal import rehearse

    script = load_script()
    with (
        _fresh_stack(TOURS / "demo", may_install=may_install) as (_, stack, report),
        closing(Controller(stack).open()) as controller,
    ):
        results = rehearse(script, PresenterApi(controller), report)
    _print_results(results, as_json=as_json, last_line=f"On stage: {script.minutes:g} minutes.")
    if any(result.problem for result in results):
        raise typer.Exit(Exit.NOT_GOOD)


def _print_results(results: Sequence[LessonResult | StepResult], *, as_json: bool, last_line: str = "") -> None:
    """Print the results as JSON, or as text with the last line below."""
    if as_json:
        objects = [asdict(result) for result in results]
        answer(json.dumps(objects, default=str))
        return

    lines = [str(result) for result in results]
    text = "\n".join([*lines, last_line])
    answer(text.rstrip())


@contextmanager
def _fresh_stack(folder: Path, *, may_install: bool) -> Iterator[tuple[Workspace, Stack, Report]]:
    """Yield a new workspace below ``folder`` with its stack, and remove what it made in the engine afterwards."""
    with provision.fresh_workspace(folder / "workspace") as workspace, TerminalReport() as report:
        stack = provision.make_ready(workspace, may_install=may_install, report=report)
        reaper.watch(stack.session, provision.REVERT_FAULTS, whole_workspace=provision.lock_path(workspace.folder))
        try:
            yield workspace, stack, report
        finally:
            provision.remove_everything(stack.session, {"kernel", "workspace"}, report)
        reaper.stop(stack.session)
