"""A timetable as text: its table, then the headings of each lesson to stop at or to skip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workshop_kit.display.rendered import table
from workshop_kit.workspace.course import ExerciseTime
from workshop_room.timetable import Block, clock

COLUMNS = ("Time", "Minutes", "What", "Exercises")
LEGEND = "8 + 4: minutes to do it, and to talk about it; both are part of the lesson's. Extra ones are optional."
TAKE_HOME = "To take home: the folder my_service/, and the page take-home.md, which w.take_home writes in 06_audit."


def _rows(blocks: Sequence[Block]) -> Iterator[tuple[str, str, str, str]]:
    """Yield the rows of the table: time, minutes, lesson, and exercises with their minutes."""
    has_days = blocks[-1].day > 1
    for block in blocks:
        day = f"day {block.day}, " if has_days else ""
        times = f"{day}{clock(block.start)}–{clock(block.end)}"
        title = f"{block.lesson}: {block.title}" if block.lesson else block.title
        yield times, str(block.minutes), title, _exercises_text(block)


def _exercises_text(block: Block) -> str:
    """Return the core exercises of a block with their minutes, and how many extra ones it has."""
    texts = [f"{exercise.id} {exercise.minutes} + {exercise.debrief_minutes}" for exercise in block.core]
    extra_count = len(block.exercises) - len(block.core)
    if extra_count:
        texts.append(f"{extra_count} extra")
    return ", ".join(texts)


def as_text(track: str, blocks: Sequence[Block]) -> str:
    """Return the table with a legend, and the headings to stop at and the exercises of each lesson."""
    lines = [str(table(_caption(track, blocks), COLUMNS, list(_rows(blocks))))]
    lines += ["", LEGEND, "", TAKE_HOME]

    for block in blocks:
        if block.lesson:
            lines += _lesson_lines(block)
        lines += [_exercise_line(exercise) for exercise in block.exercises]
    return "\n".join(lines)


def _caption(track: str, blocks: Sequence[Block]) -> str:
    """Return when the timetable begins, how long it is, and how much of it are lessons and breaks."""
    begin = clock(blocks[0].start)
    days = blocks[-1].day
    times = f"{days} days from {begin}" if days > 1 else f"{begin} to {clock(blocks[-1].end)}"

    minutes = sum(block.minutes for block in blocks)
    lesson_minutes = sum(block.minutes for block in blocks if block.kind == "lesson")
    break_minutes = sum(block.minutes for block in blocks if block.kind in {"break", "lunch"})
    return f"Track {track}, {times}: {minutes} minutes, {lesson_minutes} of them lessons, {break_minutes} breaks"


def _lesson_lines(block: Block) -> list[str]:
    """Return a heading for the notebook of a block, and the headings in it to stop at or to skip."""
    lines = ["", f"notebooks/{block.lesson}.ipynb ({block.telling_minutes} minutes for talk and experiments)", ""]
    for moment, heading in block.stops:
        catch_up = f", after a cell `w.catch_up({heading!r})`" if heading in block.jumps else ""
        lines.append(f"- {clock(moment)} {heading}{catch_up}")
    if block.skipped:
        lines.append(f"- skipped: {' · '.join(block.skipped)}")
    return lines


def _exercise_line(exercise: ExerciseTime) -> str:
    minutes = f"{exercise.minutes} + {exercise.debrief_minutes}"
    if exercise.weight != "core":
        minutes += ", extra"
    return f"- `{exercise.id}` {exercise.title} ({minutes})"
