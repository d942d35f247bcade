"""The instructor's command: ``desk``."""

from __future__ import annotations

import contextlib
import signal
import time
from types import FrameType
from typing import Annotated

import typer

from workshop_kit import provision
from workshop_kit.commands.options import NoBrowser
from workshop_kit.terminal import TerminalReport, say
from workshop_kit.workspace.folder import own_workspace


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
    controller = Controller(provision.connected_stack(workspace))
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
