"""The instructor's commands: ``desk``, ``notes`` and ``handout``."""

from __future__ import annotations

import contextlib
import signal
import time
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from workshop_kit.commands import COMMANDS
from workshop_kit.commands.common import connected_stack
from workshop_kit.commands.options import Begin, Lessons, NoBrowser, Track
from workshop_kit.paths import CHECKOUT
from workshop_kit.terminal import TerminalReport, answer, say
from workshop_kit.workspace.course import TRACKS, find_lesson, lesson_names
from workshop_kit.workspace.folder import Workspace, own_workspace

NOTES = CHECKOUT / "build" / "notes"
HANDOUTS = CHECKOUT / "build" / "handout"


def desk(
    port: Annotated[int | None, typer.Option(help="The pages' port; left out, a free one is chosen.")] = None,
    no_browser: NoBrowser = False,
) -> None:
    """Serve both pages until Ctrl-C; then revert every fault and end the load."""
    from workshop_room.desk.controller import Controller  # lazily: slow imports
    from workshop_room.desk.presenter_api import PresenterApi
    from workshop_room.desk.server import InstructorServer, serving

    server = InstructorServer(port)  # a taken port is an error before anything starts
    workspace = own_workspace()
    controller = Controller(connected_stack(workspace))
    with TerminalReport() as report:
        controller.open(report)

    received = _collect_signals()
    desk = PresenterApi(controller)
    with contextlib.closing(controller), serving(desk, server, workspace.folder, open_pages=not no_browser):
        while not received:
            time.sleep(0.1)
    say("The desk is closed: no active fault, no load.")


def _collect_signals() -> list[int]:
    """Return a list to which each SIGINT, SIGTERM and SIGHUP is added from now on, instead of ending this process.

    So a second Ctrl-C does not end the clean-up. An Event would not do: the handler that sets it may wait for the
    thread that it interrupts.
    """
    received: list[int] = []

    def add_signal(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, add_signal)
    return received


def notes(
    lessons: Lessons = None,
    out: Annotated[Path, typer.Option(help="The folder of the pages.", show_default="build/notes")] = NOTES,
    track: Track = None,
    start: Begin = "",
) -> None:
    """Write a page for each lesson of a track and print where they are."""
    from workshop_room.pages.notes import load_page  # lazily: slow imports
    from workshop_room.timetable.track_times import TrackTimes

    notebooks = CHECKOUT / "notebooks"
    times = TrackTimes.of(CHECKOUT, track or own_workspace().track, start)
    if lessons:
        names = [find_lesson(name, notebooks) for name in lessons]
    else:
        names = [name for name in lesson_names(notebooks) if times.has_lesson(name)]

    pages = [load_page(name, CHECKOUT, times) for name in names]  # an error before anything is written
    answer("\n".join(str(page.write(out)) for page in pages))


def update_notebooks(workspace: Workspace) -> list[str]:
    """Bring the instructor's notebooks up to date, for ``start --instructor``; return sentences on what was done."""
    from workshop_room.pages import notes as pages  # lazily: slow imports

    return pages.update_notebooks(workspace).sentences()


def handout(
    track: Annotated[str, typer.Argument(help=f"One of: {', '.join(TRACKS)}.")] = "full",
    address: Annotated[str, typer.Option(help="The repository's address; left out, a line to write it on.")] = "",
    out: Annotated[Path, typer.Option(help="The folder of the pages.", show_default="build/handout")] = HANDOUTS,
) -> None:
    """Write the pages of a track, each for one sheet of paper, and print where they are."""
    from workshop_room.pages.handout import load_pages  # lazily: slow imports

    summaries = {name: command.summary for name, command in COMMANDS.items()}
    pages = load_pages(track, CHECKOUT, summaries, address)  # an error before anything is written
    answer("\n".join(str(page.write(out)) for page in pages))
