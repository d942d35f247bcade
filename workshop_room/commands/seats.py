"""The command for rooms: ``seat``."""

from __future__ import annotations

from typing import Annotated

import typer

from workshop_kit import provision
from workshop_kit.commands.options import NoInstall
from workshop_kit.terminal import TerminalReport, answer
from workshop_kit.workspace.folder import own_workspace
from workshop_room import seat_server


def seat(
    build: Annotated[bool, typer.Option("--build", help="Build the image of a seat, and print its name.")] = False,
    no_install: NoInstall = False,
) -> None:
    """Run the server of one seat, as a JupyterHub does; or build the image that seats run in."""
    if build:
        answer(_build_image(may_install=not no_install))
        return
    seat_server.require_hub()
    seat_server.serve(own_workspace())


def _build_image(*, may_install: bool) -> str:
    """Make the workspace ready, then build the image of a seat and return its tag."""
    with TerminalReport() as report:
        stack = provision.make_ready(own_workspace(), may_install=may_install, report=report)
        return seat_server.build(stack.session, report)
