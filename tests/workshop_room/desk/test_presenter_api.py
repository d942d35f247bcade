"""The desk without an engine: each answer is a sentence; a live room counts surprises, and hides every name."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.workshop_room.desk.room_pages import RoomPages, open_room_pages
from workshop_kit.engine.labels import Identity
from workshop_kit.engine.reach import Endpoint, Engine
from workshop_kit.engine.session import Ledger, Session
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises.progress import Progress
from workshop_kit.faults.active_fault import ActiveFault, TargetState
from workshop_kit.faults.injection import Journal
from workshop_kit.membership.protocol import GuessReport, Snapshot
from workshop_kit.workspace.folder import Workspace
from workshop_room.desk.controller import Controller
from workshop_room.desk.presenter_api import PresenterApi


@pytest.fixture
def controller(root: Path, tmp_path: Path) -> Controller:
    """A desk without an engine, with a fault in its journal."""
    nowhere = f"unix://{tmp_path}/gone.sock"
    engine = Engine(docker.DockerClient(base_url=nowhere, version="1.45"), Endpoint(nowhere, "a test"), {})
    workspace = Workspace.open(tmp_path / "workspace")
    session = Session(engine, Identity(workspace.id, workspace.owner), Ledger(workspace.ledger_path))
    controller = Controller(Stack(session, root, tmp_path, workspace.compose_project), workspace)
    entry: dict[str, Any] = {"id": "1", "fault": "pause", "parameters": {}, "container": "f" * 64, "name": "redis"}
    before = TargetState(networks={}, limits={})
    Journal(session).append(ActiveFault(**entry, before=before, maker=session.maker, since=datetime.now(UTC)))
    return controller


def test_without_an_engine_every_answer_is_one_sentence(controller: Controller) -> None:
    """For state and buttons, without the SDK's text."""
    desk = PresenterApi(controller)
    away = r"The Docker engine does not answer\."
    with pytest.raises(WorkshopError, match=away):
        desk.state()
    fault = {"fault": "pause", "target": "redis"}
    load = {"request": "GET /orders", "rate_per_second": 5}
    for action, body in (("fault", fault), ("load", load), ("undo-all", {})):
        with pytest.raises(WorkshopError, match=away):
            desk.do(action, body)


def test_a_closed_desk_refuses_faults_and_load(controller: Controller) -> None:
    """A fault after the close would never be reverted; one that cannot be reverted is said."""
    with pytest.raises(WorkshopError, match="The Docker engine does not answer"):
        controller.close()
    with pytest.raises(WorkshopError, match="The desk is being closed"):
        controller.inject("pause", "redis", {})
    with pytest.raises(WorkshopError, match="The desk is being closed"):
        controller.load("GET /orders", 5)


ID = "00_start.database-gone"
NAME = "Ada Lovelace"


@pytest.fixture
def short_room(root: Path, tmp_path: Path) -> Iterator[RoomPages]:
    """An open desk with a room, on the shortest track, which begins at nine."""
    with open_room_pages(root, tmp_path, "90min", "09:00") as room:
        yield room


def report(room: RoomPages, number: int, *, on_phone: bool = False, **fields: Any) -> None:
    """Report the snapshot of one participant."""
    room.api.classroom.report(Snapshot(participant=f"{number:032x}", **fields), on_phone=on_phone)


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
    assert [answer["right"] for answer in state["answers"]] == [False] * 4
    assert room.do("tell").status_code == 200
    state = room.audience.state()["predictions"]
    assert state["headline"] == "1 of 4 of us who have seen it was surprised."
    assert [answer["right"] for answer in state["answers"]] == [False, True, False, False]
    report(room, 9, sequence=2, guesses=guesses(first, second))
    assert room.audience.state()["predictions"]["headline"] == "2 of 5 of us were surprised."


def test_the_right_answer_is_known_before_any_laptop_has_run_the_experiment(room: RoomPages) -> None:
    """It is that of the table, for laptops and phones alike; once laptops know, most of them decide."""
    right = room.api.classroom.questions[ID].right
    wrong, other_key = [key for key in keys(room) if key != right][:2]
    for number, choice in enumerate([right, wrong, wrong]):
        report(room, number, sequence=1, on_phone=number < 2, guesses=guesses(choice))
    room.said("poll", prediction=ID)
    assert room.audience.state()["predictions"]["headline"] == "3 of us answered."
    room.said("tell")
    state = room.audience.state()["predictions"]
    assert state["headline"] == "2 of 3 of us were surprised."
    assert [answer["right"] for answer in state["answers"]] == [key == right for key in keys(room)]
    report(room, 2, sequence=2, guesses=guesses(wrong, wrong))
    report(room, 3, sequence=1, guesses=guesses(other_key))
    state = room.audience.state()["predictions"]
    assert state["headline"] == "1 of 3 of us who have seen it was surprised."
    assert [answer["right"] for answer in state["answers"]] == [key == wrong for key in keys(room)]


def test_laptops_and_phones_are_counted_apart(room: RoomPages) -> None:
    """A phone has an address of its own in the room: nothing more leaves a laptop for that."""
    assert room.api.audience_state()["board"]["devices"] == "0 laptops"
    for number in range(3):
        path = "/phone/snapshot" if number == 2 else "/snapshot"
        body = json.dumps({"participant": f"{number:032x}", "sequence": 1})
        assert room.ask_room(path, body).status_code == 200
    assert room.get("/audience/room").json()["board"]["devices"] == "2 laptops, 1 phone"
    room.ask_room("/leave", json.dumps({"participant": f"{0:032x}"}))
    room.ask_room("/leave", json.dumps({"participant": f"{1:032x}"}))
    assert room.get("/audience/room").json()["board"]["devices"] == "1 phone"


def test_the_desk_has_the_lessons_and_the_times_of_its_track(short_room: RoomPages) -> None:
    """What the track does not have is marked; the day begins when the desk was told."""
    desk = short_room.desk
    choices = desk.choices()
    assert choices["track"] == "90min"
    on_track = [lesson["name"] for lesson in choices["lessons"] if lesson["on_track"]]
    assert on_track == list(desk.times.course.names("90min"))
    assert choices["day"][0]["start"] == 9 * 60
    assert choices["day"][-1]["end"] == 9 * 60 + desk.times.course.tracks["90min"].total
    page = short_room.said("notes", lesson="00")
    assert page["notes"][0]["minute"].startswith("09:0")
    assert any(note["is_skipped"] for note in short_room.said("notes", lesson="03")["notes"])


def test_polls_and_notices_know_the_track(short_room: RoomPages) -> None:
    """Predictions and headings say whether the track has them; a notice to a folded cell says so."""
    times = short_room.desk.times
    choices = short_room.api.choices()
    taught = {prediction["name"]: prediction["on_track"] for prediction in choices["predictions"]}
    assert taught.keys() == short_room.api.classroom.questions.keys()
    assert taught[ID]
    assert False in taught.values()
    lesson = "03_logging"
    headings = choices["headings"][lesson]
    folded = [heading["cell"] for heading in headings if not heading["on_track"]]
    assert folded == [heading["cell"] for heading in headings if not times.has_cell(lesson, heading["cell"])]
    assert folded
    short_room.said("notice", lesson=lesson, cell="title")
    assert "90min" not in short_room.api.state()["notice"]
    short_room.said("notice", lesson=lesson, cell=folded[0])
    assert short_room.api.state()["notice"].endswith("(not on the track 90min: open “Not today” to read it)")


def test_a_class_board_has_the_exercises_of_the_track(short_room: RoomPages) -> None:
    """As the participants' own boards."""
    exercises = {name for names in short_room.api.classroom.exercises.values() for name in names}
    assert exercises == {
        exercise.id for exercise in short_room.desk.times.course.exercises if "90min" in exercise.tracks
    }


def test_a_folder_of_progress_files_is_the_fallback(room: RoomPages, tmp_path: Path) -> None:
    """The page lists its predictions with their questions, and shows one as a poll; other files are skipped."""
    first, second, *_ = keys(room)
    for number, choice in enumerate([first, second, second]):
        progress = Progress(tmp_path / "class" / str(number) / "progress.json")
        progress.path.parent.mkdir(parents=True)
        progress.lock_guess(ID, choice)
        progress.record_actual(ID, second)
    (tmp_path / "class" / "broken.json").write_text("{")
    (tmp_path / "class" / "odd.json").write_text(json.dumps({"predictions": {ID: 5, "01.other": {"choice": 7}}}))
    os.mkfifo(tmp_path / "class" / "fifo.json")
    (tmp_path / "class" / "endless.json").symlink_to("/dev/zero")
    folder = {"folder": str(tmp_path / "class")}
    counts = {ID: {"people": 3, "question": room.api.classroom.questions[ID].question}}
    assert room.do("folder", **folder).json()["said"] == counts
    assert room.do("ask", **folder, prediction=ID).status_code == 200
    assert room.audience.state()["predictions"]["headline"] == "3 of us answered."
    assert room.do("tell").status_code == 200
    assert room.audience.state()["predictions"]["headline"] == "1 of 3 of us was surprised."
    nowhere = [{"folder": str(tmp_path / name), "prediction": ID} for name in ("nowhere", "x" * 300)]
    for asked in (*nowhere, {**folder, "prediction": "00_start.none"}):
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
    assert [(entry["name"], entry["number"]) for entry in queue] == [(NAME, 1)]
    paths = ("/audience", "/audience/state", "/audience/room")
    answers = [room.get(path, room.server.audience_token) for path in paths]
    answers += [room.ask_room(path) for path in ("/phone.js", "/phone.css", "/desk.css", f"/{room.code}")]
    for body in ({"participant": secret}, {"participant": "0" * 32}):
        answers.append(room.ask_room("/snapshot", json.dumps(body)))
    assert [answer.status_code for answer in answers] == [200] * len(answers)
    urls = [str(answer.url) for answer in answers if re.search(f"Ada|{secret}", f"{answer.headers}{answer.text}")]
    assert urls == []
    for path in ("/presenter/room", "/presenter/room/choices", "/room.js"):
        assert room.get(path, room.server.audience_token).status_code == 403
        assert room.ask_room(path).status_code == 403


def test_the_presenter_removes_a_flood_by_one_click(room: RoomPages) -> None:
    """The page names its address and size; the button is the presenter's alone, as the address is."""
    for number in range(200):
        body = json.dumps({"participant": f"{number:032x}", "sequence": 1})
        assert room.ask_room("/snapshot", body).status_code == 200
    report(room, 900, sequence=1, guesses=guesses(keys(room)[0]))
    presenter = room.server.presenter_token
    flood = room.get("/presenter/room", presenter).json()["unanswered"]
    assert flood == [{"address": "127.0.0.1", "count": 200}]
    assert "127.0.0.1" not in json.dumps(room.get("/audience/room").json()["board"])
    headers = {"Authorization": f"token {room.server.audience_token}"}
    refused = room.web.post("/presenter/do/remove-unanswered", json=flood[0], headers=headers)
    assert (refused.status_code, len(room.api.classroom.snapshots())) == (403, 201)
    assert room.do("remove-unanswered", **flood[0]).json()["said"] == 200
    assert room.get("/presenter/room", presenter).json()["unanswered"] == []
    assert len(room.api.classroom.snapshots()) == 1
