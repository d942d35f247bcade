"""The course: its minutes add up, leave time to talk, and become a timetable with breaks and lunch."""

from __future__ import annotations

import itertools
import json

import pytest

from workshop_kit.bootstrap.__main__ import plan
from workshop_kit.lessons.plan import clock, minutes_of, timetable
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import TRACKS, ExerciseTime, LessonTime, load_course, notebook_cells

COURSE = load_course(CHECKOUT)
MOST_CELLS = {"04_monitoring": 80}
"""What fits into the minutes of the longest lesson."""
CORE = [exercise for exercise in COURSE.exercises if exercise.weight == "core"]


@pytest.mark.parametrize("track", TRACKS)
def test_a_track_has_the_minutes_of_its_lessons(track: str) -> None:
    """The lessons' minutes add up, and the core exercises are no more than the track may ask for."""
    most = COURSE.tracks[track].exercises
    assert sum(lesson.minutes.get(track, 0) for lesson in COURSE.lessons) == COURSE.tracks[track].minutes
    assert most is None or sum(track in exercise.tracks for exercise in CORE) <= most


@pytest.mark.parametrize("lesson", COURSE.lessons, ids=lambda lesson: lesson.name)
def test_exercises_take_two_thirds_of_a_lesson_at_most(lesson: LessonTime) -> None:
    """A third of a lesson stays for telling and experiments, on each track; one to four exercises are core."""
    own: list[ExerciseTime] = [exercise for exercise in CORE if exercise.lesson == lesson.name]
    for track in COURSE.tracks:
        needed = sum(exercise.all_minutes for exercise in own if track in exercise.tracks)
        assert needed <= lesson.minutes.get(track, 0) * 2 / 3, track
    assert 1 <= len(own) <= 4 or lesson.name not in {exercise.lesson for exercise in COURSE.exercises}


@pytest.mark.parametrize("track", TRACKS)
@pytest.mark.parametrize("lesson", COURSE.lessons, ids=lambda lesson: lesson.name)
def test_the_sections_of_a_track_fit_its_lesson(lesson: LessonTime, track: str) -> None:
    """Their minutes add up to the lesson's; none takes longer than on the full track. Each has a heading to stop at.

    What a track has of a lesson that is none of its own is a part of its wrap-up.
    """
    parts = COURSE.sections[lesson.name]
    needed = sum(part.minutes.get(track, 0) for part in parts)
    assert needed == lesson.minutes[track] if track in lesson.minutes else needed <= COURSE.tracks[track].wrap_up
    assert [part for part in parts if not part.heading or part.minutes.get(track, 0) > part.minutes["full"]] == []


@pytest.mark.parametrize("lesson", MOST_CELLS)
def test_a_long_lesson_has_few_cells(lesson: str) -> None:
    """Reading and running take time, too: a new cell replaces another one."""
    assert len(notebook_cells(CHECKOUT / "notebooks" / f"{lesson}.ipynb")) <= MOST_CELLS[lesson]


@pytest.mark.parametrize("track", TRACKS)
def test_an_exercise_of_a_track_has_its_section(track: str) -> None:
    """Its cell is in a section of the track, which has its minutes; the cell of any other exercise is skipped."""
    for exercise in COURSE.exercises:
        homes = [part for part in COURSE.sections[exercise.lesson] if exercise.cell in part.cells]
        assert [track in part.minutes for part in homes] == [track in exercise.tracks for _ in homes], exercise.id
        if exercise.weight == "core":
            assert len(homes) == 1, exercise.id
            assert track not in exercise.tracks or homes[0].minutes[track] >= exercise.all_minutes, exercise.id


@pytest.mark.parametrize("track", TRACKS)
def test_every_minute_of_the_track_is_in_the_timetable(track: str) -> None:
    """It ends when the track says, block joins block, and the lessons have exactly their minutes, in their order.

    Around them stand the welcome, the demo after the first lesson, breaks, a buffer and the wrap-up.
    """
    made = timetable(COURSE, track, "09:15")
    assert clock(made[0].start) == "09:15"
    assert made[-1].end - made[0].start == COURSE.tracks[track].total
    assert all(one.end == other.start for one, other in itertools.pairwise(made))
    lessons = [block for block in made if block.kind == "lesson"]
    minutes = {lesson.name: lesson.minutes[track] for lesson in COURSE.lessons if track in lesson.minutes}
    assert [name for name, _ in itertools.groupby(block.lesson for block in lessons)] == list(minutes)
    for name, planned in minutes.items():
        assert sum(block.minutes for block in lessons if block.lesson == name) == planned
    kinds = [block.kind for block in made]
    assert kinds[:3] == ["welcome", "lesson", "demo"]
    assert kinds[-2:] == ["buffer", "wrap-up"]
    assert "break" in kinds


@pytest.mark.parametrize("track", TRACKS)
def test_each_lesson_says_where_to_stop(track: str) -> None:
    """The headings of the sections that the track has, each at its time, also of the page that people take home."""
    blocks = [block for block in timetable(COURSE, track, "09:15") if block.lesson]
    assert list(dict.fromkeys(block.lesson for block in blocks)) == list(COURSE.names(track))
    for block in blocks:
        times = [time for time, _ in block.stops]
        assert times[0] == block.start
        assert times == sorted(set(times))
        assert times[-1] < block.end
    stops = {heading for block in blocks for _, heading in block.stops}
    assert stops == {part.heading for parts in COURSE.sections.values() for part in parts if track in part.minutes}
    assert "To take home" in stops


def test_a_whole_day_has_its_lunch_at_noon() -> None:
    """On the full track the break nearest to a quarter past twelve is lunch."""
    (lunch,) = [block for block in timetable(COURSE, "full", "09:30") if block.kind == "lunch"]
    assert (lunch.minutes, abs(lunch.start - minutes_of("12:15")) <= 45) == (60, True)


def test_table_markdown_and_json_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """The same moments and lessons in all three; JSON is one document and nothing else."""
    said = []
    for more in ([], ["--markdown"], ["--json"]):
        plan(["--track", "half-day", "--start", "13:00", *more])
        said.append(capsys.readouterr().out)
    text, markdown, document = said
    data = json.loads(document)
    assert (data["start"], data["end"], data["minutes"], data["lesson_minutes"]) == ("13:00", "16:30", 210, 150)
    for block in data["blocks"]:
        for shown in (text, markdown):
            (line,) = [line for line in shown.splitlines() if f"{block['start']}–{block['end']}" in line]
            assert block["title"] in line


@pytest.mark.parametrize("track", ["full", "half-day"])
def test_breaks_come_in_time(track: str) -> None:
    """Between two lie at most as many minutes as the track says, or one part of a lesson alone."""
    blocks, pauses = timetable(COURSE, track, "09:30"), {"break", "lunch"}
    work = [block for block in blocks if block.kind in {"lesson", "demo", *pauses}]
    assert work[-1].kind not in pauses
    for is_pause, group in itertools.groupby(work, key=lambda block: block.kind in pauses):
        minutes = [block.minutes for block in group]
        assert len(minutes) == 1 or (not is_pause and sum(minutes) <= COURSE.tracks[track].break_after)
