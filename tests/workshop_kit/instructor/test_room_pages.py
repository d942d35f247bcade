"""A live room at the desk, without an engine: what counts as a surprise, and no name but on the presenter's page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.workshop_kit.instructor.room_pages import RoomPages, open_room_pages
from workshop_kit.classroom.protocol import GuessReport, Snapshot
from workshop_kit.exercises.progress import Progress

ID = "00_start.database-gone"
NAME = "Ada Lovelace"


@pytest.fixture
def room(root: Path, tmp_path: Path) -> Iterator[RoomPages]:
    """An open desk with a room."""
    with open_room_pages(root, tmp_path) as room:
        yield room


def report(room: RoomPages, number: int, **fields: Any) -> None:
    """Report the snapshot of one participant."""
    room.api.classroom.report(Snapshot(participant=f"{number:032x}", **fields))


def guesses(choice: str, outcome: str = "") -> dict[str, GuessReport]:
    """One prediction with its outcome."""
    return {ID: GuessReport(choice=choice, outcome=outcome)}


def keys(room: RoomPages) -> list[str]:
    """The options of the prediction."""
    return list(room.api.classroom.questions[ID].options)


def test_surprised_is_counted_by_each_machines_own_outcome(room: RoomPages) -> None:
    """A rare outcome that was foreseen is no surprise; those without an outcome are not counted until they have one."""
    first, second, *_ = keys(room)
    for number, (choice, outcome) in enumerate([(first, first), (second, second), (first, second), (second, second)]):
        report(room, number, sequence=1, guesses=guesses(choice, outcome))
    report(room, 9, sequence=1, guesses=guesses(first))
    assert room.do("poll", prediction="").status_code == 200
    state = room.audience.state()["predictions"]
    assert (room.audience.shows, state["headline"]) == ("predictions", "5 of us answered.")
    assert [one["right"] for one in state["answers"]] == [False] * 4
    assert room.do("tell").status_code == 200
    state = room.audience.state()["predictions"]
    assert state["headline"] == "1 of 4 of us who ran it was surprised."
    assert [one["right"] for one in state["answers"]] == [False, True, False, False]
    report(room, 9, sequence=2, guesses=guesses(first, second))
    assert room.audience.state()["predictions"]["headline"] == "2 of 5 of us were surprised."


def test_a_folder_of_progress_files_is_the_fallback(room: RoomPages, tmp_path: Path) -> None:
    """The page lists its predictions with their questions, and shows one like a poll; other files are skipped."""
    first, second, *_ = keys(room)
    for number, choice in enumerate([first, second, second]):
        progress = Progress(tmp_path / "class" / str(number) / "progress.json")
        progress.path.parent.mkdir(parents=True)
        progress.lock_guess(ID, choice)
        progress.record_actual(ID, second)
    for name, text in (("cut", "{"), ("list", "[1]"), ("odd", json.dumps({"predictions": {ID: 5}}))):
        (tmp_path / "class" / f"{name}.json").write_text(text)
    (tmp_path / "class" / "gone.json").symlink_to(tmp_path / "nowhere")
    folder = {"folder": str(tmp_path / "class")}
    found = {ID: {"people": 3, "question": room.api.classroom.questions[ID].question}}
    assert room.do("folder", **folder).json()["said"] == found
    assert room.do("ask", **folder, prediction=ID).status_code == 200
    assert room.audience.state()["predictions"]["headline"] == "3 of us answered."
    assert room.do("tell").status_code == 200
    assert room.audience.state()["predictions"]["headline"] == "1 of 3 of us was surprised."
    for asked in ({"folder": str(tmp_path / "nowhere"), "prediction": ID}, {**folder, "prediction": "00_start.none"}):
        assert room.do("ask", **asked).json()["error"].startswith("There is no")


def test_a_name_is_on_the_presenters_page_alone(room: RoomPages) -> None:
    """Nothing that the audience or a participant can fetch has a name or a participant's number."""
    secret = "abcdef01" * 4
    room.api.classroom.report(
        Snapshot(participant=secret, name=NAME, help="stuck", help_clicks=1, guesses=guesses("x"))
    )
    room.do("poll", prediction=ID)
    room.do("notice", lesson="01_container", cell="stop-text")
    queue = room.get("/presenter/room", room.server.presenter_token).json()["queue"]
    assert [(one["name"], one["number"]) for one in queue] == [(NAME, 1)]
    paths = ("/audience", "/audience/state", "/audience/room")
    seen = [room.get(path, room.server.audience_token) for path in paths]
    seen += [room.ask_room(path) for path in ("/phone.js", "/phone.css", "/desk.css", f"/{room.code}")]
    for body in ({"participant": secret}, {"participant": "0" * 32}):
        seen.append(room.ask_room("/snapshot", json.dumps(body)))
    assert [answer.status_code for answer in seen] == [200] * len(seen)
    told = [str(answer.url) for answer in seen if re.search(f"Ada|{secret}", f"{answer.headers}{answer.text}")]
    assert told == []
    for path in ("/presenter/room", "/presenter/room/choices", "/room.js"):
        assert room.get(path, room.server.audience_token).status_code == 403
        assert room.ask_room(path).status_code == 403
