"""Participants and their room over a real connection: nothing is lost, and junk is refused in a sentence."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Literal

import pytest

from tests.waiting import wait_until
from tests.workshop_room.live_room.conftest import ID, LiveRoom, guess, opened
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.exercises.progress import Progress
from workshop_kit.membership import membership
from workshop_kit.membership.join_code import JoinCode
from workshop_kit.membership.protocol import GuessReport, Poll
from workshop_kit.membership.room_widget import RoomSync
from workshop_kit.observe import http
from workshop_kit.observe.http import Answer
from workshop_kit.trials.result import Verdict
from workshop_kit.workspace.folder import Workspace
from workshop_room.desk import room_server
from workshop_room.desk.classroom import Classroom

Join = Callable[[str], Workspace]
GOOD = {"participant": "0" * 32, "sequence": 1}
POLL = Poll(id="feedback.pace", question="How was it?", options={"slow": "Slow", "fast": "Fast"}, in_notebook=True)
REQUESTS = [("GET", "/snapshot"), ("GET", "/nothing"), ("PUT", "/phone.js"), ("GET", "/")]


def post(room: LiveRoom, body: Any, path: str = "snapshot", token: str | None = None) -> Answer:
    """Post to the room; bytes as they are."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Authorization": f"token {room.server.code.token if token is None else token}"}
    return http.request("POST", f"{room.server.code.url}/{path}", content=content, headers=headers)


def test_what_happened_without_a_network_arrives_with_the_next_snapshot(live_room: LiveRoom, join: Join) -> None:
    """Also in a room that was killed meanwhile, and opened again with the same code."""
    workspace = join("Ada")
    sync = RoomSync(workspace, "00_start")
    code = live_room.server.code
    live_room.server.stop()
    guess(workspace, "green", "red")
    Progress(workspace.progress_path).record_check("container.limits", Verdict.PASSED)
    sync.click_help("stuck")
    assert "No live room answers" in sync.sync().problem
    live_room.open()
    assert (live_room.server.code, live_room.classroom.snapshots()) == (code, [])
    sync.start()
    wait_until(lambda: sync.connection.problem == "")
    sync.stop()
    [snapshot] = live_room.classroom.snapshots()
    assert (snapshot.guesses[ID].choice, list(snapshot.passed)) == ("green", ["container.limits"])
    assert [entry["name"] for entry in live_room.classroom.queue()] == ["Ada"]


def test_two_kernels_of_a_workspace_are_one_participant(live_room: LiveRoom, join: Join) -> None:
    """What one of them sends is never older than what the other one sent; the lesson is the newest that was opened."""
    workspace = join("Ada")
    first = RoomSync(workspace, "00_start")
    second = RoomSync(workspace, "01_container")
    first.sync()
    guess(workspace, "green")
    second.sync()
    first.sync()
    membership.change(workspace, lesson="01_container")
    first.sync()
    [snapshot] = live_room.classroom.snapshots()
    assert (snapshot.lesson, snapshot.guesses[ID].choice) == ("01_container", "green")


def click(sync: RoomSync, state: Literal["stuck", "done"]) -> None:
    """Click a button for help, which arrives at once."""
    sync.click_help(state)
    sync.sync()


def test_help_is_a_queue_and_ends_with_the_next_snapshot(live_room: LiveRoom, join: Join) -> None:
    """In the order of the clicks, with neutral names for those who gave none; helped once, it is over on both sides."""
    first, second = (RoomSync(join(name), "00_start") for name in ("Ada", ""))
    click(second, "stuck")
    click(first, "stuck")
    assert [entry["name"] for entry in live_room.classroom.queue()] == ["Table 2", "Ada"]
    live_room.classroom.record_help(2)
    assert [entry["name"] for entry in live_room.classroom.queue()] == ["Ada"]
    assert second.sync().help == "none"
    click(second, "stuck")
    assert [entry["name"] for entry in live_room.classroom.queue()] == ["Ada", "Table 2"]
    click(first, "stuck")
    assert [entry["name"] for entry in live_room.classroom.queue()] == ["Table 2"]
    click(second, "done")
    assert (live_room.classroom.board()["done"], live_room.classroom.queue()) == (1, [])
    live_room.classroom.clear_done()
    assert (live_room.classroom.board()["done"], second.sync().help) == (0, "none")


def test_a_question_is_answered_in_a_notebook(live_room: LiveRoom, join: Join) -> None:
    """At once, and once; a prediction that is open as a poll is not shown there, since its cell is."""
    workspace = join("Ada")
    sync = RoomSync(workspace, "00_start")
    live_room.classroom.poll = Poll(id=ID, question="Which?", options={"red": "Red"})
    assert sync.sync().poll is None
    live_room.classroom.poll = POLL
    assert sync.sync().poll == POLL.model_dump()
    for poll, choice in (("another", "fast"), (POLL.id, "none of them")):
        sync.answer(poll, choice)
    assert sync.sync().poll == POLL.model_dump()
    sync.answer(POLL.id, "fast")
    assert sync.connection.poll is None
    sync.sync()
    sync.answer(POLL.id, "slow")
    sync.sync()
    [snapshot] = live_room.classroom.snapshots()
    assert snapshot.guesses == {POLL.id: GuessReport(choice="fast")}


def test_answers_stay_with_the_room_that_asked(live_room: LiveRoom, join: Join) -> None:
    """Who joins it again takes them along; who joins another one does not."""
    workspace = join("Ada")
    membership.keep_answer(workspace, POLL.id, "fast")
    code = live_room.server.code
    membership.join(workspace, code)
    [snapshot] = live_room.classroom.snapshots()
    assert snapshot.guesses == {POLL.id: GuessReport(choice="fast")}
    with opened(live_room.kept.parent / "another", Classroom({}, {})) as other_code:
        assert other_code != code
        membership.join(workspace, other_code)
        next_snapshot = membership.next_snapshot(workspace)
    assert next_snapshot is not None
    assert next_snapshot[1].guesses == {}


def test_leaving_is_forgotten_on_both_sides(live_room: LiveRoom, join: Join) -> None:
    """Nothing is sent afterwards; a second time it is a sentence. A membership ends by itself, too."""
    workspace = join("Ada")
    other_workspace = join("Grace")
    assert membership.leave(workspace)
    assert RoomSync(workspace, "00_start").sync().joined is False
    assert [snapshot.name for snapshot in live_room.classroom.snapshots()] == ["Grace"]
    with pytest.raises(WrongUsage, match="in no live room"):
        membership.leave(workspace)
    membership.change(other_workspace, joined_at=time.time() - membership.HOURS * 3600)
    assert RoomSync(other_workspace, "00_start").sync().joined is False


def test_a_snapshot_that_arrives_after_its_participant_left_is_not_kept(live_room: LiveRoom) -> None:
    """It was under way; joining again is another participant."""
    assert post(live_room, GOOD).ok
    assert post(live_room, {"participant": GOOD["participant"]}, "leave").ok
    answer = post(live_room, GOOD | {"sequence": 2})
    assert (answer.status, "You have left the room" in answer.body) == (409, True)
    assert live_room.classroom.snapshots() == []


def test_joining_a_room_that_does_not_answer_changes_nothing(live_room: LiveRoom, join: Join) -> None:
    """A wrong secret, no server, another server: a sentence each, and the former membership stays."""
    workspace = join("Ada")
    before = membership.path_of(workspace).read_bytes()
    code = live_room.server.code
    with pytest.raises(WorkshopError, match="This is not the code of the room"):
        membership.join(workspace, JoinCode(code.address, code.port, code.secret ^ 1))
    with pytest.raises(WrongUsage, match="too long"):
        membership.join(workspace, code, "A" * 41)
    live_room.server.stop()
    with pytest.raises(WorkshopError, match=r"No live room answers at 127\.0\.0\.1"):
        membership.join(workspace, code)
    with pytest.raises(WorkshopError, match="Something else than a live room"):
        membership.state_in(Answer(200, body="<html>"), code)
    assert membership.path_of(workspace).read_bytes() == before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"participant": "\\ud800"}',
        GOOD | {"participant": "../../etc"},
        GOOD | {"name": "A" * 41},
        GOOD | {"guesses": {f"a{number}": {"choice": "a"} for number in range(201)}},
        GOOD | {"shoe_size": 42},
        GOOD | {"name": "x" * 40_000},
    ],
    ids=lambda body: str(body)[:40],
)
def test_junk_is_refused_in_one_sentence(live_room: LiveRoom, body: Any) -> None:
    """With 400, and nothing of it is kept."""
    answer = post(live_room, body)
    assert answer.status == 400
    assert 10 < len(answer.json()["error"]) < 300
    assert "\n" not in answer.json()["error"]
    assert live_room.classroom.snapshots() == []


@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_another_request_is_refused_in_one_sentence(live_room: LiveRoom, method: str, path: str) -> None:
    """And nothing is there without the code, or from a page of another origin."""
    url = f"{live_room.server.code.url}{path}"
    token = {"Authorization": f"token {live_room.server.code.token}"}
    answer = http.request(method, url, headers=token)
    assert answer.status in (403, 405)
    assert answer.json()["error"].endswith(".")
    for headers in ({}, {**token, "Origin": "http://evil.example"}, {**token, "Host": "evil.example"}):
        assert http.request(method, url, headers=headers).status == 403


def test_the_right_code_always_counts(live_room: LiveRoom) -> None:
    """Wrong ones that came from the same address keep nobody out; after some, the sentence says so."""
    code = live_room.server.code
    wrong = JoinCode(code.address, code.port, code.secret ^ 1).token
    answers = [post(live_room, GOOD, token=wrong) for _ in range(room_server.MOST_WRONG_CODES + 30)]
    statuses = [answer.status for answer in answers]
    assert set(statuses[: room_server.MOST_WRONG_CODES]) == {403}
    assert 429 in statuses
    assert "the right one always counts" in next(answer for answer in answers if answer.status == 429).body
    assert post(live_room, GOOD).ok


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.7", "\ud800"])
def test_a_room_opens_on_one_address_of_this_machine(live_room: LiveRoom, address: str) -> None:
    """Never on all of them, and not on another machine's."""
    with pytest.raises(WrongUsage, match="of this machine"):
        room_server.open_room(live_room.kept, address)


def test_an_old_snapshot_changes_nothing(live_room: LiveRoom) -> None:
    """It was under way when a newer one arrived."""
    for sequence, help_state in ((5, "stuck"), (4, "none")):
        assert post(live_room, GOOD | {"sequence": sequence, "help": help_state, "help_clicks": 1}).ok
    assert len(live_room.classroom.queue()) == 1
