"""The timetable: the lessons' minutes in order, with breaks and lunch."""

from __future__ import annotations

import itertools
import json

import pytest

from workshop_kit.bootstrap.__main__ import plan
from workshop_kit.lessons.plan import clock, minutes_of, timetable
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import TRACKS, Course, load_course


@pytest.fixture(scope="module")
def course() -> Course:
    """The workshop's own lessons and tracks."""
    return load_course(CHECKOUT)


@pytest.mark.parametrize("track", TRACKS)
def test_every_minute_of_the_track_is_in_the_timetable(course: Course, track: str) -> None:
    """It ends when the track says, block joins block, and the lessons have exactly their minutes, in their order.

    Around them stand the welcome, the demo after the first lesson, breaks, a buffer and the wrap-up.
    """
    made = timetable(course, track, "09:15")
    assert clock(made[0].start) == "09:15"
    assert made[-1].end - made[0].start == course.tracks[track].total
    assert all(one.end == other.start for one, other in itertools.pairwise(made))
    lessons = [block for block in made if block.kind == "lesson"]
    minutes = {lesson.name: lesson.minutes[track] for lesson in course.lessons if track in lesson.minutes}
    assert [name for name, _ in itertools.groupby(block.lesson for block in lessons)] == list(minutes)
    for name, planned in minutes.items():
        assert sum(block.minutes for block in lessons if block.lesson == name) == planned
    kinds = [block.kind for block in made]
    assert kinds[:3] == ["welcome", "lesson", "demo"]
    assert kinds[-2:] == ["buffer", "wrap-up"]
    assert "break" in kinds


@pytest.mark.parametrize("track", TRACKS)
def test_each_lesson_says_where_to_stop(course: Course, track: str) -> None:
    """The headings of the sections that the track has, each at its time, also of the page that people take home."""
    blocks = [block for block in timetable(course, track, "09:15") if block.lesson]
    assert list(dict.fromkeys(block.lesson for block in blocks)) == list(course.names(track))
    for block in blocks:
        times = [time for time, _ in block.stops]
        assert times[0] == block.start
        assert times == sorted(set(times))
        assert times[-1] < block.end
    stops = {heading for block in blocks for _, heading in block.stops}
    assert stops == {part.heading for parts in course.sections.values() for part in parts if track in part.minutes}
    assert "To take home" in stops


def test_a_whole_day_has_its_lunch_at_noon(course: Course) -> None:
    """On the full track the break nearest to a quarter past twelve is lunch."""
    (lunch,) = [block for block in timetable(course, "full", "09:30") if block.kind == "lunch"]
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
def test_breaks_come_in_time(course: Course, track: str) -> None:
    """Between two lie at most as many minutes as the track says, or one part of a lesson alone."""
    blocks, pauses = timetable(course, track, "09:30"), {"break", "lunch"}
    work = [block for block in blocks if block.kind in {"lesson", "demo", *pauses}]
    assert work[-1].kind not in pauses
    for is_pause, group in itertools.groupby(work, key=lambda block: block.kind in pauses):
        minutes = [block.minutes for block in group]
        assert len(minutes) == 1 or (not is_pause and sum(minutes) <= course.tracks[track].break_after)
