"""The class of a live room: the newest snapshot of every participant, in memory, and what the desk's pages see of it.

Only `Classroom.queue` has names: it is for the presenter's page alone.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.lessons.predictions import Question
from workshop_kit.membership.protocol import Notice, Poll, Repair, RoomState, Snapshot
from workshop_room.desk.audience import GivenAnswer, GuessCounts
from workshop_room.desk.join_limit import JoinLimit
from workshop_room.desk.questionnaires import Questionnaire

MOST_PARTICIPANTS = 1_000
SILENT_SECONDS = 15 * 60
"""After so long a participant is no longer counted; the next snapshot brings everything back."""
MANY_UNANSWERED = 20
"""From so many on, the presenter's page shows an address whose participants have not answered."""


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

        participant = self._participants.get(snapshot.participant)
        if participant is None:
            participant = self._add(snapshot.participant, address)
        participant.heard_at = self.clock()
        participant.on_phone = on_phone
        participant.reports += 1
        keeps_summary = self.keeps_summary  # another thread may change it
        participant.was_told |= keeps_summary
        if snapshot.sequence >= participant.snapshot.sequence:
            self._replace(participant, snapshot)

        return RoomState(
            number=participant.number,
            helped=participant.helped,
            notice=self.notice,
            poll=self._poll_for(participant),
            keeps_summary=keeps_summary,
        )

    def forget(self, participant: str) -> None:
        """Forget a participant, also what is still under way."""
        if self._participants.pop(participant, None) is not None:
            self._forgotten.append(participant)

    def unanswered(self) -> list[dict[str, Any]]:
        """Return each ``address`` from which many joined and never answered, with their ``count``, most first."""
        addresses = [participant.address for participant in self._present() if not participant.has_answered]
        most_first = Counter(addresses).most_common()
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
        return [participant.snapshot for participant in self._present()]

    def everybody(self) -> list[Snapshot]:
        """Return the newest snapshot of everybody who has not left, also of those who are silent."""
        return [participant.snapshot for participant in self._all()]

    def told(self) -> list[Snapshot]:
        """Return the newest snapshot of those who have not left and were told that a summary is kept."""
        return [participant.snapshot for participant in self._all() if participant.was_told]

    def times_stuck(self) -> Counter[str]:
        """Return how often those who were told that a summary is kept clicked ``I am stuck``, by lesson."""
        counters = [participant.times_stuck for participant in self._all() if participant.was_told]
        return sum(counters, Counter[str]())

    def help_given(self, number: object) -> None:
        """Record that a participant was helped. Raises WrongUsage for an unknown number."""
        participant = next((person for person in self._all() if person.number == number), None)
        if participant is None:
            raise WrongUsage(f"There is no participant {number} any more.")
        participant.helped = participant.snapshot.help_clicks

    def clear_done(self) -> None:
        """Take back every ``done``, for the next exercise."""
        for participant in self._all():
            if participant.help == "done":
                participant.helped = participant.snapshot.help_clicks

    def histogram(self, prediction: str) -> GuessCounts:
        """Return the guesses of one prediction."""
        answers = []
        for participant in self._present():
            guess = participant.snapshot.guesses.get(prediction)
            if guess is not None:
                answers.append(GivenAnswer(guess.choice, guess.outcome, participant.on_phone))
        return GuessCounts.of_guesses(answers, self.questions[prediction])

    def queue(self) -> list[dict[str, Any]]:
        """Return who is stuck, the longest waiting first: ``number``, ``name``, ``lesson``, ``minutes``."""
        stuck_participants = [participant for participant in self._present() if participant.help == "stuck"]
        stuck_participants.sort(key=lambda participant: participant.help_since)
        return [
            {
                "number": participant.number,
                "name": participant.name,
                "lesson": participant.snapshot.lesson,
                "minutes": int(self.clock() - participant.help_since) // 60,
            }
            for participant in stuck_participants
        ]

    def board(self) -> dict[str, Any]:
        """Return the state of the class without names: devices, lessons with their exercises, incidents."""
        participants = self._present()
        snapshots = [participant.snapshot for participant in participants]
        return {
            "devices": _devices(participants),
            "stuck": sum(participant.help == "stuck" for participant in participants),
            "done": sum(participant.help == "done" for participant in participants),
            "lessons": self._lessons(snapshots),
            "incidents": _incidents(snapshots),
        }

    def _lessons(self, snapshots: list[Snapshot]) -> list[dict[str, Any]]:
        """Return the lessons that a participant is in or has passed an exercise of."""
        people = Counter(snapshot.lesson for snapshot in snapshots)
        minutes: dict[str, list[int]] = defaultdict(list)
        for snapshot in snapshots:
            for name, minutes_taken in snapshot.passed.items():
                minutes[name].append(minutes_taken)

        rows: list[dict[str, Any]] = []
        for lesson, names in self.exercises.items():
            exercises = [_exercise_row(name, minutes[name]) for name in names]
            if people[lesson] or any(exercise["passed"] for exercise in exercises):
                rows.append({"name": lesson, "people": people[lesson], "exercises": exercises})
        return rows

    def _poll_for(self, participant: Participant) -> Poll | None:
        """Return the open poll, or the next one of the questionnaire for a participant."""
        if self.questionnaire is not None:
            return self.questionnaire.next_poll(participant.snapshot.guesses)
        return self.poll

    def _add(self, identifier: str, address: str) -> Participant:
        self._make_place(address)
        self._numbers += 1
        participant = Participant(self._numbers, Snapshot(participant=identifier), address)
        return self._participants.setdefault(identifier, participant)

    def _make_place(self, address: str) -> None:
        """Remove a participant where a join from ``address`` needs the place. Raises as `report` does."""
        # Newcomers have joined and not come back.
        newcomers = [participant for participant in self._all() if participant.reports == 1]
        if not self._joins.take(address):
            replaceable = [participant for participant in newcomers if participant.address == address]
            if not replaceable:
                raise TooManyJoins("Too many join from your address at this moment.", "Try again in a few seconds.")
        elif len(self._participants) >= MOST_PARTICIPANTS:
            silent = [participant for participant in self._all() if self._is_silent(participant)]
            if newcomers:
                replaceable = newcomers
            elif silent:
                replaceable = silent
            else:
                replaceable = self._newest_of_busiest(address)
            if not replaceable:
                raise WorkshopError(f"The room is full: {MOST_PARTICIPANTS} have joined.", "Tell the presenter.")
        else:
            return

        longest_silent = min(replaceable, key=lambda participant: participant.heard_at)
        self._participants.pop(longest_silent.snapshot.participant, None)

    def _newest_of_busiest(self, address: str) -> list[Participant]:
        """Return the newest participant of the address that has the most, unless that is ``address`` itself.

        One who has not answered comes before those who have.
        """
        participants = self._all()
        busiest, _ = Counter(participant.address for participant in participants).most_common(1)[0]
        if busiest == address:
            return []

        candidates = [participant for participant in participants if participant.address == busiest]
        unanswered = [participant for participant in candidates if not participant.has_answered]
        return [max(unanswered or candidates, key=lambda participant: participant.number)]

    def _replace(self, participant: Participant, snapshot: Snapshot) -> None:
        previous = participant.snapshot
        known_guesses = [name for name in snapshot.guesses if name in self.questions]
        new_guesses = [name for name in known_guesses if name not in previous.guesses]
        if new_guesses:
            self.newest = new_guesses[-1]

        if snapshot.help_clicks != previous.help_clicks:
            participant.help_since = self.clock()
            if snapshot.help == "stuck" and snapshot.lesson in {"", *self.exercises}:
                participant.times_stuck[snapshot.lesson] += 1

        participant.snapshot = snapshot

    def _is_silent(self, participant: Participant) -> bool:
        return self.clock() - participant.heard_at > SILENT_SECONDS

    def _present(self) -> list[Participant]:
        return [participant for participant in self._all() if not self._is_silent(participant)]

    def _all(self) -> list[Participant]:
        return list(self._participants.values())


def _devices(participants: Collection[Participant]) -> str:
    """Return how many joined, in words: ``41 laptops, 2 phones``."""
    phones = sum(participant.on_phone for participant in participants)
    laptops = len(participants) - phones
    counts = []
    if laptops or not phones:
        counts.append((laptops, "laptop"))
    if phones:
        counts.append((phones, "phone"))
    return ", ".join(f"{count} {kind}{'' if count == 1 else 's'}" for count, kind in counts)


def _exercise_row(name: str, minutes: list[int]) -> dict[str, Any]:
    known_minutes = [minutes_taken for minutes_taken in minutes if minutes_taken]
    return {"id": name, "passed": len(minutes), "minutes": statistics.median(known_minutes) if known_minutes else None}


def _incidents(snapshots: Iterable[Snapshot]) -> list[dict[str, Any]]:
    """Return for each incident the number of repairs, the median seconds, and the signals that participants named."""
    repairs: dict[str, list[Repair]] = defaultdict(list)
    for snapshot in snapshots:
        for name, repair in snapshot.repairs.items():
            repairs[name].append(repair)
    return [_incident_row(name, of_incident) for name, of_incident in sorted(repairs.items())]


def _incident_row(name: str, repairs: Collection[Repair]) -> dict[str, Any]:
    signs = Counter(repair.sign or "none named" for repair in repairs)
    return {
        "name": name,
        "repaired": len(repairs),
        "seconds": round(statistics.median(repair.seconds for repair in repairs)),
        "signs": dict(signs.most_common()),
    }
