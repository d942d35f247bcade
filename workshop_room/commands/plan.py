"""``plan``: the timetable of a track, before set-up too (standard library only)."""

from __future__ import annotations

from collections.abc import Sequence

from workshop_kit.commands import COMMANDS
from workshop_kit.errors import Exit
from workshop_kit.paths import CHECKOUT
from workshop_kit.terminal import Parser, answer
from workshop_kit.workspace.course import TRACKS, load_course
from workshop_room.timetable import timetable
from workshop_room.timetable_text import as_text


def main(arguments: Sequence[str]) -> int:
    """Print the timetable of a track. Raises WrongUsage."""
    parser = Parser("plan", COMMANDS["plan"].summary)
    parser.add_argument("--track", default="full", metavar="NAME", help=f"One of: {', '.join(TRACKS)}. [full]")
    parser.add_argument("--start", default="09:30", metavar="HH:MM", help="When it begins. [09:30]")
    options = parser.parse_args(arguments)

    blocks = timetable(load_course(CHECKOUT), options.track, options.start)
    answer(as_text(options.track, blocks))
    return Exit.GOOD
