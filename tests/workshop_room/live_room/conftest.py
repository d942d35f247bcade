"""A live room on this machine's loopback, and participants with workspaces of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from workshop_kit.exercises.progress import Progress
from workshop_kit.lessons.predictions import Option, Question
from workshop_kit.membership import membership
from workshop_kit.membership.join_code import JoinCode
from workshop_kit.workspace.folder import Workspace
from workshop_room.desk.classroom import Classroom
from workshop_room.desk.room_server import RoomServer, open_room

ID = "00_start.gone"
OPTIONS = {key: Option(text=f"It is {key}.", reason="So it is.") for key in ("green", "red", "slow", "gone")}
QUESTIONS = {ID: Question(question="What is it?", right="red", options=OPTIONS)}
EXERCISES = {"00_start": [], "01_container": ["container.limits"]}


class LiveRoom:
    """A room that can be killed and opened again, with the same code and nothing remembered."""

    def __init__(self, kept: Path) -> None:
        self.kept = kept
        self.open()

    def open(self) -> None:
        """Open the room."""
        self.classroom = Classroom(QUESTIONS, EXERCISES)
        self.server: RoomServer = open_room(self.kept, "127.0.0.1")
        self.server.start(self.classroom)


@contextmanager
def opened(folder: Path, classroom: Classroom) -> Iterator[JoinCode]:
    """A room of a class on this machine's loopback; yields its code."""
    server = open_room(folder / "code", "127.0.0.1")
    server.start(classroom)
    try:
        yield server.code
    finally:
        server.stop()


@pytest.fixture
def live_room(tmp_path: Path) -> Iterator[LiveRoom]:
    """An open room."""
    room = LiveRoom(tmp_path / "code")
    yield room
    room.server.stop()


@pytest.fixture
def join(live_room: LiveRoom, tmp_path: Path) -> Callable[[str], Workspace]:
    """A function that makes a workspace, which has joined, for a name."""

    def join(name: str) -> Workspace:
        workspace = Workspace.open(tmp_path / f"workspace of {name}", tmp_path / "no checkout")
        membership.join(workspace, live_room.server.code, name)
        return workspace

    return join


def guess(workspace: Workspace, choice: str, outcome: str = "") -> None:
    """Lock a prediction, and record its outcome."""
    progress = Progress(workspace.progress_path)
    progress.lock_guess(ID, choice)
    if outcome:
        progress.record_actual(ID, outcome)
