"""What stays of a session: counts and minutes alone, a summary only where the room was told, no group below three."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from workshop_kit.errors import NotReady
from workshop_kit.membership.join_code import JoinCode
from workshop_kit.membership.protocol import GuessReport, Repair, Snapshot
from workshop_kit.observe import http
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import load_course
from workshop_kit.workspace.folder import Workspace
from workshop_room.desk.audience import Audience
from workshop_room.desk.questionnaires import load_questions
from workshop_room.desk.room_api import RoomApi
from workshop_room.desk.room_server import open_room
from workshop_room.desk.server import InstructorServer, serving
from workshop_room.desk.session_record import FEEDBACK, NOT_TOLD, PLAN, SUMMARY, SessionRecord
from workshop_room.timetable.track_times import TrackTimes

BEGAN = datetime(2026, 5, 1, 9, 30, 7)
ENDED = datetime(2026, 5, 1, 13, 5)
NAME = "Ada Lovelace"
PREDICTION = "00_start.database-gone"
RARE = "01_container.memory-limit"
FIRST = next(iter(load_questions().learning))


@pytest.fixture
def room() -> RoomApi:
    """A room of five: what they did differs, and some of it only one did."""
    api = RoomApi(JoinCode("127.0.0.1", 28_100, 1), Audience(), CHECKOUT)
    right = load_questions().learning[FIRST].right
    for number in range(1, 6):
        guesses = {
            PREDICTION: GuessReport(choice="both" if number < 3 else "order", outcome="order"),
            f"after.{FIRST}": GuessReport(choice=right),
        }
        if number == 1:
            guesses[RARE] = GuessReport(choice="swap")
        snapshot = Snapshot(
            participant=f"{0xABCDEF00 + number:032x}",
            sequence=number,
            name=NAME,
            lesson="02_configuration",
            guesses=guesses,
            passed={"config.env": 6 + number, "container.limits": 0} if number < 5 else {},
            help="stuck" if number < 4 else "none",
            help_clicks=1 if number < 4 else 0,
            repairs={"monday": Repair(seconds=70 + number, sign="logs")} if number < 4 else {},
        )
        api.classroom.report(snapshot, "192.0.2.7")
    return api


def written(room: RoomApi, folder: Path) -> dict[str, str]:
    """Write the record and return its files."""
    record = SessionRecord(folder / "sessions", load_course(CHECKOUT), "half-day", BEGAN)
    paths = record.write(room.classroom, room.questions, ENDED)
    assert {path.parent for path in paths} <= {folder / "sessions" / "2026-05-01-093007"}
    return {path.name: path.read_text() for path in paths}


def tell(room: RoomApi) -> None:
    """Keep a summary; everybody in the room hears of it with the next report."""
    room.actions["summary"]({"keep": True})
    for snapshot in room.classroom.all_snapshots():
        room.classroom.report(snapshot, "192.0.2.7")


def give_feedback(room: RoomApi) -> None:
    """One person answers the feedback."""
    answers = {"feedback.pace": GuessReport(choice="fast"), "feedback.unclear": GuessReport(choice="03_logging")}
    room.classroom.report(Snapshot(participant="f" * 32, sequence=1, name=NAME, guesses=answers))


def test_nothing_is_kept_of_a_room_that_was_told_nothing(room: RoomApi, tmp_path: Path) -> None:
    """No summary, and no folder."""
    assert written(room, tmp_path) == {}
    assert list(tmp_path.iterdir()) == []


def test_feedback_is_kept_beside_the_plan(room: RoomApi, tmp_path: Path) -> None:
    """As counts; the plan is that of the track, from the opening of the desk. There is still no summary."""
    give_feedback(room)
    files = written(room, tmp_path)
    assert set(files) == {PLAN, FEEDBACK}
    kept = json.loads(files[FEEDBACK])
    assert (kept["date"], kept["track"]) == ("2026-05-01", "half-day")
    pace, _, unclear = kept["feedback"]
    assert pace["answers"] == [["Too slow", 0], ["Right", 0], ["Too fast", 1]]
    titles = {lesson.name: lesson.title for lesson in load_course(CHECKOUT).lessons}
    assert [answer for answer in unclear["answers"] if answer[1]] == [[titles["03_logging"], 1]]
    assert files[PLAN].startswith("## Track half-day, 09:30 to 13:00")


def test_a_summary_has_guesses_minutes_and_the_stuck(room: RoomApi, tmp_path: Path) -> None:
    """Of a room that was told; minutes stand beside those that were planned."""
    tell(room)
    text = written(room, tmp_path)[SUMMARY]
    assert "Track half-day, 09:30 to 13:05. People: 5, who were" in text
    question = room.classroom.questions[PREDICTION]
    assert f"**{question.question}** Surprised by their own machine: {NOT_TOLD} of 5." in text
    assert f"- 2: {question.options['both'].text}\n" in text
    assert f"- 3: {question.options['order'].text} (what usually happens)\n" in text
    planned = {exercise.id: exercise.minutes for exercise in load_course(CHECKOUT).exercises}
    assert f"| `config.env` | {planned['config.env']} | 4 | 8 |" in text
    assert f"| `container.limits` | {planned['container.limits']} | 4 | – |" in text
    assert "| 02_configuration | 3 |" in text
    assert "| monday | 3 | 72 |" in text
    assert "| – | 5 of 5 |" in text


def test_a_summary_names_nobody(room: RoomApi, tmp_path: Path) -> None:
    """No name, no number of a participant, no address; what one or two did is left out or not counted."""
    tell(room)
    text = written(room, tmp_path)[SUMMARY]
    assert not re.search(r"Ada|abcdef|192\.0\.2|Table \d", text)
    assert room.classroom.questions[RARE].question not in text
    for number in (1, 2):
        room.classroom.forget(f"{0xABCDEF00 + number:032x}")
    text = written(room, tmp_path)[SUMMARY]
    assert f"| 02_configuration | {NOT_TOLD} |" in text
    assert re.search(rf"\| `config\.env` \| \d+ \| {NOT_TOLD} \| – \|", text)


def test_who_had_gone_before_the_room_was_told_is_not_in_the_summary(room: RoomApi, tmp_path: Path) -> None:
    """A laptop that was closed has read that all ends with the room."""
    room.actions["summary"]({"keep": True})
    text = written(room, tmp_path)[SUMMARY]
    assert "People: 0," in text
    assert "Nobody clicked" in text
    assert room.classroom.questions[PREDICTION].question not in text
    assert "5 of 5" not in text


def test_a_lesson_that_the_course_lacks_is_not_in_the_summary(room: RoomApi, tmp_path: Path) -> None:
    """Whatever a program that is no notebook reports."""
    tell(room)
    for number in range(4):
        snapshot = Snapshot(participant=f"{number:032x}", lesson="made-up", help="stuck", help_clicks=1)
        room.classroom.report(snapshot)
    text = written(room, tmp_path)[SUMMARY]
    assert "| 02_configuration | 3 |" in text
    assert "made-up" not in text


def test_a_plan_that_would_end_after_midnight_ends_at_midnight(tmp_path: Path) -> None:
    """A desk may be opened in the evening."""
    record = SessionRecord(tmp_path, load_course(CHECKOUT), "half-day", datetime(2026, 5, 1, 23, 50))
    assert "to 24:00" in record.plan().splitlines()[0]


def test_a_disk_that_takes_nothing_is_one_sentence(room: RoomApi, tmp_path: Path) -> None:
    """It names the place."""
    (tmp_path / "sessions").write_text("in the way")
    room.actions["summary"]({"keep": True})
    with pytest.raises(NotReady, match="in the way"):
        written(room, tmp_path)


@pytest.mark.parametrize("is_kept", [True, False])
def test_the_end_of_the_desk_writes_it(is_kept: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And says where; of a room that was not told, nothing."""
    workspace = Workspace.open(tmp_path / "workspace", tmp_path / "no checkout")
    controller: Any = SimpleNamespace(
        workspace=workspace, audience=Audience(), stack=SimpleNamespace(root=CHECKOUT), picture=str
    )
    room_server = open_room(tmp_path / "code", "127.0.0.1")
    server = InstructorServer()
    with serving(controller, server, room_server, TrackTimes.of(CHECKOUT), open_pages=False):
        headers = {"Authorization": f"token {server.presenter_token}"}
        url = f"http://127.0.0.1:{server.port}/presenter/do/summary"
        assert http.request("POST", url, json_body={"keep": is_kept}, headers=headers).ok
    files = sorted(path.name for path in workspace.folder.glob("sessions/*/*"))
    assert files == ([PLAN, SUMMARY] if is_kept else [])
    assert ("Kept: " in capsys.readouterr().err) is is_kept
