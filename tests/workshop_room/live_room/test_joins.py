"""Who is in a room: a whole room joins from one address, a flood of joins keeps nobody out, and the silent leave."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.workshop_room.live_room.conftest import EXERCISES, ID, QUESTIONS, opened
from workshop_kit.errors import WorkshopError
from workshop_kit.membership import membership
from workshop_kit.membership.protocol import GuessReport, RoomState, Snapshot
from workshop_kit.workspace.folder import Workspace
from workshop_room.desk import classroom
from workshop_room.desk.classroom import SILENT_SECONDS, Classroom, TooManyJoins
from workshop_room.desk.join_limit import AFTER_REMOVAL, MOST_AT_ONCE, PER_SECOND

HOME = "192.0.2.1"
OTHER = "192.0.2.2"


class Room:
    """A class whose clock is moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.step = 0.0  # with each look at the clock
        self.classroom = Classroom(QUESTIONS, EXERCISES, clock=self.clock)
        self._sequence = count(1)

    def clock(self) -> float:
        """Return the time."""
        self.now += self.step
        return self.now

    def report(self, number: int, address: str = HOME, **fields: Any) -> RoomState:
        """Send a snapshot of one participant."""
        sent = {"participant": f"{number:032x}", "sequence": next(self._sequence), **fields}
        return self.classroom.report(Snapshot.model_validate(sent), address)

    @property
    def numbers(self) -> set[int]:
        """The numbers in the participants' ids."""
        return {int(snapshot.participant, 16) for snapshot in self.classroom.snapshots()}

    @property
    def joined(self) -> int:
        """How many are in the room."""
        return len(self.classroom.snapshots())


@pytest.fixture
def room() -> Room:
    """An empty room."""
    return Room()


def test_a_whole_room_joins_at_once_from_one_address(room: Room) -> None:
    """All of them go on, whatever comes from their address afterwards."""
    for _ in range(2):
        for number in range(MOST_AT_ONCE):
            assert room.report(number).number == number + 1
    with pytest.raises(TooManyJoins, match="Try again in a few seconds"):
        room.report(MOST_AT_ONCE)
    assert room.joined == MOST_AT_ONCE
    assert room.report(0).number == 1
    room.now += 1 / PER_SECOND
    assert room.report(MOST_AT_ONCE).number == MOST_AT_ONCE + 1
    assert room.report(1, OTHER).number == 2


def test_one_client_that_joins_as_many_people_keeps_nobody_out(room: Room) -> None:
    """Its own first joins make place for later ones, since nothing more came from them; others are not touched."""
    for _ in range(2):
        room.report(1_000_000)
        room.report(1_000_001, OTHER)
    for number in range(1_000):
        room.report(number)
    assert room.joined == MOST_AT_ONCE + 1
    assert room.report(1_000_000).number == 1
    assert room.report(2_000_000).number > 0
    assert room.report(2_000_000, guesses={ID: GuessReport(choice="red")}).number > 0
    assert [list(snapshot.guesses) for snapshot in room.classroom.snapshots() if snapshot.guesses] == [[ID]]


def test_a_full_room_has_a_place_for_others(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of one who did not come back or is silent, else the newest of the address that has the most."""
    monkeypatch.setattr(classroom, "MOST_PARTICIPANTS", 3)
    for number in (1, 1, 2, 2, 3, 4, 4):
        room.report(number)
    assert room.numbers == {1, 2, 4}
    with pytest.raises(WorkshopError, match="The room is full"):
        room.report(5)
    for _ in range(2):
        room.report(6, OTHER)
    assert room.numbers == {1, 2, 6}
    room.now += SILENT_SECONDS + 1
    room.report(2)
    room.report(6, OTHER)
    room.report(7)
    assert room.numbers == {2, 6, 7}


def test_the_silent_leave_and_come_back(room: Room) -> None:
    """Meanwhile they are in no count and no queue; with the next snapshot everything is there again."""
    fields: dict[str, Any] = {"guesses": {ID: GuessReport(choice="red")}, "help": "stuck", "help_clicks": 1}
    room.report(1, **fields)
    room.report(2)
    room.now += SILENT_SECONDS
    room.report(2)
    assert (room.joined, len(room.classroom.queue())) == (2, 1)
    room.now += 1
    assert (room.joined, room.classroom.queue()) == (1, [])
    assert room.report(1, **fields).number == 1
    assert (room.joined, len(room.classroom.queue())) == (2, 1)


def test_the_presenter_removes_those_who_never_answered(room: Room) -> None:
    """Of one address, the others stay; a laptop that was removed comes back with its next snapshot."""
    for number in range(30):
        room.report(number)
        room.report(100 + number, OTHER)
    room.report(0, guesses={ID: GuessReport(choice="red")})
    assert room.classroom.unanswered_addresses() == [{"address": OTHER, "count": 30}, {"address": HOME, "count": 29}]
    assert room.classroom.remove_unanswered(HOME) == 29
    assert room.joined == 31
    assert room.report(1).number > 60
    assert room.classroom.unanswered_addresses() == [{"address": OTHER, "count": 30}]


def test_a_flood_that_goes_on_is_back_slowly(room: Room) -> None:
    """After its removal, though an address that was long quiet may bring a whole room at once."""
    for number in range(MOST_AT_ONCE):
        room.report(number)
    room.now += MOST_AT_ONCE / PER_SECOND
    room.classroom.remove_unanswered(HOME)
    for _ in range(2):
        for number in range(AFTER_REMOVAL):
            room.report(number)
    with pytest.raises(TooManyJoins):
        room.report(AFTER_REMOVAL)
    assert room.joined == AFTER_REMOVAL


def test_a_join_waits_while_its_address_has_to(room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The room says when to try again, and the laptop does, for some time."""
    monkeypatch.setattr(membership, "RETRY_SECONDS", 0.01)
    for _ in range(2):
        for number in range(MOST_AT_ONCE):
            room.report(number, "127.0.0.1")
    workspace = Workspace.open(tmp_path / "workspace", tmp_path / "no checkout")
    with opened(tmp_path, room.classroom) as code:
        with monkeypatch.context() as patch:
            patch.setattr(membership, "BUSY_SECONDS", 0.1)
            with pytest.raises(WorkshopError, match="Try again in a few seconds"):
                membership.join(workspace, code)
        assert membership.read(workspace) is None
        room.step = 0.02
        assert membership.join(workspace, code).number == MOST_AT_ONCE + 1
