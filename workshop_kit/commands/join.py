"""``join``: take part in an instructor's live room, or leave it."""

from __future__ import annotations

from typing import Annotated

import typer

from workshop_kit.commands.common import open_workspace
from workshop_kit.errors import WrongUsage
from workshop_kit.terminal import say


def join(
    code: Annotated[str, typer.Argument(help="The code on the room's screen: 7K2M-Q9FD-30XA.")] = "",
    name: Annotated[str, typer.Option(help="Your name, for the presenter alone; left out, you are a number.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Join without the question.")] = False,
    leave: Annotated[bool, typer.Option("--leave", help="Leave the room: it forgets you.")] = False,
) -> None:
    """Say what leaves the laptop, ask, and join; or leave."""
    if not code and not leave:
        raise WrongUsage("The code is missing.", "Read it from the room's screen: ./workshop join CODE.")
    from workshop_kit.classroom import membership, room_widget  # lazily: slow imports
    from workshop_kit.classroom.join_code import JoinCode
    from workshop_kit.classroom.snapshot import disclosure

    workspace = open_workspace()
    if leave:
        say(room_widget.TOLD if membership.leave(workspace) else room_widget.UNTOLD)
        return
    room = JoinCode.read(code)
    for line in disclosure():
        say(line)
    if not yes and not typer.confirm("Join?", default=True, err=True):
        say("Nothing was sent.")
        return
    state = membership.join(workspace, room, name)
    say(f"Joined: you are table {state.number}. In an open notebook, run the first cell again to see the notices.")
