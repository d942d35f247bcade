"""What stays of a session, in a folder of its own: the plan, the feedback beside it, and a summary without names.

The summary is written only if the room was told so. It counts nobody who had gone before that, and no group of fewer
than `SMALLEST_GROUP` people.
"""

from __future__ import annotations

import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from workshop_kit.display.rendered import templates
from workshop_kit.files import write_atomically
from workshop_kit.membership.protocol import GuessReport, Snapshot
from workshop_kit.workspace.course import Course
from workshop_room.desk.classroom import Classroom
from workshop_room.desk.questionnaires import RightAnswers, learned
from workshop_room.desk.room_questions import RoomQuestions
from workshop_room.timetable.plan import DAY_MINUTES, as_text, clock, timetable

PAGES = Path(__file__).parent / "pages"
SESSIONS = "sessions"
"""The folder below the workspace; each session has one in it, named by its date and time."""
PLAN = "plan.md"
FEEDBACK = "feedback.json"
SUMMARY = "summary.md"
SMALLEST_GROUP = 3
"""What fewer people did could tell who they are."""
NOT_TOLD = f"fewer than {SMALLEST_GROUP}"


@dataclass(frozen=True)
class SessionRecord:
    """The record of one open desk: the track that is taught, and when the desk was opened."""

    folder: Path
    course: Course
    track: str
    began: datetime

    def write(self, classroom: Classroom, questions: RoomQuestions, ended: datetime) -> list[Path]:
        """Write what may be kept; return the paths, none where there is nothing. Raises NotReady."""
        feedback = questions.feedback()
        texts = {}
        if any(count for question in feedback for _, count in question["answers"]):
            head = {"date": f"{self.began:%Y-%m-%d}", "track": self.track}
            texts[FEEDBACK] = json.dumps({**head, "feedback": feedback}, indent=1, ensure_ascii=False)
        if classroom.keeps_summary:
            texts[SUMMARY] = self.summary(classroom, questions, ended)

        if texts:
            texts = {PLAN: self.plan(), **texts}
        return list(self._write_all(texts))

    def plan(self) -> str:
        """Return the timetable from the opening of the desk, or from the latest time with which it ends that day."""
        longest_day = max(block.end for block in timetable(self.course, self.track, clock(0)))
        latest_start = DAY_MINUTES - longest_day
        opened = 60 * self.began.hour + self.began.minute
        blocks = timetable(self.course, self.track, clock(min(opened, latest_start)))
        return as_text(self.track, blocks, markdown=True)

    def summary(self, classroom: Classroom, questions: RoomQuestions, ended: datetime) -> str:
        """Return counts and minutes of those who were told and have not left, as Markdown."""
        snapshots = classroom.told()
        environment = templates(PAGES).overlay()
        environment.filters = environment.filters | {"line": _one_line, "share": _share_text}
        return environment.get_template("session.md.j2").render(
            day=f"{self.began:%Y-%m-%d}",
            began=f"{self.began:%H:%M}",
            ended=f"{ended:%H:%M}",
            track=self.track,
            people=_count_text(len(snapshots)),
            smallest=SMALLEST_GROUP,
            learned=learned(questions.questions, snapshots),
            predictions=list(_predictions(classroom, snapshots)),
            exercises=list(self._exercises(snapshots)),
            stuck=list(_stuck(classroom)),
            incidents=list(_incidents(snapshots)),
        )

    def _write_all(self, texts: dict[str, str]) -> Iterator[Path]:
        session_folder = self.folder / f"{self.began:%Y-%m-%d-%H%M%S}"
        for name, text in texts.items():
            write_atomically(session_folder / name, f"{text.rstrip()}\n".encode(), mode=0o600)
            yield session_folder / name

    def _exercises(self, snapshots: Iterable[Snapshot]) -> Iterator[dict[str, Any]]:
        """Yield the exercises that were passed: minutes planned, how many passed, and their median minutes."""
        minutes_by_exercise: dict[str, list[int]] = defaultdict(list)
        for snapshot in snapshots:
            for name, minutes_taken in snapshot.passed.items():
                minutes_by_exercise[name].append(minutes_taken)

        for exercise in self.course.exercises:
            exercise_minutes = minutes_by_exercise.get(exercise.id, [])
            known_minutes = [minutes_taken for minutes_taken in exercise_minutes if minutes_taken]
            if exercise_minutes:
                yield {
                    "id": exercise.id,
                    "planned": exercise.minutes,
                    "passed": _count_text(len(exercise_minutes)),
                    "minutes": _median_text(known_minutes),
                }


def _predictions(classroom: Classroom, snapshots: Iterable[Snapshot]) -> Iterator[dict[str, Any]]:
    """Yield the counts of each prediction that a group made, and how many saw something else on their machine."""
    guesses_by_question: dict[str, list[GuessReport]] = defaultdict(list)
    for snapshot in snapshots:
        for name, guess in snapshot.guesses.items():
            guesses_by_question[name].append(guess)

    for name, question in classroom.questions.items():
        guesses = [guess for guess in guesses_by_question[name] if guess.choice in question.options]
        choice_counts = Counter(guess.choice for guess in guesses)
        with_outcome = [guess for guess in guesses if guess.outcome]
        if len(guesses) >= SMALLEST_GROUP:
            yield {
                "question": question.question,
                "options": [
                    (choice_counts[key], option.text, key == question.right) for key, option in question.options.items()
                ],
                "surprised": _count_text(sum(guess.choice != guess.outcome for guess in with_outcome)),
                "known": _count_text(len(with_outcome)),
            }


def _stuck(classroom: Classroom) -> Iterator[tuple[str, str]]:
    """Yield each lesson in which help was asked for, and how often; phones are in no lesson."""
    for lesson, times in sorted(classroom.times_stuck().items()):
        yield lesson or "on a phone", _count_text(times)


def _incidents(snapshots: Iterable[Snapshot]) -> Iterator[dict[str, Any]]:
    """Yield the days of the game: how many repaired the service, and their median seconds."""
    seconds_by_day: dict[str, list[float]] = defaultdict(list)
    for snapshot in snapshots:
        for day, repair in snapshot.repairs.items():
            seconds_by_day[day].append(repair.seconds)

    for day, repair_seconds in sorted(seconds_by_day.items()):
        yield {
            "name": day,
            "repaired": _count_text(len(repair_seconds)),
            "seconds": _median_text(repair_seconds),
        }


def _count_text(count: int) -> str:
    return NOT_TOLD if 0 < count < SMALLEST_GROUP else str(count)


def _median_text(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.0f}" if len(values) >= SMALLEST_GROUP else "–"


def _share_text(answers: RightAnswers) -> str:
    return f"{answers.right} of {answers.answered}" if answers.answered >= SMALLEST_GROUP else "–"


def _one_line(text: str) -> str:
    """Return a text for a line or a cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ")
