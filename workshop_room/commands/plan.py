"""``plan``: the timetable of a track, before set-up too, and in a package (standard library only)."""

from __future__ import annotations

import json
from collections.abc import Sequence

from workshop_kit.commands import COMMANDS
from workshop_kit.errors import Exit, WrongUsage
from workshop_kit.paths import CHECKOUT, LAUNCHER, PACKAGED
from workshop_kit.terminal import Parser, answer
from workshop_kit.workspace.course import TRACKS, load_course
from workshop_room.timetable import cuts
from workshop_room.timetable.plan import as_json, as_text, minutes_of, timetable


def main(arguments: Sequence[str]) -> int:
    """Print the timetable of a track. Raises WrongUsage."""
    root = CHECKOUT if LAUNCHER.is_file() else PACKAGED
    parser = Parser("plan", COMMANDS["plan"].summary)
    parser.add_argument("--track", default="full", metavar="NAME", help=f"One of: {', '.join(TRACKS)}. [full]")
    parser.add_argument("--start", default="09:30", metavar="HH:MM", help="When it begins. [09:30]")
    parser.add_argument("--now", metavar="HH:MM", help="Say what to cut from now on to end in time.")
    parser.add_argument("--at", default="", metavar="LESSON", help="With --now: the lesson that you begin now.")
    formats = parser.add_mutually_exclusive_group()
    formats.add_argument("--json", action="store_true", help="One JSON document on stdout, and nothing else there.")
    formats.add_argument("--markdown", action="store_true", help="Markdown on stdout, for a page or a mail.")
    options = parser.parse_args(arguments)

    blocks = timetable(load_course(root), options.track, options.start)
    if options.now or options.at:
        if not options.now:
            raise WrongUsage("--at names the lesson that begins now.", "Add --now with the time, as in 10:12.")
        answer(cuts.as_text(blocks, minutes_of(options.now), options.at))
    elif options.json:
        answer(json.dumps(as_json(options.track, blocks)))
    else:
        answer(as_text(options.track, blocks, markdown=options.markdown))
    return Exit.GOOD
