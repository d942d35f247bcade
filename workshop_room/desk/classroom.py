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
    ``on_phone`` says whether the snapshots come from the room's page on a phone. ``times_stuck`` counts clicks on
    ``I am stuck`` by lesson. ``was_told`` says whether the participant was told that a summary of the session is kept.
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
        """``stuck``, ``done`` or ``none``; ``none`` also once the presenter has answered the newest click."""
        if self.snapshot.help_clicks > self.helped:
            return self.snapshot.help
        return "none"

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
    newest_prediction: str = ""  # the one with the newest guess
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
        if snapshot.participant in self._forgotten:  # it was sent before the participant left
            raise WorkshopError("You have left the room.", "Join again.")

        participant = self._participants.get(snapshot.participant)
        if participant is None:
            participant = self._add_participant(snapshot.participant, address)

        participant.heard_at = self.clock()
        participant.on_phone = on_phone
        participant.reports += 1
        keeps_summary = self.keeps_summary  # another thread may change it
        participant.was_told |= keeps_summary
        if snapshot.sequence >= participant.snapshot.sequence:
            self._replace_snapshot(participant, snapshot)

        return RoomState(
            number=participant.number,
            helped=participant.helped,
            notice=self.notice,
            poll=self._poll_for(participant),
            keeps_summary=keeps_summary,
        )

    def forget(self, participant: str) -> None:
        """Forget a participant; snapshots that were sent before and arrive later are refused."""
        if self._participants.pop(participant, None) is not None:
            self._forgotten.append(participant)

    def unanswered_addresses(self) -> list[dict[str, Any]]:
        """Return the addresses from which many joined and never answered, each as ``address`` and ``count``.

        The one with the most comes first.
        """
        participants = self._present_participants()
        addresses = [participant.address for participant in participants if not participant.has_answered]
        most_first = Counter(addresses).most_common()
        return [{"address": address, "count": count} for address, count in most_first if count >= MANY_UNANSWERED]

    def remove_unanswered(self, address: object) -> int:
        """Remove those who joined from an address and never answered; return how many.

        A laptop among them joins anew with one of its next snapshots.
        """
        unanswered = [participant for participant in self._all_participants() if not participant.has_answered]
        removed_participants = [participant for participant in unanswered if participant.address == address]
        for participant in removed_participants:
            self._participants.pop(participant.snapshot.participant, None)
            self._joins.restart(participant.address)
        return len(removed_participants)

    def snapshots(self) -> list[Snapshot]:
        """Return the newest snapshot of every participant."""
        return [participant.snapshot for participant in self._present_participants()]

    def all_snapshots(self) -> list[Snapshot]:
        """Return the newest snapshot of everybody who has not left, also of those who are silent."""
        return [participant.snapshot for participant in self._all_participants()]

    def informed_snapshots(self) -> list[Snapshot]:
        """Return the newest snapshot of those who have not left and were told that a summary is kept."""
        return [participant.snapshot for participant in self._all_participants() if participant.was_told]

    def times_stuck(self) -> Counter[str]:
        """Return how often those who were told that a summary is kept clicked ``I am stuck``, by lesson."""
        times = Counter[str]()
        for participant in self._all_participants():
            if participant.was_told:
                times += participant.times_stuck
        return times

    def record_help(self, number: object) -> None:
        """Record that a participant was helped. Raises WrongUsage for an unknown number."""
        participant = next((person for person in self._all_participants() if person.number == number), None)
        if participant is None:
            raise WrongUsage(f"There is no participant {number} any more.")
        participant.helped = participant.snapshot.help_clicks

    def clear_done(self) -> None:
        """Take back every ``done``, for the next exercise."""
        for participant in self._all_participants():
            if participant.help == "done":
                participant.helped = participant.snapshot.help_clicks

    def histogram(self, prediction: str) -> GuessCounts:
        """Return the guesses of one prediction."""
        answers = []
        for participant in self._present_participants():
            guess = participant.snapshot.guesses.get(prediction)
            if guess is not None:
                answers.append(GivenAnswer(guess.choice, guess.outcome, participant.on_phone))
        return GuessCounts.of_guesses(answers, self.questions[prediction])

    def queue(self) -> list[dict[str, Any]]:
        """Return who is stuck, the longest waiting first: ``number``, ``name``, ``lesson``, ``minutes``."""
        participants = self._present_participants()
        stuck_participants = [participant for participant in participants if participant.help == "stuck"]
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
        participants = self._present_participants()
        snapshots = [participant.snapshot for participant in participants]
        help_counts = Counter(participant.help for participant in participants)
        return {
            "devices": _devices_text(participants),
            "stuck": help_counts["stuck"],
            "done": help_counts["done"],
            "lessons": self._lesson_rows(snapshots),
            "incidents": _incident_rows(snapshots),
        }

    def _lesson_rows(self, snapshots: list[Snapshot]) -> list[dict[str, Any]]:
        """Return a row for each lesson that a participant is in, or in which one has passed an exercise."""
        people_by_lesson = Counter(snapshot.lesson for snapshot in snapshots)
        minutes_by_exercise: dict[str, list[int]] = defaultdict(list)
        for snapshot in snapshots:
            for name, minutes in snapshot.passed.items():
                minutes_by_exercise[name].append(minutes)

        rows: list[dict[str, Any]] = []
        for lesson, exercise_names in self.exercises.items():
            people = people_by_lesson[lesson]
            exercises = [_exercise_row(name, minutes_by_exercise[name]) for name in exercise_names]
            has_passed = any(exercise["passed"] for exercise in exercises)
            if people or has_passed:
                rows.append({"name": lesson, "people": people, "exercises": exercises})
        return rows

    def _poll_for(self, participant: Participant) -> Poll | None:
        """Return the open poll, or the next one of the questionnaire for a participant."""
        if self.questionnaire is not None:
            return self.questionnaire.next_poll(participant.snapshot.guesses)
        return self.poll

    def _add_participant(self, identifier: str, address: str) -> Participant:
        """Add a participant and return it. Raises as `report` does."""
        self._make_place(address)
        self._numbers += 1
        participant = Participant(self._numbers, Snapshot(participant=identifier), address)
        self._participants[identifier] = participant
        return participant

    def _make_place(self, address: str) -> None:
        """Remove a participant if a join from ``address`` needs the place of one. Raises as `report` does.

        A join needs a place if too many join from its address at this moment, or if the room is full.
        """
        if not self._joins.take(address):
            replaceable = [participant for participant in self._newcomers() if participant.address == address]
            if not replaceable:
                raise TooManyJoins("Too many join from your address at this moment.", "Try again in a few seconds.")
        elif len(self._participants) >= MOST_PARTICIPANTS:
            replaceable = self._replaceable_in_full_room(address)
            if not replaceable:
                raise WorkshopError(f"The room is full: {MOST_PARTICIPANTS} have joined.", "Tell the presenter.")
        else:
            return

        longest_silent = min(replaceable, key=lambda participant: participant.heard_at)
        self._participants.pop(longest_silent.snapshot.participant, None)

    def _newcomers(self) -> list[Participant]:
        """Return those who have joined and not sent a second snapshot."""
        return [participant for participant in self._all_participants() if participant.reports == 1]

    def _replaceable_in_full_room(self, address: str) -> list[Participant]:
        """Return the participants of whom one may be replaced by a join from ``address``; none if nobody may be."""
        newcomers = self._newcomers()
        if newcomers:
            return newcomers

        silent = [participant for participant in self._all_participants() if self._is_silent(participant)]
        if silent:
            return silent
        return self._newest_of_busiest(address)

    def _newest_of_busiest(self, address: str) -> list[Participant]:
        """Return the newest participant of the address with the most participants: a list of one.

        If some of them have not answered, it is the newest of these. The list is empty if ``address`` itself has the
        most.
        """
        participants = self._all_participants()
        busiest_address = statistics.mode(participant.address for participant in participants)
        if busiest_address == address:
            return []

        candidates = [participant for participant in participants if participant.address == busiest_address]
        unanswered = [participant for participant in candidates if not participant.has_answered]
        if unanswered:
            candidates = unanswered
        return [max(candidates, key=lambda participant: participant.number)]

    def _replace_snapshot(self, participant: Participant, snapshot: Snapshot) -> None:
        """Make a snapshot the newest of a participant, and note a new guess and a new click for help."""
        previous = participant.snapshot
        new_guesses = [name for name in snapshot.guesses if name not in previous.guesses]
        new_predictions = [name for name in new_guesses if name in self.questions]
        if new_predictions:
            self.newest_prediction = new_predictions[-1]

        if snapshot.help_clicks != previous.help_clicks:
            participant.help_since = self.clock()
            is_known_lesson = snapshot.lesson == "" or snapshot.lesson in self.exercises  # a phone is in no lesson
            if snapshot.help == "stuck" and is_known_lesson:
                participant.times_stuck[snapshot.lesson] += 1

        participant.snapshot = snapshot

    def _is_silent(self, participant: Participant) -> bool:
        return self.clock() - participant.heard_at > SILENT_SECONDS

    def _present_participants(self) -> list[Participant]:
        """Return the participants who are not silent."""
        return [participant for participant in self._all_participants() if not self._is_silent(participant)]

    def _all_participants(self) -> list[Participant]:
        return list(self._participants.values())


def _devices_text(participants: Collection[Participant]) -> str:
    """Return how many joined, in words: ``41 laptops, 2 phones``. Without phones it names laptops, also none."""
    phones = len([participant for participant in participants if participant.on_phone])
    laptops = len(participants) - phones
    texts = []
    if laptops or not phones:
        texts.append(_count_text(laptops, "laptop"))
    if phones:
        texts.append(_count_text(phones, "phone"))
    return ", ".join(texts)


def _count_text(count: int, noun: str) -> str:
    plural = "" if count == 1 else "s"
    return f"{count} {noun}{plural}"


def _exercise_row(name: str, minutes: list[int]) -> dict[str, Any]:
    """Return how many passed an exercise and their median minutes; a person whose minutes are not known has 0."""
    known_minutes = [minutes_taken for minutes_taken in minutes if minutes_taken]
    median_minutes = statistics.median(known_minutes) if known_minutes else None
    return {"id": name, "passed": len(minutes), "minutes": median_minutes}


def _incident_rows(snapshots: Iterable[Snapshot]) -> list[dict[str, Any]]:
    """Return for each incident the number of repairs, the median seconds, and the signals that participants named."""
    repairs_by_incident: dict[str, list[Repair]] = defaultdict(list)
    for snapshot in snapshots:
        for name, repair in snapshot.repairs.items():
            repairs_by_incident[name].append(repair)
    return [_incident_row(name, repairs) for name, repairs in sorted(repairs_by_incident.items())]


def _incident_row(name: str, repairs: Collection[Repair]) -> dict[str, Any]:
    """Return one row of `_incident_rows`; the signs that most participants named come first."""
    sign_counts = Counter(repair.sign or "none named" for repair in repairs)
    median_seconds = statistics.median(repair.seconds for repair in repairs)
    return {
        "name": name,
        "repaired": len(repairs),
        "seconds": round(median_seconds),
        "signs": dict(sign_counts.most_common()),
    }
