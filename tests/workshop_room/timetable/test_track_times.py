"""When a cell comes on a track: within its section, in minutes of the lesson or as a time of day."""

from __future__ import annotations

import itertools

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import TRACKS
from workshop_room.pages import notes
from workshop_room.timetable.plan import minutes_of
from workshop_room.timetable.track_times import TrackTimes

NOTEBOOKS = CHECKOUT / "notebooks"
ON_TRACK = [(track, lesson) for track in TRACKS for lesson in TrackTimes.of(CHECKOUT, track).course.names(track)]


@pytest.mark.parametrize(("track", "lesson"), ON_TRACK)
@pytest.mark.parametrize("start", ["", "08:00"], ids=["minutes", "times of day"])
def test_each_note_comes_within_its_section(track: str, lesson: str, start: str) -> None:
    """They are in order and within the lesson's minutes; with a start they lie in its blocks of the timetable."""
    times = TrackTimes.of(CHECKOUT, track, start)
    track_notes = notes.on_track(lesson, notes.load(lesson, NOTEBOOKS), times)
    minutes = [minutes_of(note.minute) for note in track_notes if note.minute]
    assert minutes
    assert minutes == sorted(minutes)
    if start:
        blocks = [block for block in times.blocks if block.lesson == lesson]
        for minute in minutes:
            assert any(block.start <= minute < block.end for block in blocks)
    else:
        assert 0 <= minutes[0] <= minutes[-1] < times.minutes(lesson)


def test_the_parts_of_a_day_follow_each_other() -> None:
    """From the welcome to the end of the timetable, without a gap; none where no start is known."""
    times = TrackTimes.of(CHECKOUT, "half-day", "09:30")
    day = list(times.planned())
    assert (day[0].start, day[-1].end) == (minutes_of("09:30"), times.blocks[-1].end)
    assert all(block.end == next_block.start for block, next_block in itertools.pairwise(day))
    assert {block.lesson for block in day} >= set(times.course.names("half-day"))
    assert list(TrackTimes.of(CHECKOUT, "half-day").planned()) == []


def test_what_a_track_skips_has_no_time() -> None:
    """A skipped section has none; a lesson that is not on the track keeps all of its own."""
    full = TrackTimes.of(CHECKOUT)
    short = TrackTimes.of(CHECKOUT, "90min", "08:00")
    [*parts] = short.course.sections["03_logging"]
    skipped = next(part for part in parts if "90min" not in part.minutes)
    assert skipped.heading in short.skipped("03_logging")
    assert not short.has_cell("03_logging", skipped.cells[0])
    assert short.time("03_logging", skipped.cells[0], 20) == ""
    assert full.has_cell("03_logging", skipped.cells[0])
    skipped_lesson = next(lesson for lesson in full.course.names("full") if not short.has_lesson(lesson))
    assert short.has_cell(skipped_lesson, "title")
    assert short.time(skipped_lesson, "title", 7) == "0:07"


@pytest.mark.parametrize(("track", "start"), [("two-days", "09:00"), ("full", "25:00")])
def test_a_wrong_track_or_time_is_said_at_once(track: str, start: str) -> None:
    """Before anything is made."""
    with pytest.raises(WrongUsage):
        TrackTimes.of(CHECKOUT, track, start)
