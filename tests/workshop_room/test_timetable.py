"""The course: its minutes leave time to talk, and become a timetable with breaks and lunch."""

from __future__ import annotations

import itertools

import pytest

from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import TRACKS, CourseLesson, ExerciseTime, Section, load_course, notebook_cells
from workshop_room.commands.plan import main as plan
from workshop_room.timetable import clock, minutes_of, timetable

COURSE = load_course(CHECKOUT)
SECONDS_PER_CELL = 30
WITHOUT_TALK = {"setup", "map", "tidy", "board"}
"""The code cells that need no explanation."""


def core_exercises(lesson: str, track: str) -> list[ExerciseTime]:
    """Return the exercises of a lesson that every participant of a track does."""
    return [exercise for exercise in COURSE.exercises_of(lesson, track) if exercise.weight == "core"]


@pytest.mark.parametrize("lesson", COURSE.lessons, ids=lambda lesson: lesson.name)
def test_exercises_take_two_thirds_of_a_lesson_at_most(lesson: CourseLesson) -> None:
    """A third of a lesson stays for telling and experiments, on each track; one to four exercises are core."""
    for track in COURSE.tracks:
        needed = sum(exercise.all_minutes for exercise in core_exercises(lesson.name, track))
        assert needed <= COURSE.minutes(lesson.name, track) * 2 / 3, track
    own = core_exercises(lesson.name, "full")
    assert 1 <= len(own) <= 4 or lesson.name not in {exercise.lesson for exercise in COURSE.exercises}


@pytest.mark.parametrize("lesson", COURSE.notebooks)
def test_each_cell_is_in_a_section(lesson: str) -> None:
    """Each section has a heading to stop at, and takes no longer on another track than on the full one."""
    parts = COURSE.sections[lesson]
    cells = notebook_cells(CHECKOUT / "notebooks" / f"{lesson}.ipynb")
    assert [cell for part in parts for cell in part.cells] == [cell["id"] for cell in cells]
    assert [part for part in parts if not part.heading] == []
    own_track = COURSE.notebooks[lesson].track or "full"
    assert [part for part in parts if max(part.minutes.values()) > part.minutes[own_track]] == []
    assert {track for part in parts for track in part.minutes} <= set(TRACKS)


@pytest.mark.parametrize("lesson", ["00_start", "01_container", "01b_orders", "02_configuration", "02b_dependencies"])
def test_a_lesson_is_one_sitting(lesson: str) -> None:
    """A first-time learner needs no more than 90 minutes."""
    assert COURSE.minutes(lesson, "full") <= 90


def cells_with_talk(lesson: str, part: Section, track: str) -> list[str]:
    """Return the code cells (ids) that a track has of a section, up to its exercise, whose minutes are its own."""
    kept = set(part.cells) - WITHOUT_TALK
    cell_ids = []
    for cell in notebook_cells(CHECKOUT / "notebooks" / f"{lesson}.ipynb"):
        if cell["id"] not in kept or cell["cell_type"] != "code":
            continue
        if "w.exercise(" in cell["source"]:
            break
        cell_ids.append(cell["id"])
    return cell_ids


@pytest.mark.parametrize("track", ["90min", "half-day"])
def test_a_short_track_has_time_to_talk_about_each_cell(track: str) -> None:
    """Its sections have half a minute for each cell that people run, beside the minutes of their exercises."""
    hurried = []
    for lesson in COURSE.names(track):
        for part in COURSE.sections[lesson]:
            if track not in part.minutes:
                continue
            own = [exercise for exercise in core_exercises(lesson, track) if exercise.cell in part.cells]
            minutes = part.minutes[track] - sum(exercise.all_minutes for exercise in own)
            cells = cells_with_talk(lesson, part, track)
            if 60 * minutes < SECONDS_PER_CELL * len(cells):
                hurried.append((lesson, part.heading, minutes, cells))
    assert hurried == []


@pytest.mark.parametrize("track", TRACKS)
def test_a_core_exercise_of_a_track_has_its_minutes(track: str) -> None:
    """They are among those of the section that has its cell."""
    for lesson in COURSE.names(track):
        for exercise in core_exercises(lesson, track):
            [home] = [part for part in COURSE.sections[lesson] if exercise.cell in part.cells]
            assert home.minutes[track] >= exercise.all_minutes, exercise.id


@pytest.mark.parametrize("track", TRACKS)
def test_every_minute_of_the_track_is_in_the_timetable(track: str) -> None:
    """Block joins block, and the lessons have exactly their minutes, in their order.

    Around them stand the welcome, the demo after the first lesson, breaks, a buffer and the wrap-up; in ninety minutes
    there is no time for a demo and a break.
    """
    blocks = timetable(COURSE, track, "09:15")
    for _, group in itertools.groupby(blocks, key=lambda block: block.day):
        day = list(group)
        assert clock(day[0].start) == "09:15"
        assert all(block.end == next_block.start for block, next_block in itertools.pairwise(day))
    lessons = [block for block in blocks if block.kind == "lesson"]
    in_order = itertools.groupby(block.lesson for block in lessons)
    assert [name for name, _ in in_order] == list(COURSE.names(track))
    for name in COURSE.names(track):
        assert sum(block.minutes for block in lessons if block.lesson == name) == COURSE.minutes(name, track)
    kinds = [block.kind for block in blocks]
    is_short = track == "90min"
    assert kinds[:3] == ["welcome", "lesson", "buffer" if is_short else "demo"]
    assert kinds[-2:] == ["buffer", "wrap-up"]
    assert ("break" in kinds) is not is_short


def test_a_day_is_no_longer_than_eight_hours() -> None:
    """With its breaks; and each day of two, too."""
    for track in ("day", "full"):
        days = itertools.groupby(timetable(COURSE, track, "09:00"), key=lambda block: block.day)
        for _, group in days:
            assert sum(block.minutes for block in group) <= 8 * 60


@pytest.mark.parametrize("track", TRACKS)
def test_each_lesson_says_where_to_stop(track: str) -> None:
    """The headings of the sections that the track has, each at its time, also of the page that people take home."""
    blocks = [block for block in timetable(COURSE, track, "09:15") if block.lesson]
    for block in blocks:
        times = [time for time, _ in block.stops]
        assert times[0] == block.start
        assert times == sorted(set(times))
        assert times[-1] < block.end
    stops = {heading for block in blocks for _, heading in block.stops}
    all_parts = [part for lesson in COURSE.names(track) for part in COURSE.sections[lesson]]
    assert stops == {part.heading for part in all_parts if track in part.minutes}
    assert stops & {"To take home", "To keep"}


def test_a_whole_day_has_its_lunch_at_noon() -> None:
    """The break nearest to a quarter past twelve is lunch, on each day."""
    for track, days in (("day", [1]), ("full", [1, 2])):
        lunches = [block for block in timetable(COURSE, track, "09:30") if block.kind == "lunch"]
        assert [lunch.day for lunch in lunches] == days
        for lunch in lunches:
            assert (lunch.minutes, abs(lunch.start - minutes_of("12:15")) <= 45) == (60, True)


def test_the_table_has_every_block(capsys: pytest.CaptureFixture[str]) -> None:
    """The caption has the sums; each block is a row with its times and its title."""
    plan(["--track", "half-day", "--start", "13:00"])
    text = capsys.readouterr().out
    assert "Track half-day, 13:00 to 17:00: 240 minutes" in text
    for block in timetable(COURSE, "half-day", "13:00"):
        (line,) = [line for line in text.splitlines() if f"{clock(block.start)}–{clock(block.end)}" in line]
        assert block.title in line


@pytest.mark.parametrize("track", ["full", "day", "half-day"])
def test_breaks_come_in_time(track: str) -> None:
    """Between two lie at most as many minutes as the track says, or one part of a lesson alone."""
    blocks = timetable(COURSE, track, "09:30")
    pauses = {"break", "lunch"}
    work = [block for block in blocks if block.kind in {"lesson", "demo", "visit", *pauses}]
    assert work[-1].kind not in pauses
    for (_, is_pause), group in itertools.groupby(work, key=lambda block: (block.day, block.kind in pauses)):
        minutes = [block.minutes for block in group]
        assert len(minutes) == 1 or (not is_pause and sum(minutes) <= COURSE.tracks[track].break_after)
