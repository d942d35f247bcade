"""The live room on the desk's pages, without an engine: polls, notices, the class, and no name but the presenter's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.workshop_kit.instructor.room_pages import RoomPages, controller, open_room_pages
from workshop_kit.classroom.join_code import JoinCode
from workshop_kit.classroom.snapshot import GuessReport, Repair, Snapshot
from workshop_kit.errors import WrongUsage
from workshop_kit.instructor.audience import Audience
from workshop_kit.instructor.presenter_api import PresenterApi
from workshop_kit.instructor.script import load_script
from workshop_kit.instructor.server import InstructorServer

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


def test_a_poll_reaches_phones_and_ends(room: RoomPages) -> None:
    """With its options, without the right one."""
    first = keys(room)[0]
    assert "There is no guess yet" in room.do("poll", prediction="").json()["error"]
    assert "no prediction 'x'" in room.do("poll", prediction="x").json()["error"]
    room.do("poll", prediction=ID)
    phone = {"participant": "f" * 32, "sequence": 1}
    poll = room.ask_room("/snapshot", json.dumps(phone)).json()["poll"]
    assert (poll["id"], list(poll["options"]), set(poll)) == (ID, keys(room), {"id", "question", "options"})
    guess = {ID: {"choice": first}}
    room.ask_room("/snapshot", json.dumps(phone | {"sequence": 2, "guesses": guess}))
    assert room.audience.state()["predictions"]["answers"][0]["count"] == 1
    assert "No answer is known to be right" in room.do("tell").json()["error"]
    room.do("poll-end")
    assert room.ask_room("/snapshot", json.dumps(phone)).json()["poll"] is None


def test_a_notice_reaches_everybody_until_it_is_taken_back(room: RoomPages) -> None:
    """It names a cell that the lesson has."""
    body = json.dumps({"participant": "f" * 32, "sequence": 1})
    room.do("notice", lesson="01_container", cell="stop-text")
    notice = room.ask_room("/snapshot", body).json()["notice"]
    assert (notice["lesson"], notice["cell"], notice["text"]) == ("01_container", "stop-text", "Everybody to: Stop it")
    for lesson, cell in (("01_container", "nothing"), ("nothing", "stop-text"), (None, None)):
        assert "Choose one from the list" in room.do("notice", lesson=lesson, cell=cell).json()["error"]
    room.do("notice-end")
    assert room.ask_room("/snapshot", body).json()["notice"] is None


def test_the_class_adds_up(room: RoomPages) -> None:
    """People by lesson, passes and median minutes by exercise, game day by incident; unknown ids are not shown."""
    for number, minutes in enumerate((4, 9, 30)):
        repairs = {"monday": Repair(seconds=60.0 * (number + 1), sign="logs" if number else "")}
        passed = {"container.limits": minutes, "evil.exercise": 1}
        report(room, number, sequence=1, lesson="01_container", passed=passed, repairs=repairs)
    report(room, 3, sequence=1, lesson="99_nowhere", help="done", help_clicks=1)
    state = room.get("/audience/room", room.desk.audience_token).json()
    board = state["board"]
    assert (board["joined"], board["done"], board["stuck"], board["away"]) == (4, 1, 0, 0)
    lessons = {one["name"]: one for one in board["lessons"]}
    assert {name: one["people"] for name, one in lessons.items()} == {"01_container": 3, "elsewhere": 1}
    exercises = {one["id"]: (one["passed"], one["minutes"]) for one in lessons["01_container"]["exercises"]}
    assert (exercises["container.limits"], exercises["container.dockerfile"]) == ((3, 9), (0, None))
    assert "evil" not in json.dumps(state)
    incident = {"name": "monday", "repaired": 3, "seconds": 120, "signs": {"logs": 2, "none named": 1}}
    assert board["incidents"] == [incident]


def test_a_name_is_on_the_presenters_page_alone(room: RoomPages) -> None:
    """Nothing that the audience or a participant can fetch has a name or a participant's number."""
    secret = "abcdef01" * 4
    room.api.classroom.report(
        Snapshot(participant=secret, name=NAME, help="stuck", help_clicks=1, guesses=guesses("x"))
    )
    room.do("poll", prediction=ID)
    room.do("notice", lesson="01_container", cell="stop-text")
    queue = room.get("/presenter/room", room.desk.presenter_token).json()["queue"]
    assert [(one["name"], one["number"]) for one in queue] == [(NAME, 1)]
    seen = [
        room.get(path, room.desk.audience_token)
        for path in ("/audience", "/audience/state", "/audience/room", "/audience/room.svg")
    ]
    seen += [room.ask_room(path) for path in ("/phone.js", "/phone.css", "/desk.css", f"/{room.server.code}")]
    for body in ({"participant": secret}, {"participant": "0" * 32}):
        seen.append(room.ask_room("/snapshot", json.dumps(body)))
    assert [answer.status_code for answer in seen] == [200] * len(seen)
    told = [str(answer.url) for answer in seen if re.search(f"Ada|{secret}", f"{answer.headers}{answer.text}")]
    assert told == []
    for path in ("/presenter/room", "/presenter/room/choices", "/room.js"):
        assert room.get(path, room.desk.audience_token).status_code == 403
        assert room.ask_room(path).status_code == 404


def test_the_qr_code_is_the_rooms_page(room: RoomPages) -> None:
    """Its address works as it is, also as it is typed; the room shows how to join."""
    assert room.do("show", what="join").status_code == 200
    picture = room.get("/audience/room.svg", room.desk.audience_token)
    assert picture.text.startswith("<svg")
    state = room.get("/audience/room", room.desk.audience_token).json()
    assert JoinCode.read(state["code"]) == room.server.code
    for address in (state["address"], state["address"].lower().replace("-", "")):
        page = room.web.get(address)
        assert (page.status_code, room.server.code.token in page.text) == (200, True)
        assert not re.findall(r"(?:src|href)=\"(?!/|data:,)", page.text)


def test_without_a_room_there_is_none(root: Path) -> None:
    """The pages say nothing of it, and its views and actions are refused."""
    audience = Audience()
    desk = PresenterApi(controller(root, audience), load_script())
    with pytest.raises(WrongUsage, match="cannot be shown 'join'"):
        desk.do("show", {"what": "join"})
    with pytest.raises(WrongUsage, match="no 'notice'"):
        desk.do("notice", {})
    server = InstructorServer()
    server.start(desk)
    url = f"http://127.0.0.1:{server.port}"
    for path in ("/presenter/room", "/presenter/room/choices", "/audience/room"):
        answer = httpx.get(f"{url}{path}", params={"token": server.presenter_token}, trust_env=False)
        assert answer.json() is None
    server.stop()
