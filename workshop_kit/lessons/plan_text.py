"""The timetable as people read it: a table at the terminal, and Markdown for a page or a mail."""

from __future__ import annotations

from collections.abc import Iterator

from workshop_kit.display.tables import table
from workshop_kit.lessons.plan import Block, Plan, clock, rows

COLUMNS = ("Time", "Minutes", "What", "Exercises")


def as_text(made: Plan) -> str:
    """Return the timetable as aligned lines, with what its numbers mean below."""
    return f"{table(_caption(made), COLUMNS, list(rows(made)))}\n{_legend(made)}"


def as_markdown(made: Plan) -> str:
    """Return the timetable as Markdown: the table, then the exercises by name."""
    lines = [f"## {_caption(made)}", "", _row(COLUMNS), _row(["---", "---:", "---", "---"])]
    lines += [_row(row) for row in rows(made)]
    lines += ["", _legend(made)]
    for block in made.blocks:
        if block.exercises:
            lines += ["", f"**{block.lesson}** ({block.telling_minutes} minutes for telling and experiments)", ""]
            lines += list(_exercise_lines(block))
    return "\n".join(lines)


def _caption(made: Plan) -> str:
    pauses = made.end - made.start - made.lesson_minutes
    return (
        f"Track {made.track}, {clock(made.start)} to {clock(made.end)}: "
        f"{made.lesson_minutes} minutes of lessons, {pauses} of breaks"
    )


def _legend(made: Plan) -> str:
    if not any(block.exercises for block in made.blocks):
        return "The minutes come from exercises/exercises.toml."
    return "8 + 4: minutes to do it, and to talk about it; both are part of the lesson's. Extra ones are for the quick."


def _exercise_lines(block: Block) -> Iterator[str]:
    for exercise in block.exercises:
        aside = "" if exercise.weight == "core" else ", extra"
        yield f"- `{exercise.id}` {exercise.title} ({exercise.minutes} + {exercise.debrief_minutes}{aside})"


def _row(cells: tuple[str, ...] | list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
