"""The thread that keeps a live room informed while a lesson's kernel runs. It prints nothing and blocks no cell.

It reads the progress file, so clicks, checks of panels and checks at the terminal are all seen.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from workshop_kit.classroom import membership
from workshop_kit.classroom.protocol import Help, JoinCode, RoomState
from workshop_kit.errors import WorkshopError
from workshop_kit.observe.http import Answer
from workshop_kit.workspace.folder import Workspace

INTERVAL_SECONDS, JITTER_SECONDS, LONGEST_SECONDS = 2.0, 0.5, 15.0

Post = Callable[[JoinCode, str, str], Answer]


@dataclass(frozen=True)
class RoomConnection:
    """The connection to the room. ``problem`` says in a sentence why there is none; ``room`` is the last answer."""

    joined: bool = False
    problem: str = ""
    help: str = "none"
    room: RoomState | None = None


class RoomSync:
    """Sends a workspace's snapshot every two seconds, and a click on ``I am stuck`` or ``Done`` at once.

    The ``listeners``, by the place that they serve, are called from the thread whenever the connection changes.
    """

    def __init__(self, workspace: Workspace, lesson: str, post: Post = membership.post) -> None:
        self.workspace, self.lesson = workspace, lesson
        self.connection = RoomConnection(joined=membership.read(workspace) is not None)
        self.listeners: dict[str, Callable[[RoomConnection], None]] = {}
        self._post = post
        self._wake, self._stop = threading.Event(), threading.Event()
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name="live room", daemon=True)

    def start(self) -> None:
        """Start the thread; it ends with the kernel."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stop.set()
        self._wake.set()
        self._thread.join()

    def click_help(self, help_state: Help) -> None:
        """Record a click on ``I am stuck`` or ``Done``, show it, and send it at once."""
        self._tell(replace(self.connection, help=membership.click_help(self.workspace, help_state)))
        self._wake.set()

    def sync(self) -> RoomConnection:
        """Send the snapshot of now, and return what came of it."""
        try:
            connection = self._exchange()
        except WorkshopError as error:  # a damaged progress file, a full disk
            connection = replace(self.connection, joined=True, problem=str(error))
        except Exception as error:  # the thread goes on, and prints nothing
            connection = replace(self.connection, joined=True, problem=f"Nothing was sent ({type(error).__name__}).")
        self._failures = self._failures + 1 if connection.problem else 0
        if connection != self.connection:
            self._tell(connection)
        return connection

    def _tell(self, connection: RoomConnection) -> None:
        self.connection = connection
        for listener in list(self.listeners.values()):
            listener(connection)

    def _exchange(self) -> RoomConnection:
        found = membership.next_snapshot(self.workspace, self.lesson)
        if found is None:
            return RoomConnection()
        code, snapshot = found
        try:
            state = membership.state_in(self._post(code, "snapshot", snapshot.model_dump_json()), code)
        except WorkshopError as error:
            return RoomConnection(True, str(error), snapshot.help, self.connection.room)
        if snapshot.help == "none" or state.helped < snapshot.help_clicks:
            return RoomConnection(True, help=snapshot.help, room=state)
        membership.clear_help(self.workspace, snapshot.help_clicks)
        return RoomConnection(True, room=state)

    def _run(self) -> None:
        while not self._stop.is_set():
            self.sync()
            self._wake.wait(self._pause())
            self._wake.clear()  # before the look at `_stop`, which is set before `_wake`

    def _pause(self) -> float:
        """Return the seconds to the next snapshot: longer without an answer, and random for each participant."""
        pause = min(INTERVAL_SECONDS * 2.0 ** min(self._failures, 9), LONGEST_SECONDS)
        return pause + random.uniform(-JITTER_SECONDS, JITTER_SECONDS)  # noqa: S311 - spreads the load


_of_kernel: dict[Path, RoomSync] = {}


def start_sync(workspace: Workspace, lesson: str) -> RoomSync:
    """Return the thread of this kernel, started if there is none; the room is told the lesson."""
    membership.change(workspace, lesson=lesson)
    if workspace.folder not in _of_kernel:
        _of_kernel[workspace.folder] = RoomSync(workspace, lesson)
        _of_kernel[workspace.folder].start()
    return _of_kernel[workspace.folder]
