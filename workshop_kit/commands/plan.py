"""``plan``: print the timetable of a track. It runs on a bare Python, so it parses its own words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from workshop_kit.bootstrap.command_table import COMMANDS
from workshop_kit.errors import Exit, WrongUsage
from workshop_kit.lessons.plan import as_json, as_text, timetable
from workshop_kit.paths import CHECKOUT
from workshop_kit.terminal import Parser, answer
from workshop_kit.workspace.course import TRACKS, load_course


def main(arguments: Sequence[str], root: Path = CHECKOUT) -> int:
    """Print the timetable of a track, with breaks; ``root`` has exercises.toml and the notebooks. Raises WrongUsage."""
    wanted = _parser().parse_args(arguments)
    if wanted.json and wanted.markdown:
        raise WrongUsage("--json and --markdown exclude each other.", "Choose one.")
    blocks = timetable(load_course(root), wanted.track, wanted.start)
    if wanted.json:
        answer(json.dumps(as_json(wanted.track, blocks)))
    else:
        answer(as_text(wanted.track, blocks, markdown=wanted.markdown))
    return Exit.GOOD


def _parser() -> Parser:
    parser = Parser("plan", COMMANDS["plan"].summary)
    parser.add_argument("--track", default="full", metavar="NAME", help=f"One of: {', '.join(TRACKS)}. [full]")
    parser.add_argument("--start", default="09:30", metavar="HH:MM", help="When it begins. [09:30]")
    parser.add_argument("--json", action="store_true", help="One JSON document on stdout, and nothing else there.")
    parser.add_argument("--markdown", action="store_true", help="Markdown on stdout, for a page or a mail.")
    return parser
