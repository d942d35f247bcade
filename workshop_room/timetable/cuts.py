"""What to cut from a timetable to end in time. It needs no package.

The buffer goes first. Then exercises: people see the solution, and talk about it as planned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workshop_kit.errors import WrongUsage
from workshop_kit.workspace.course import ExerciseTime, resolve
from workshop_room.timetable.plan import GAME_DAY, Block, clock


@dataclass(frozen=True)
class Cut:
    """Something to leave out, and the minutes that it saves."""

    text: str
    minutes: int


def as_text(blocks: Sequence[Block], now: int, at: str = "") -> str:
    """Return what to cut from the timetable at the time ``now``.

    ``at`` is the lesson that begins now, by its name or a part of it. Without it, the text says where the room should
    be on the first day that has a plan for that time, and how many minutes each cut saves. Raises WrongUsage for a
    lesson that the track does not have, and, without a lesson, for a time at which nothing is planned.
    """
    if not at:
        return _text_without_lesson(blocks, now)

    names = list(dict.fromkeys(block.lesson for block in blocks if block.lesson))
    lesson = resolve("lesson", at, names, "_", f"Choose from: {', '.join(names)}.")
    position = [block.lesson for block in blocks].index(lesson)
    planned_start = blocks[position].start
    minutes_late = now - planned_start
    if minutes_late <= 0:
        return f"{lesson} was planned for {clock(planned_start)}: you are in time. Cut nothing."

    lines = [f"{lesson} was planned for {clock(planned_start)}: you are {_minutes_text(minutes_late)} late."]
    lines += _lines_when_late(blocks[position:], minutes_late)
    return "\n".join(lines)


def _lines_when_late(remaining_blocks: Sequence[Block], minutes_late: int) -> list[str]:
    """Return a line for each cut that is needed to end the day of the first block in time."""
    day = remaining_blocks[0].day
    lines = [f"To end at {clock(_end_of_day(remaining_blocks, day))}, leave out:"]
    saved_minutes = 0
    for cut in possible_cuts(remaining_blocks, day):
        if saved_minutes >= minutes_late:
            break
        saved_minutes += cut.minutes
        lines.append(f"- {cut.text} ({_minutes_text(cut.minutes)})")

    if saved_minutes < minutes_late:
        lines.append(f"With all of that you end {_minutes_text(minutes_late - saved_minutes)} late.")
    return lines


def possible_cuts(blocks: Sequence[Block], day: int) -> list[Cut]:
    """Return what can be cut from the blocks of a day: the buffer, then visits, then exercises, the longest first.

    The exercise of game day comes last: without it, that lesson has no content.
    """
    today = [block for block in blocks if block.day == day]
    cuts = [Cut("the buffer", block.minutes) for block in today if block.kind == "buffer"]
    for block in today:
        if block.kind == "visit":
            text = block.title[:1].lower() + block.title[1:]
            cuts.append(Cut(text, block.minutes))

    exercises = [exercise for block in today for exercise in block.core]
    exercises.sort(key=_exercise_sort_key)
    for exercise in exercises:
        text = f"{exercise.id}: show `./workshop solution {exercise.id} --anyway`, and keep the debrief"
        cuts.append(Cut(text, exercise.minutes))
    return cuts


def _exercise_sort_key(exercise: ExerciseTime) -> tuple[bool, int]:
    """Return a key that sorts the longest exercises first, and those of game day last."""
    return exercise.lesson == GAME_DAY, -exercise.minutes


def _text_without_lesson(blocks: Sequence[Block], now: int) -> str:
    """Return where the room should be now, and what can be cut after that, with the minutes saved up to each cut."""
    blocks_now = [block for block in blocks if block.start <= now < block.end]  # at most one of each day
    if not blocks_now:
        raise WrongUsage(f"Nothing is planned at {clock(now)}.", "Name the time with --start at which you began.")

    current, *blocks_of_later_days = blocks_now
    position = blocks.index(current)
    headings = [heading for time, heading in current.stops if time <= now]
    place = current.title
    if headings:
        place = f"{current.lesson}, {headings[-1]}"

    lines = [f"By the plan, at {clock(now)} you are here: {place}."]
    if blocks_of_later_days:
        lines.append(f"This is the plan of day {current.day}; for a later day, add --at with a lesson of that day.")
    lines.append("Add --at with the lesson that you begin now. This can be left out, in this order, if you are late:")

    saved_minutes = 0
    for cut in possible_cuts(blocks[position:], current.day):
        saved_minutes += cut.minutes
        lines.append(f"- by up to {_minutes_text(saved_minutes)}: {cut.text}")
    return "\n".join(lines)


def _end_of_day(blocks: Sequence[Block], day: int) -> int:
    return max(block.end for block in blocks if block.day == day)


def _minutes_text(number: int) -> str:
    plural = "" if number == 1 else "s"
    return f"{number} minute{plural}"
