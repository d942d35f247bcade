"""The live room on the desk's pages: the presenter's actions and state, and what the audience sees of the class."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import segno

from workshop_kit.classroom.join_code import JoinCode
from workshop_kit.classroom.snapshot import Notice, Poll
from workshop_kit.errors import WrongUsage
from workshop_kit.instructor.audience import Audience
from workshop_kit.instructor.classroom import Classroom
from workshop_kit.lessons.predictions import load_all_questions
from workshop_kit.workspace.course import lesson_names, load_course

Body = Mapping[str, Any]
VIEWS = ("join", "class")
"""What the audience's page can show of a room, besides the counts of a poll."""


class RoomApi:
    """One open room: ``actions`` are the presenter's buttons, ``state`` and ``audience_state`` what the pages ask."""

    def __init__(self, code: JoinCode, audience: Audience, root: Path) -> None:
        self.code, self.audience, self._notebooks = code, audience, root / "notebooks"
        self.headings = {name: _headings(self._notebooks / f"{name}.ipynb") for name in lesson_names(self._notebooks)}
        exercises: dict[str, list[str]] = {name: [] for name in self.headings}
        for one in load_course(root).exercises:
            exercises.setdefault(one.lesson, []).append(one.id)
        self.classroom = Classroom(load_all_questions(self._notebooks), exercises)
        audience.views += VIEWS
        self.actions: Mapping[str, Callable[[Body], object]] = {
            "poll": lambda body: self._open_poll(body.get("prediction")),
            "poll-end": lambda _: self._end_poll(),
            "notice": lambda body: self._notify(body.get("lesson"), body.get("cell")),
            "notice-end": lambda _: self._end_notice(),
            "helped": lambda body: self.classroom.help_given(body.get("number")),
            "clear-done": lambda _: self.classroom.clear_done(),
        }

    def addresses(self) -> list[str]:
        """Return how to join, and which address is open to the network, a line each."""
        where = f"{self.code.address}, port {self.code.port}"
        return [
            f"To join:      ./workshop join {self.code}, or {self.code.page_url}",
            f"The live room listens on {where}; everything else stays on this machine.",
        ]

    def choices(self) -> dict[str, Any]:
        """Return what can be chosen: predictions with their questions, and headings with their cells by lesson."""
        questions = {name: one.question for name, one in self.classroom.questions.items()}
        return {"predictions": questions, "headings": self.headings}

    def state(self) -> dict[str, Any]:
        """Return the class for the presenter, with the names that were given."""
        notice, poll = self.classroom.notice, self.classroom.poll
        return {
            **self.audience_state(),
            "queue": self.classroom.queue(),
            "notice": notice.text if notice else "",
            "poll": poll.question if poll else "",
        }

    def audience_state(self) -> dict[str, Any]:
        """Return the class and the code, without names."""
        return {"code": str(self.code), "address": self.code.page_url, "board": self.classroom.board()}

    def picture(self) -> str:
        """Return the QR code of the room's page, as SVG; black on white in every theme, as cameras want it."""
        written = io.BytesIO()
        made = segno.make(self.code.page_url, error="m", micro=False)
        made.save(written, kind="svg", border=4, dark="#000", light="#fff", omitsize=True, xmldecl=False)
        return written.getvalue().decode()

    def _open_poll(self, prediction: object) -> None:
        """Open a prediction as a poll; without one, that of the newest guess."""
        name = prediction or self.classroom.newest
        if not name:
            raise WrongUsage("There is no guess yet.", "Choose a prediction, or wait for the first guess.")
        question = self.classroom.questions.get(str(name))
        if question is None:
            raise WrongUsage(f"There is no prediction {name!r}.", "Choose one from the list.")
        options = {key: option.text for key, option in question.options.items()}
        self.classroom.poll = Poll(id=str(name), question=question.question, options=options)
        self.audience.show_poll(lambda: self.classroom.histogram(str(name)))

    def _end_poll(self) -> None:
        self.classroom.poll = None

    def _notify(self, lesson: object, cell: object) -> None:
        """Send the class to a cell with a heading."""
        headings = dict(self.headings.get(str(lesson), ()))
        if str(cell) not in headings:
            raise WrongUsage(f"{lesson} has no heading {cell!r}.", "Choose one from the list.")
        text = f"Everybody to: {headings[str(cell)]}"
        self.classroom.notice = Notice(number=int(time.time()), lesson=str(lesson), cell=str(cell), text=text)

    def _end_notice(self) -> None:
        self.classroom.notice = None


def _headings(notebook: Path) -> list[tuple[str, str]]:
    """Return the text cells of a notebook that begin with a heading: id and heading."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    texts = [(cell["id"], "".join(cell["source"])) for cell in cells if cell["cell_type"] == "markdown"]
    return [(name, text.partition("\n")[0].lstrip("# ")) for name, text in texts if text.startswith("#")]
