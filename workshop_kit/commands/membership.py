"""``join``: a participant's way into an instructor's live room, and out of it."""

from __future__ import annotations

from typing import Annotated

import typer

from workshop_kit.errors import WrongUsage
from workshop_kit.terminal import say
from workshop_kit.workspace.folder import own_workspace

FIRST_CELL = "In a notebook that is open, run the first cell again to see the room."


def join(
    code: Annotated[str, typer.Argument(help="The code on the room's screen: 7K2M-Q9FD-30XA.")] = "",
    name: Annotated[str, typer.Option(help="Your name, for the presenter alone; left out, you are a number.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Join without the question.")] = False,
    notebooks: Annotated[
        bool, typer.Option("--notebooks", help="With --yes: show the room in the notebooks that are open, too.")
    ] = False,
    leave: Annotated[bool, typer.Option("--leave", help="Leave the room: it forgets you.")] = False,
) -> None:
    """Say what leaves the laptop, ask, and join; or leave."""
    if not code and not leave:
        raise WrongUsage("The code is missing.", "Read it from the room's screen: ./workshop join CODE.")
    from workshop_kit.membership import membership, room_widget  # lazily: slow imports
    from workshop_kit.membership.disclosure import SUMMARY, disclosure
    from workshop_kit.membership.join_code import JoinCode

    workspace = own_workspace()
    if leave:
        has_answer = membership.leave(workspace)
        say(room_widget.LEFT if has_answer else room_widget.LEFT_WITHOUT_ANSWER)
        return

    room = JoinCode.read(code)
    for line in disclosure():
        say(line)
    if not yes:
        notebooks = typer.confirm("Join, with the notebooks that are open?", default=False, err=True)
        if not notebooks:
            say("Nothing was sent.")
            return

    state = membership.join(workspace, room, name, notebooks=notebooks)
    next_step = "Notebooks that are open show the room in a moment." if notebooks else FIRST_CELL
    say(f"Joined: you are table {state.number}. {next_step}")
    if state.keeps_summary:
        say(SUMMARY)
