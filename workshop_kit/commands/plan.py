"""``plan``: when which lesson is, from the content's minutes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from workshop_kit.errors import WrongUsage
from workshop_kit.learn.exercise import registry
from workshop_kit.learn.exercise.course import load_course
from workshop_kit.learn.exercise.registry import TRACKS
from workshop_kit.learn.plan import Pauses, as_json
from workshop_kit.learn.plan import plan as timetable
from workshop_kit.learn.plan_text import as_markdown, as_text
from workshop_kit.terminal import answer

ROOT = Path(__file__).resolve().parents[2]
USUAL = Pauses()


def plan(
    track: Annotated[str, typer.Option(help=f"One of: {', '.join(TRACKS)}.")] = "full",
    start: Annotated[str, typer.Option(help="When it begins, as in 09:30.")] = "09:30",
    break_after: Annotated[int, typer.Option(help="At most so many minutes of lessons without a break.")] = USUAL.after,
    break_minutes: Annotated[int, typer.Option(help="How long a break is; 0: none.")] = USUAL.length,
    lunch_minutes: Annotated[int, typer.Option(help="How long lunch is, on the track full; 0: none.")] = USUAL.lunch,
    data: Annotated[bool, typer.Option("--json", help="One JSON document on stdout, and nothing else there.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Markdown on stdout, for a page or a mail.")] = False,
) -> None:
    """Print the timetable of a track, with breaks."""
    if data and markdown:
        raise WrongUsage("--json and --markdown cannot both be had.", "Choose one.")
    pauses = Pauses(break_after, break_minutes, lunch_minutes)
    made = timetable(load_course(ROOT), registry.load(ROOT), track, start, pauses)
    answer(json.dumps(as_json(made)) if data else as_markdown(made) if markdown else as_text(made))
