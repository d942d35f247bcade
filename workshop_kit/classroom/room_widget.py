"""The live room in a notebook: join, say "stuck" or "done", and see where the presenter sends the class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import traitlets

from workshop_kit.classroom import membership
from workshop_kit.classroom.protocol import JoinCode, disclosure
from workshop_kit.classroom.sync import RoomConnection, RoomSync
from workshop_kit.display.rendered import Rendered
from workshop_kit.exercises.cards import PANEL_CSS, static_page
from workshop_kit.exercises.widget_job import PARTS, Job, JobWidget
from workshop_kit.workspace.folder import Workspace

HERE = Path(__file__).parent
LABEL = "Live room"
HOW = "To join the instructor's live room, run this cell in JupyterLab, or type ./workshop join CODE at the terminal."
LEFT = "The room has forgotten you."
LEFT_WITHOUT_ANSWER = "You have left. The room did not answer; it forgets all participants when it closes."


class RoomWidget(JobWidget):
    """The room in the browser.

    It receives ``{"do": "join", "code": …, "name": …}``, ``{"do": "help", "help": "stuck"}`` and ``{"do": "leave"}``.
    """

    _esm = PARTS + (HERE / "room_widget.js").read_text()
    _css = PANEL_CSS + (HERE / "room_widget.css").read_text()
    disclosed = traitlets.List(traitlets.Unicode()).tag(sync=True)  # what leaves the laptop, a line each
    room = traitlets.Dict().tag(sync=True)  # see `_state`
    lesson = traitlets.Unicode().tag(sync=True)


@dataclass
class RoomView:
    """The live room on a lesson's page; the thread of `RoomSync` keeps it up to date."""

    workspace: Workspace
    sync: RoomSync
    job: Job = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.job = Job(self._widget(), lambda: PAGE, lambda: {"room": _state(self.sync.connection)})

    def show(self, place: str) -> None:
        """Show the widget and its static twin; a new widget at a place replaces the former one."""
        self.sync.listeners[place] = lambda connection: self.job.set(room=_state(connection))
        self.job.show()

    def _widget(self) -> RoomWidget:
        widget = RoomWidget(disclosed=disclosure(), room=_state(self.sync.connection), lesson=self.sync.lesson)
        widget.on_msg(self.handle_message)
        return widget

    def handle_message(self, _: object, content: Mapping[str, Any], __: object) -> None:
        """Handle a message of the page; runs in its own thread while a cell is busy."""
        match content:
            case {"do": "join", "code": str(code), "name": str(name)}:
                self.job.start("join", lambda _: self._join(code, name))
            case {"do": "help", "help": "stuck" | "done" as state}:
                self.job.answer(lambda: self.sync.click_help(state))
            case {"do": "leave"}:
                self.job.start("leave", lambda _: self._leave())

    def _join(self, code: str, name: str) -> str:
        membership.join(self.workspace, JoinCode.read(code), name, self.sync.lesson)
        self.sync.sync()
        return "You have joined."

    def _leave(self) -> str:
        has_answered = membership.leave(self.workspace)
        self.sync.sync()
        return LEFT if has_answered else LEFT_WITHOUT_ANSWER


def _state(connection: RoomConnection) -> dict[str, Any]:
    """Return what the page needs of a connection."""
    room = connection.room
    return {
        "joined": connection.joined,
        "problem": connection.problem,
        "help": connection.help,
        "number": room.number if room else 0,
        "notice": room.notice.model_dump() if room and room.notice else None,
    }


PAGE: Rendered = static_page(LABEL, f'<p class="wk-ex-status">{escape(HOW)}</p>', HOW)
