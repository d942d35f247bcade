"""The live room in a notebook: join, say "stuck" or "done", and see where the presenter sends the class.

A thread keeps the room informed while a lesson's kernel runs; it prints nothing and blocks no cell. It reads the
progress file, so clicks, checks of panels and checks at the terminal are all seen.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Any

import traitlets
from IPython.display import DisplayHandle, display

from workshop_kit.display.live import PARTS, Job, JobWidget, answer_while_busy
from workshop_kit.display.rendered import Rendered
from workshop_kit.display.static_panel import PANEL_CSS, static_page
from workshop_kit.errors import WorkshopError
from workshop_kit.membership import membership
from workshop_kit.membership.disclosure import SUMMARY, disclosure
from workshop_kit.membership.join_code import JoinCode
from workshop_kit.membership.protocol import Help
from workshop_kit.observe.http import Answer
from workshop_kit.workspace.folder import Workspace

HERE = Path(__file__).parent
LABEL = "Live room"
HOW = "To join the instructor's live room, run this cell in JupyterLab, or type ./workshop join CODE at the terminal."
LEFT = "The room has forgotten you."
LEFT_WITHOUT_ANSWER = "You have left. The room did not answer; it forgets all participants when it closes."
INTERVAL_SECONDS = 2.0
JITTER_SECONDS = 0.5

Post = Callable[[JoinCode, str, str], Answer]


@dataclass(frozen=True)
class RoomConnection:
    """The connection to the room, as the page shows it.

    ``problem`` is a sentence that says why there is none; "" without a problem. ``notebooks`` says whether notebooks
    that were open before the join show the room.
    """

    joined: bool = False
    problem: str = ""
    help: str = "none"
    number: int = 0  # of the participant; 0 before the first answer
    notice: dict[str, Any] | None = None
    notebooks: bool = False
    poll: dict[str, Any] | None = None  # the presenter's question, where notebooks show it
    summary: str = ""  # the sentence for a room whose presenter keeps a summary; "" for others


class RoomSync:
    """Sends a workspace's snapshot every two seconds, and a click on ``I am stuck`` or ``Done`` at once.

    ``listeners`` are called whenever the connection changes, most of the time in the thread; their keys are the places
    that they serve.
    """

    def __init__(self, workspace: Workspace, lesson: str, post: Post = membership.post) -> None:
        self.workspace = workspace
        self.lesson = lesson
        self.connection = RoomConnection(joined=membership.read(workspace) is not None)
        self.listeners: dict[str, Callable[[RoomConnection], None]] = {}
        self._post = post
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sync_until_stopped, name="live room", daemon=True)

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
        next_state = membership.click_help(self.workspace, help_state)
        self._set_connection(replace(self.connection, help=next_state))
        self._wake.set()

    def answer(self, poll: str, choice: str) -> None:
        """Record an answer to the presenter's question, and send it at once.

        ``poll`` is the question's id, ``choice`` the option's key. Do nothing if the question is not open any more, or
        if it has no such option.
        """
        open_poll = self.connection.poll
        if open_poll is None or open_poll["id"] != poll:
            return
        if choice not in open_poll["options"]:
            return

        membership.keep_answer(self.workspace, poll, choice)
        self._set_connection(replace(self.connection, poll=None))
        self._wake.set()

    def sync(self) -> RoomConnection:
        """Send the current snapshot; return the connection after it, with a ``problem`` if it failed."""
        try:
            connection = self._send_snapshot()
        except WorkshopError as error:
            connection = replace(self.connection, joined=True, problem=str(error))
        except Exception as error:  # a damaged progress file, say: the thread must go on, and print nothing
            problem = f"Nothing was sent ({type(error).__name__})."
            connection = replace(self.connection, joined=True, problem=problem)

        if connection != self.connection:
            self._set_connection(connection)
        return connection

    def _set_connection(self, connection: RoomConnection) -> None:
        """Set the connection, and call all listeners with it."""
        self.connection = connection
        for listener in list(self.listeners.values()):
            listener(connection)

    def _send_snapshot(self) -> RoomConnection:
        """Send the current snapshot; return the connection that the room's answer describes.

        Raises WorkshopError without an answer. Without a membership nothing is sent.
        """
        next_snapshot = membership.next_snapshot(self.workspace, self.lesson)
        if next_snapshot is None:
            return RoomConnection()

        code, snapshot = next_snapshot
        answer = self._post(code, "snapshot", snapshot.model_dump_json())
        state = membership.state_in(answer, code)
        was_helped = state.helped >= snapshot.help_clicks
        if was_helped and snapshot.help != "none":
            membership.clear_help(self.workspace, snapshot.help_clicks)

        recorded_membership = membership.read(self.workspace)
        poll = None
        if state.poll and state.poll.in_notebook:
            poll = state.poll.model_dump()

        return RoomConnection(
            joined=True,
            help="none" if was_helped else snapshot.help,
            number=state.number,
            notice=state.notice.model_dump() if state.notice else None,
            notebooks=recorded_membership is not None and recorded_membership.notebooks,
            poll=poll,
            summary=SUMMARY if state.keeps_summary else "",
        )

    def _sync_until_stopped(self) -> None:
        """Send a snapshot every two seconds, and at once when `_wake` is set."""
        while not self._stop.is_set():
            self.sync()
            jitter = random.uniform(-JITTER_SECONDS, JITTER_SECONDS)  # noqa: S311 - spreads the load of a class
            self._wake.wait(INTERVAL_SECONDS + jitter)
            self._wake.clear()  # `stop` sets `_stop` before `_wake`, so the loop's condition sees it


_sync_by_folder: dict[Path, RoomSync] = {}
"""The threads of this kernel, by the folder of their workspace."""


def start_sync(workspace: Workspace, lesson: str) -> RoomSync:
    """Record the lesson in the membership; return this kernel's `RoomSync`, which is started if there is none."""
    membership.change(workspace, lesson=lesson)
    sync = _sync_by_folder.get(workspace.folder)
    if sync is None:
        sync = RoomSync(workspace, lesson)
        _sync_by_folder[workspace.folder] = sync
        sync.start()
    return sync


class RoomWidget(JobWidget):
    """The room in the browser.

    It receives ``{"do": "join", "code": …, "name": …}``, ``{"do": "help", "help": "stuck"}``, ``{"do": "leave"}`` and
    ``{"do": "answer", "poll": …, "choice": …}``.
    """

    _esm = PARTS + (HERE / "room_poll.js").read_text() + (HERE / "room_widget.js").read_text()
    _css = PANEL_CSS + (HERE / "room_widget.css").read_text()
    disclosed = traitlets.List(traitlets.Unicode()).tag(sync=True)  # what leaves the laptop, a line each
    room = traitlets.Dict().tag(sync=True)  # a `RoomConnection`
    lesson = traitlets.Unicode().tag(sync=True)


@dataclass
class RoomView:
    """The live room on a lesson's page; the thread of `RoomSync` keeps it up to date."""

    workspace: Workspace
    sync: RoomSync
    job: Job = field(init=False, repr=False)

    def __post_init__(self) -> None:
        room = asdict(self.sync.connection)
        widget = RoomWidget(disclosed=disclosure(), room=room, lesson=self.sync.lesson)
        widget.on_msg(self.handle_message)
        self.job = Job(widget, lambda: PAGE, self._state)

    def _state(self) -> dict[str, Any]:
        return {"room": asdict(self.sync.connection)}

    def show(self, place: str, reserved: DisplayHandle | None = None) -> None:
        """Show the widget and its static twin in the running cell, or the widget alone in a ``reserved`` output.

        From now on the thread updates this widget, and no longer the one that was shown at this ``place`` before.
        """
        self.sync.listeners[place] = self._update_widget
        if reserved is None:
            self.job.show()
        else:
            answer_while_busy(self.job.widget)
            reserved.update(self.job.widget)  # type: ignore[no-untyped-call]

    def _update_widget(self, connection: RoomConnection) -> None:
        self.job.set(room=asdict(connection))

    def handle_message(self, _: object, content: Mapping[str, Any], __: object) -> None:
        """Do what a message of the page asks for; ignore any other message.

        While a cell is busy, this runs in a thread of its own.
        """
        match content:
            case {"do": "join", "code": str(code), "name": str(name)}:
                self.job.start("join", lambda _: self._join(code, name))
            case {"do": "help", "help": "stuck" | "done" as help_state}:
                self.job.answer(lambda: self.sync.click_help(help_state))
            case {"do": "answer", "poll": str(poll), "choice": str(choice)}:
                self.job.answer(lambda: self.sync.answer(poll, choice))
            case {"do": "leave"}:
                self.job.start("leave", lambda _: self._leave())

    def _join(self, code: str, name: str) -> str:
        """Join the room of a code; return the sentence for the page."""
        membership.join(self.workspace, JoinCode.read(code), name, self.sync.lesson)
        self.sync.sync()
        return "You have joined."

    def _leave(self) -> str:
        """Leave the room; return the sentence for the page."""
        has_answered = membership.leave(self.workspace)
        self.sync.sync()
        return LEFT if has_answered else LEFT_WITHOUT_ANSWER


def show_once_joined(workspace: Workspace, sync: RoomSync, place: str) -> None:
    """Reserve an output of the running cell, and show the room there once the workspace has joined it at a terminal.

    The output stays empty if the join was made without ``notebooks``.
    """
    reserved = display(Rendered("", ""), display_id=True)  # type: ignore[no-untyped-call]

    def show_room(connection: RoomConnection) -> None:
        if connection.joined and connection.notebooks:
            RoomView(workspace, sync).show(place, reserved)

    sync.listeners[place] = show_room


PAGE: Rendered = static_page(LABEL, f'<p class="wk-ex-status">{escape(HOW)}</p>', HOW)
