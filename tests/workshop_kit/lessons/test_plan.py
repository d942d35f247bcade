"""The timetable: the lessons' minutes in order, with breaks and lunch."""

from __future__ import annotations

import itertools
import json

import pytest
from typer.testing import CliRunner

from workshop_kit.cli import app
from workshop_kit.errors import WrongUsage
from workshop_kit.lessons.plan import Breaks, clock, minutes_of, timetable
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import TRACKS, Course, load_course


@pytest.fixture(scope="module")
def course() -> Course:
    """The workshop's own lessons and tracks."""
    return load_course(CHECKOUT)


@pytest.mark.parametrize("track", TRACKS)
def test_every_minute_of_the_track_is_in_the_timetable(course: Course, track: str) -> None:
    """It begins at its start, block joins block, and the lessons have exactly their minutes, in their order."""
    blocks = timetable(course, track, "09:15").blocks
    assert clock(blocks[0].start) == "09:15"
    assert all(one.end == other.start for one, other in itertools.pairwise(blocks))
    assert [(block.lesson, block.minutes) for block in blocks if block.kind == "lesson"] == [
        (lesson.name, lesson.minutes[track]) for lesson in course.lessons if track in lesson.minutes
    ]


def test_a_whole_day_has_its_lunch_at_noon(course: Course) -> None:
    """On the full track the break nearest to a quarter past twelve is lunch; an evening has none."""
    (lunch,) = [block for block in timetable(course, "full", "09:30").blocks if block.kind == "lunch"]
    assert (lunch.minutes, abs(lunch.start - minutes_of("12:15")) <= 45) == (60, True)
    for track, start in (("full", "15:00"), ("half-day", "11:00")):
        assert not [block for block in timetable(course, track, start).blocks if block.kind == "lunch"]


@pytest.mark.parametrize("moment", ["25:00", "noon", "٠٩:٣٠"])
def test_an_invalid_time_is_refused(moment: str) -> None:
    """The sentence shows what was written and what to write."""
    with pytest.raises(WrongUsage, match="is no time of day"):
        minutes_of(moment)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--track", "week"], "There is no track 'week'. Choose from: 90min, half-day, full."),
        (["--start", "20:00"], "ends after midnight"),
        (["--break-minutes", "-5"], "cannot be that short"),
        (["--json", "--markdown"], "Choose one"),
    ],
)
def test_wrong_words_are_wrong_usage(words: list[str], sentence: str) -> None:
    """One sentence, and nothing on stdout."""
    said = CliRunner().invoke(app, ["plan", *words])
    assert isinstance(said.exception, WrongUsage)
    assert sentence in str(said.exception)
    assert said.stdout == ""


def test_table_markdown_and_json_say_the_same() -> None:
    """The same moments and lessons in all three; JSON is one document and nothing else."""
    words = ["plan", "--track", "half-day", "--start", "13:00"]
    text = CliRunner().invoke(app, words).stdout
    markdown = CliRunner().invoke(app, [*words, "--markdown"]).stdout
    data = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert (data["start"], data["lesson_minutes"]) == ("13:00", 150)
    for block in data["blocks"]:
        for shown in (text, markdown):
            (line,) = [line for line in shown.splitlines() if f"{block['start']}–{block['end']}" in line]
            assert block["title"] in line
        for exercise in block.get("exercises", ()):
            assert exercise["id"] in text
            assert exercise["title"] in markdown
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1
    assert len(rows) == len(data["blocks"]) + 2


@pytest.mark.parametrize("track", TRACKS)
@pytest.mark.parametrize("after", [30, 90])
def test_breaks_can_be_chosen(course: Course, track: str, after: int) -> None:
    """Between two lie at most so many minutes, or one lesson alone; none begins or ends the day. Or there are none."""
    blocks = timetable(course, track, "09:30", Breaks(after=after, length=20, lunch=0)).blocks
    assert blocks[0].kind == blocks[-1].kind == "lesson"
    for is_lesson, group in itertools.groupby(blocks, key=lambda block: block.kind == "lesson"):
        minutes = [block.minutes for block in group]
        assert sum(minutes) <= after or len(minutes) == 1 if is_lesson else minutes == [20]
    without = timetable(course, track, "09:30", Breaks(length=0))
    assert without.end - without.start == without.lesson_minutes == course.tracks[track].minutes
