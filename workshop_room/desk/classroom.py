"""The class of a live room: the newest snapshot of every participant, in memory, and what the desk's pages see of it.

Only `Classroom.queue` has names: it is for the presenter's page alone.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import segno

from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.lessons.predictions import ASKS, Question, load_all_questions
from workshop_kit.membership.protocol import SUMMARY, JoinCode, Notice, Poll, Repair, RoomState, Snapshot
from workshop_kit.workspace.course import lesson_names, notebook_cells
from workshop_room.desk.audience import Audience, GivenAnswer, GuessCounts
from workshop_room.desk.join_limit import JoinLimit
from workshop_room.desk.questionnaires import Questionnaire
from workshop_room.desk.room_questions import RoomQuestions
from workshop_room.timetable.track_times import TrackTimes

MOST_PARTICIPANTS = 1_000
SILENT_SECONDS = 15 * 60
"""After so long a participant is no longer counted; the next snapshot brings everything back."""
MANY_UNANSWERED = 20
"""From so many on, the presenter's page shows an address whose participants have not answered."""

FOLDED = " (not on the track {track}: open “Not today” to read it)"

Body = Mapping[str, Any]


class TooManyJoins(WorkshopError):
    """Too many joins came from one address; a later one is admitted."""


@dataclass
class Participant:
    """One participant: a neutral ``number``, the newest snapshot, and when help was asked for.

    ``helped`` is the number of help clicks that the presenter has answered, ``reports`` the number of snapshots that
    came, the last of them at ``heard_at``. The random number in the snapshots is how the room knows a laptop again.
    ``on_phone``: the snapshots come from the room's page, which has an address of its own for them.
    ``times_stuck`` counts clicks on ``I am stuck`` by lesson. ``was_told``: that a summary of the session is kept.
    """

    number: int
    snapshot: Snapshot
    address: str = ""
    help_since: float = 0.0
    helped: int = 0
    reports: int = 0
    heard_at: float = 0.0
    on_phone: bool = False
    was_told: bool = False
    times_stuck: Counter[str] = field(default_factory=Counter)

    @property
    def help(self) -> str:
        """``stuck``, ``done`` or ``none``; an answered click is none."""
        return self.snapshot.help if self.snapshot.help_clicks > self.helped else "none"

    @property
    def has_answered(self) -> bool:
        """Whether the participant made a prediction, passed an exercise, repaired an incident, or clicked for help."""
        snapshot = self.snapshot
        return bool(snapshot.guesses or snapshot.passed or snapshot.repairs or snapshot.help_clicks)

    @property
    def name(self) -> str:
        """The name that was given, else a neutral one."""
        return self.snapshot.name or f"Table {self.number}"


@dataclass
class Classroom:
    """What the participants report. Lessons, exercises and predictions that the course lacks are not counted.

    One thread, the room server's, reports and forgets; the desk's threads read copies of the list, and remove.
    """

    questions: Mapping[str, Question]
    exercises: Mapping[str, Collection[str]]  # of each lesson
    notice: Notice | None = None
    poll: Poll | None = None
    questionnaire: Questionnaire | None = None
    keeps_summary: bool = False
    newest: str = ""  # the prediction of the newest guess
    clock: Callable[[], float] = time.monotonic
    _participants: dict[str, Participant] = field(default_factory=dict, repr=False)
    _forgotten: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_PARTICIPANTS), repr=False)
    _numbers: int = 0

    def __post_init__(self) -> None:
        self._joins = JoinLimit(self.clock)

    def report(self, snapshot: Snapshot, address: str = "", *, on_phone: bool = False) -> RoomState:
        """Keep a snapshot of a laptop or a phone unless a newer one is known; return the room's state.

        Raises TooManyJoins where ``address`` has to wait, WorkshopError when the room is full.
        """
        if snapshot.participant in self._forgotten:  # it was under way when the participant left
            raise WorkshopError("You have left the room.", "Join again.")
        known = self._participants.get(snapshot.participant) or self._add(snapshot.participant, address)
        known.heard_at = self.clock()
        known.on_phone = on_phone
        known.reports += 1
        keeps_summary = self.keeps_summary  # another thread may change it
        known.was_told |= keeps_summary
        if snapshot.sequence >= known.snapshot.sequence:
            self._replace(known, snapshot)
        return RoomState(
            number=known.number,
            helped=known.helped,
            notice=self.notice,
            poll=self._poll_for(known),
            keeps_summary=keeps_summary,
        )

    def forget(self, participant: str) -> None:
        """Forget a participant, also what is still under way."""
        if self._participants.pop(participant, None) is not None:
            self._forgotten.append(participant)

    def unanswered(self) -> list[dict[str, Any]]:
        """Return each ``address`` from which many joined and never answered, with their ``count``, most first."""
        counts = Counter(one.address for one in self._present() if not one.has_answered)
        most_first = counts.most_common()
        return [{"address": address, "count": count} for address, count in most_first if count >= MANY_UNANSWERED]

    def remove_unanswered(self, address: object) -> int:
        """Remove those who joined from an address and never answered; return how many.

        A laptop among them comes back with one of its next snapshots, as a new one joins.
        """
        of_address = [participant for participant in self._all() if participant.address == address]
        removed = [participant for participant in of_address if not participant.has_answered]
        for participant in removed:
            self._participants.pop(participant.snapshot.participant, None)
            self._joins.restart(participant.address)
        return len(removed)

    def snapshots(self) -> list[Snapshot]:
        """Return the newest snapshot of every participant."""
        return [one.snapshot for one in self._present()]

    def everybody(self) -> list[Snapshot]:
        """Return the newest snapshot of everybody who has not left, also of those who are silent."""
        return [one.snapshot for one in self._all()]

    def told(self) -> list[Snapshot]:
        """Return the newest snapshot of those who have not left and were told that a summary is kept."""
        return [one.snapshot for one in self._all() if one.was_told]

    def times_stuck(self) -> Counter[str]:
        """Return how often those who were told that a summary is kept clicked ``I am stuck``, by lesson."""
        return sum((one.times_stuck for one in self._all() if one.was_told), Counter[str]())

    def help_given(self, number: object) -> None:
        """Record that a participant was helped. Raises WrongUsage for an unknown number."""
        found = next((one for one in self._all() if one.number == number), None)
        if found is None:
            raise WrongUsage(f"There is no participant {number} any more.")
        found.helped = found.snapshot.help_clicks

    def clear_done(self) -> None:
        """Take back every ``done``, for the next exercise."""
        for one in self._all():
            if one.help == "done":
                one.helped = one.snapshot.help_clicks

    def histogram(self, prediction: str) -> GuessCounts:
        """Return the guesses of one prediction."""
        given = [
            GivenAnswer(guess.choice, guess.outcome, one.on_phone)
            for one in self._present()
            if (guess := one.snapshot.guesses.get(prediction)) is not None
        ]
        return GuessCounts.of_guesses(given, self.questions[prediction])

    def queue(self) -> list[dict[str, Any]]:
        """Return who is stuck, the longest waiting first: ``number``, ``name``, ``lesson``, ``minutes``."""
        stuck = sorted((one for one in self._present() if one.help == "stuck"), key=lambda one: one.help_since)
        return [
            {
                "number": one.number,
                "name": one.name,
                "lesson": one.snapshot.lesson,
                "minutes": int(self.clock() - one.help_since) // 60,
            }
            for one in stuck
        ]

    def board(self) -> dict[str, Any]:
        """Return the state of the class without names: devices, lessons with their exercises, incidents."""
        participants = self._present()
        snapshots = [one.snapshot for one in participants]
        return {
            "devices": _devices(participants),
            "stuck": sum(one.help == "stuck" for one in participants),
            "done": sum(one.help == "done" for one in participants),
            "lessons": self._lessons(snapshots),
            "incidents": _incidents(snapshots),
        }

    def _lessons(self, snapshots: list[Snapshot]) -> list[dict[str, Any]]:
        """Return the lessons that a participant is in or has passed an exercise of."""
        people = Counter(snapshot.lesson for snapshot in snapshots)
        minutes: dict[str, list[int]] = defaultdict(list)
        for snapshot in snapshots:
            for name, taken in snapshot.passed.items():
                minutes[name].append(taken)

        rows: list[dict[str, Any]] = []
        for lesson, names in self.exercises.items():
            exercises = [_exercise(name, minutes[name]) for name in names]
            if people[lesson] or any(exercise["passed"] for exercise in exercises):
                rows.append({"name": lesson, "people": people[lesson], "exercises": exercises})
        return rows

    def _poll_for(self, one: Participant) -> Poll | None:
        """Return the open poll, or the next one of the questionnaire for a participant."""
        if self.questionnaire is not None:
            return self.questionnaire.next_poll(one.snapshot.guesses)
        return self.poll

    def _add(self, participant: str, address: str) -> Participant:
        self._make_place(address)
        self._numbers += 1
        new = Participant(self._numbers, Snapshot(participant=participant), address)
        return self._participants.setdefault(participant, new)

    def _make_place(self, address: str) -> None:
        """Remove a participant where a join from ``address`` needs the place. Raises as `report` does."""
        single = [one for one in self._all() if one.reports == 1]  # they joined and did not come back
        if not self._joins.take(address):
            replaceable = [one for one in single if one.address == address]
            if not replaceable:
                raise TooManyJoins("Too many join from your address at this moment.", "Try again in a few seconds.")
        elif len(self._participants) >= MOST_PARTICIPANTS:
            silent = [one for one in self._all() if self._is_silent(one)]
            replaceable = single or silent or self._newest_of_busiest(address)
            if not replaceable:
                raise WorkshopError(f"The room is full: {MOST_PARTICIPANTS} have joined.", "Tell the presenter.")
        else:
            return
        longest_silent = min(replaceable, key=lambda one: one.heard_at)
        self._participants.pop(longest_silent.snapshot.participant, None)

    def _newest_of_busiest(self, address: str) -> list[Participant]:
        """Return the newest participant of the address that has the most, unless that is ``address`` itself.

        One who has not answered comes before those who have.
        """
        participants = self._all()
        busiest, _ = Counter(one.address for one in participants).most_common(1)[0]
        if busiest == address:
            return []
        candidates = [one for one in participants if one.address == busiest]
        return [max(candidates, key=lambda one: (not one.has_answered, one.number))]

    def _replace(self, known: Participant, snapshot: Snapshot) -> None:
        before = known.snapshot
        predicted = [name for name in snapshot.guesses if name in self.questions]
        new = [name for name in predicted if name not in before.guesses]
        self.newest = new[-1] if new else self.newest
        if snapshot.help_clicks != before.help_clicks:
            known.help_since = self.clock()
            if snapshot.help == "stuck" and snapshot.lesson in {"", *self.exercises}:
                known.times_stuck[snapshot.lesson] += 1
        known.snapshot = snapshot

    def _is_silent(self, one: Participant) -> bool:
        return self.clock() - one.heard_at > SILENT_SECONDS

    def _present(self) -> list[Participant]:
        return [one for one in self._all() if not self._is_silent(one)]

    def _all(self) -> list[Participant]:
        return list(self._participants.values())


def _devices(participants: Collection[Participant]) -> str:
    """Return how many joined, in words: ``41 laptops, 2 phones``."""
    phones = sum(one.on_phone for one in participants)
    laptops = len(participants) - phones
    counted = [(laptops, "laptop")] if laptops or not phones else []
    counted += [(phones, "phone")] if phones else []
    return ", ".join(f"{count} {kind}{'' if count == 1 else 's'}" for count, kind in counted)


def _exercise(name: str, minutes: list[int]) -> dict[str, Any]:
    known = [taken for taken in minutes if taken]
    return {"id": name, "passed": len(minutes), "minutes": statistics.median(known) if known else None}


def _incidents(snapshots: Iterable[Snapshot]) -> list[dict[str, Any]]:
    """Return for each incident the number of repairs, the median seconds, and the signals that participants named."""
    repairs: dict[str, list[Repair]] = defaultdict(list)
    for snapshot in snapshots:
        for name, repair in snapshot.repairs.items():
            repairs[name].append(repair)
    return [_incident(name, of_name) for name, of_name in sorted(repairs.items())]


def _incident(name: str, repairs: Collection[Repair]) -> dict[str, Any]:
    signs = Counter(repair.sign or "none named" for repair in repairs)
    return {
        "name": name,
        "repaired": len(repairs),
        "seconds": round(statistics.median(repair.seconds for repair in repairs)),
        "signs": dict(signs.most_common()),
    }


class RoomApi:
    """One open room: ``actions`` are the presenter's buttons, ``state`` and ``audience_state`` what the pages ask.

    ``times`` are those of the track that is taught, by default the full one.
    """

    def __init__(self, code: JoinCode, audience: Audience, root: Path, times: TrackTimes | None = None) -> None:
        self.times = times or TrackTimes.of(root)
        self.code = code
        self.audience = audience
        self._notebooks = root / "notebooks"
        made = segno.make(code.page_url, error="m", micro=False)
        self.qr = made.svg_data_uri(border=4, dark="#000", light="#fff")  # black on white: cameras want it
        self._cells = {
            name: notebook_cells(self._notebooks / f"{name}.ipynb") for name in lesson_names(self._notebooks)
        }
        self.headings = {name: _headings(cells) for name, cells in self._cells.items()}
        exercises: dict[str, list[str]] = {name: [] for name in self.headings}
        for one in self.times.course.exercises:
            if self.times.track in one.tracks:
                exercises.setdefault(one.lesson, []).append(one.id)
        self.classroom = Classroom(load_all_questions(self._notebooks), exercises)
        lessons = {one.name: one.title for one in self.times.course.lessons if self.times.has_lesson(one.name)}
        self.questions = RoomQuestions(self.classroom, lessons)
        self.actions: Mapping[str, Callable[[Body], object]] = {
            **self.questions.actions,
            "poll": lambda body: self._open_poll(body.get("prediction")),
            "poll-end": lambda _: self._end_poll(),
            "notice": lambda body: self._notify(body.get("lesson"), body.get("cell")),
            "notice-end": lambda _: self._end_notice(),
            "helped": lambda body: self.classroom.help_given(body.get("number")),
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
        for lesson, of_lesson in self.headings.items():
            headings[lesson] = [
                {"cell": cell, "text": text, "on_track": self._is_taught(lesson, cell)} for cell, text in of_lesson
            ]
        return {"predictions": predictions, "headings": headings}

    def _predictions_on_track(self) -> dict[str, bool]:
        """Return for each prediction that a cell asks whether the track has the cell."""
        on_track: dict[str, bool] = {}
        for lesson, cells in self._cells.items():
            for cell in cells:
                names = ASKS.findall(cell["source"])
                on_track |= {f"{lesson}.{name}": self._is_taught(lesson, cell["id"]) for name in names}
        return on_track

    def state(self) -> dict[str, Any]:
        """Return the class for the presenter, with the names that were given."""
        notice = self.classroom.notice
        poll = self.classroom.poll
        return {
            **self.audience_state(),
            "queue": self.classroom.queue(),
            "unanswered": self.classroom.unanswered(),
            "notice": notice.text if notice else "",
            "poll": poll.question if poll else "",
            "questions": self.questions.state(),
        }

    def audience_state(self) -> dict[str, Any]:
        """Return the class, the code and its QR code, without names."""
        code = str(self.code)
        address = self.code.page_url
        board = self.classroom.board()
        asked = {
            "learning": self.questions.audience_state(),
            "summary": SUMMARY if self.classroom.keeps_summary else "",
        }
        return {"code": code, "address": address, "qr": self.qr, "board": board, **asked}

    def _open_poll(self, prediction: object) -> None:
        """Open a prediction as a poll; without one, that of the newest guess."""
        name = prediction or self.classroom.newest
        if not name:
            raise WrongUsage("There is no guess yet.", "Choose a prediction, or wait for the first guess.")
        question = self.classroom.questions.get(str(name))
        if question is None:
            raise WrongUsage(f"There is no prediction {name!r}.", "Choose one from the list.")
        options = {key: option.text for key, option in question.options.items()}
        self.questions.close()
        self.classroom.poll = Poll(id=str(name), question=question.question, options=options)
        self.audience.show_prediction(lambda: self.classroom.histogram(str(name)))

    def _is_taught(self, lesson: str, cell: str) -> bool:
        return self.times.has_lesson(lesson) and self.times.has_cell(lesson, cell)

    def _end_poll(self) -> None:
        self.classroom.poll = None

    def _end_notice(self) -> None:
        self.classroom.notice = None

    def _notify(self, lesson: object, cell: object) -> None:
        headings = dict(self.headings.get(str(lesson), ()))
        if str(cell) not in headings:
            raise WrongUsage(f"{lesson} has no heading {cell!r}.", "Choose one from the list.")
        text = f"Everybody to: {headings[str(cell)]}"
        if not self.times.has_cell(str(lesson), str(cell)):
            text += FOLDED.format(track=self.times.track)
        self.classroom.notice = Notice(number=int(time.time()), lesson=str(lesson), cell=str(cell), text=text)


def _headings(cells: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return the text cells of a notebook that begin with a heading: id and heading."""
    texts = [(cell["id"], cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    return [(name, text.partition("\n")[0].lstrip("# ")) for name, text in texts if text.startswith("#")]
