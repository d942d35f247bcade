"""What the pages of the live room ask and do, as plain data."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import segno

from workshop_kit.errors import WrongUsage
from workshop_kit.lessons.predictions import ASKS, load_all_questions
from workshop_kit.membership.disclosure import SUMMARY
from workshop_kit.membership.join_code import JoinCode
from workshop_kit.membership.protocol import Notice, Poll
from workshop_kit.workspace.course import lesson_names, notebook_cells
from workshop_room.desk.audience import Audience
from workshop_room.desk.classroom import Body, Classroom
from workshop_room.desk.room_questions import RoomQuestions
from workshop_room.timetable.track_times import TrackTimes

FOLDED = " (not on the track {track}: open “Not today” to read it)"


class RoomApi:
    """One open room: ``actions`` are the presenter's buttons, ``state`` and ``audience_state`` what the pages ask.

    ``times`` are those of the track that is taught, by default the full one.
    """

    def __init__(self, code: JoinCode, audience: Audience, root: Path, times: TrackTimes | None = None) -> None:
        self.times = times or TrackTimes.of(root)
        self.code = code
        self.audience = audience
        self._notebooks = root / "notebooks"

        qr_code = segno.make(code.page_url, error="m", micro=False)
        self.qr = qr_code.svg_data_uri(border=4, dark="#000", light="#fff")  # cameras read black on white best

        self._cells = {
            name: notebook_cells(self._notebooks / f"{name}.ipynb") for name in lesson_names(self._notebooks)
        }
        self.headings = {name: _headings(cells) for name, cells in self._cells.items()}
        self.classroom = Classroom(load_all_questions(self._notebooks), self._exercises_on_track())

        lessons = [lesson for lesson in self.times.course.lessons if self.times.has_lesson(lesson.name)]
        titles = {lesson.name: lesson.title for lesson in lessons}
        self.questions = RoomQuestions(self.classroom, titles)
        self.actions: Mapping[str, Callable[[Body], object]] = {**self.questions.actions, **self._own_actions()}

    def _exercises_on_track(self) -> dict[str, list[str]]:
        """Return the ids of the track's exercises for each lesson, also for one without exercises."""
        exercises: dict[str, list[str]] = {name: [] for name in self.headings}
        for exercise in self.times.course.exercises:
            if self.times.track in exercise.tracks:
                exercises.setdefault(exercise.lesson, []).append(exercise.id)
        return exercises

    def _own_actions(self) -> dict[str, Callable[[Body], object]]:
        """Return the presenter's buttons, except those of the questions."""
        return {
            "poll": lambda body: self._open_poll(body.get("prediction")),
            "poll-end": lambda _: self._end_poll(),
            "notice": lambda body: self._send_notice(body.get("lesson"), body.get("cell")),
            "notice-end": lambda _: self._end_notice(),
            "helped": lambda body: self.classroom.record_help(body.get("number")),
            "clear-done": lambda _: self.classroom.clear_done(),
            "remove-unanswered": lambda body: self.classroom.remove_unanswered(body.get("address")),
        }

    def choices(self) -> dict[str, Any]:
        """Return what can be chosen: ``predictions`` with their questions, and the lessons' ``headings`` with cells.

        Each says whether the track has it.
        """
        on_track = self._predictions_on_track()
        predictions = [
            {"name": name, "question": question.question, "on_track": on_track.get(name, False)}
            for name, question in self.classroom.questions.items()
        ]

        headings: dict[str, list[dict[str, Any]]] = {}
        for lesson, lesson_headings in self.headings.items():
            headings[lesson] = [
                {"cell": cell, "text": text, "on_track": self._is_on_track(lesson, cell)}
                for cell, text in lesson_headings
            ]
        return {"predictions": predictions, "headings": headings}

    def _predictions_on_track(self) -> dict[str, bool]:
        """Return for each prediction that a cell asks whether the track has the cell."""
        on_track: dict[str, bool] = {}
        for lesson, cells in self._cells.items():
            for cell in cells:
                names = ASKS.findall(cell["source"])
                on_track |= {f"{lesson}.{name}": self._is_on_track(lesson, cell["id"]) for name in names}
        return on_track

    def state(self) -> dict[str, Any]:
        """Return what the presenter sees of the class: all that the audience sees, and who is stuck, with names."""
        notice = self.classroom.notice
        poll = self.classroom.poll
        return {
            **self.audience_state(),
            "queue": self.classroom.queue(),
            "unanswered": self.classroom.unanswered_addresses(),
            "notice": notice.text if notice else "",
            "poll": poll.question if poll else "",
            "questions": self.questions.state(),
        }

    def audience_state(self) -> dict[str, Any]:
        """Return the class, the code and its QR code, without names."""
        return {
            "code": str(self.code),
            "address": self.code.page_url,
            "qr": self.qr,
            "board": self.classroom.board(),
            "learning": self.questions.audience_state(),
            "summary": SUMMARY if self.classroom.keeps_summary else "",
        }

    def _open_poll(self, prediction: object) -> None:
        """Open a prediction as a poll, and show its counts; without a name, that of the newest guess."""
        chosen = prediction or self.classroom.newest_prediction
        if not chosen:
            raise WrongUsage("There is no guess yet.", "Choose a prediction, or wait for the first guess.")
        name = str(chosen)
        question = self.classroom.questions.get(name)
        if question is None:
            raise WrongUsage(f"There is no prediction {chosen!r}.", "Choose one from the list.")

        options = {key: option.text for key, option in question.options.items()}
        self.questions.close()
        self.classroom.poll = Poll(id=name, question=question.question, options=options)
        self.audience.show_prediction(lambda: self.classroom.histogram(name))

    def _is_on_track(self, lesson: str, cell: str) -> bool:
        """Return whether the track opens a lesson and shows a cell of it."""
        return self.times.has_lesson(lesson) and self.times.has_cell(lesson, cell)

    def _end_poll(self) -> None:
        self.classroom.poll = None

    def _end_notice(self) -> None:
        self.classroom.notice = None

    def _send_notice(self, lesson: object, cell: object) -> None:
        """Ask everybody to go to a heading of a lesson. Raises WrongUsage if the lesson does not have it."""
        lesson_name = str(lesson)
        cell_id = str(cell)
        headings = dict(self.headings.get(lesson_name, ()))
        if cell_id not in headings:
            raise WrongUsage(f"{lesson} has no heading {cell!r}.", "Choose one from the list.")

        text = f"Everybody to: {headings[cell_id]}"
        if not self.times.has_cell(lesson_name, cell_id):
            text += FOLDED.format(track=self.times.track)
        self.classroom.notice = Notice(number=int(time.time()), lesson=lesson_name, cell=cell_id, text=text)


def _headings(cells: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return cell id and heading of each text cell of a notebook that begins with a heading."""
    headings = []
    for cell in cells:
        first_line, _, _ = cell["source"].partition("\n")
        if cell["cell_type"] == "markdown" and first_line.startswith("#"):
            headings.append((cell["id"], first_line.lstrip("# ")))
    return headings
