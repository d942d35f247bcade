"""What is kept of a session, in a folder of its own: the plan, the feedback, and a summary without names.

The summary is written only if the room was told so. It does not count those who had left before that, and no group of
fewer than `SMALLEST_GROUP` people.
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
from workshop_room.desk.questionnaires import RightAnswers, learned_rows
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
        """Write the feedback and the summary, each if it may be kept, and the plan beside them.

        Returns the paths of the files, none if nothing may be kept. Raises NotReady.
        """
        texts = {}
        feedback = questions.feedback()
        if any(_has_answers(question) for question in feedback):
            document = {"date": f"{self.began:%Y-%m-%d}", "track": self.track, "feedback": feedback}
            texts[FEEDBACK] = json.dumps(document, indent=1, ensure_ascii=False)
        if classroom.keeps_summary:
            texts[SUMMARY] = self.summary(classroom, questions, ended)

        if texts:
            texts = {PLAN: self.plan(), **texts}
        return list(self._write_texts(texts))

    def plan(self) -> str:
        """Return the timetable from the opening of the desk; from an earlier time if it would end after midnight."""
        blocks_from_midnight = timetable(self.course, self.track, clock(0))
        longest_day_minutes = max(block.end for block in blocks_from_midnight)
        latest_start = DAY_MINUTES - longest_day_minutes
        opening = 60 * self.began.hour + self.began.minute
        start = min(opening, latest_start)
        return as_text(self.track, timetable(self.course, self.track, clock(start)), markdown=True)

    def summary(self, classroom: Classroom, questions: RoomQuestions, ended: datetime) -> str:
        """Return the summary as Markdown: counts and minutes of those who were told of it and have not left."""
        snapshots = classroom.informed_snapshots()
        environment = templates(PAGES).overlay()
        environment.filters = environment.filters | {"line": _one_line, "share": _share_text}
        return environment.get_template("session.md.j2").render(
            day=f"{self.began:%Y-%m-%d}",
            began=f"{self.began:%H:%M}",
            ended=f"{ended:%H:%M}",
            track=self.track,
            people=_count_text(len(snapshots)),
            smallest=SMALLEST_GROUP,
            learned=learned_rows(questions.questions, snapshots),
            predictions=list(_prediction_rows(classroom, snapshots)),
            exercises=list(self._exercise_rows(snapshots)),
            stuck=list(_stuck_rows(classroom)),
            incidents=list(_incident_rows(snapshots)),
        )

    def _write_texts(self, texts: dict[str, str]) -> Iterator[Path]:
        """Write each text to the file of its name in the session's folder, and yield the file's path."""
        session_folder = self.folder / f"{self.began:%Y-%m-%d-%H%M%S}"
        for name, text in texts.items():
            path = session_folder / name
            write_atomically(path, f"{text.rstrip()}\n".encode(), mode=0o600)
            yield path

    def _exercise_rows(self, snapshots: Iterable[Snapshot]) -> Iterator[dict[str, Any]]:
        """Yield the exercises that were passed: minutes planned, how many passed, and their median minutes."""
        minutes_by_exercise: dict[str, list[int]] = defaultdict(list)
        for snapshot in snapshots:
            for name, minutes_taken in snapshot.passed.items():
                minutes_by_exercise[name].append(minutes_taken)

        for exercise in self.course.exercises:
            if exercise.id not in minutes_by_exercise:
                continue
            exercise_minutes = minutes_by_exercise[exercise.id]
            known_minutes = [minutes_taken for minutes_taken in exercise_minutes if minutes_taken]
            yield {
                "id": exercise.id,
                "planned": exercise.minutes,
                "passed": _count_text(len(exercise_minutes)),
                "minutes": _median_text(known_minutes),
            }


def _has_answers(question: dict[str, Any]) -> bool:
    """Return whether an option of a feedback question was chosen."""
    return any(count for _, count in question["answers"])


def _prediction_rows(classroom: Classroom, snapshots: Iterable[Snapshot]) -> Iterator[dict[str, Any]]:
    """Yield the counts of each prediction that enough people made, and how many saw something else on their machine."""
    guesses_by_question: dict[str, list[GuessReport]] = defaultdict(list)
    for snapshot in snapshots:
        for name, guess in snapshot.guesses.items():
            guesses_by_question[name].append(guess)

    for name, question in classroom.questions.items():
        guesses = [guess for guess in guesses_by_question[name] if guess.choice in question.options]
        if len(guesses) < SMALLEST_GROUP:
            continue

        choice_counts = Counter(guess.choice for guess in guesses)
        options = [(choice_counts[key], option.text, key == question.right) for key, option in question.options.items()]
        guesses_with_outcome = [guess for guess in guesses if guess.outcome]
        wrong_guesses = [guess for guess in guesses_with_outcome if guess.choice != guess.outcome]
        yield {
            "question": question.question,
            "options": options,
            "surprised": _count_text(len(wrong_guesses)),
            "known": _count_text(len(guesses_with_outcome)),
        }


def _stuck_rows(classroom: Classroom) -> Iterator[tuple[str, str]]:
    """Yield each lesson in which help was asked for, and how often; phones are in no lesson."""
    for lesson, times in sorted(classroom.times_stuck().items()):
        yield lesson or "on a phone", _count_text(times)


def _incident_rows(snapshots: Iterable[Snapshot]) -> Iterator[dict[str, Any]]:
    """Yield the days of the game: how many repaired the service, and their median seconds."""
    seconds_by_day: dict[str, list[float]] = defaultdict(list)
    for snapshot in snapshots:
        for day, repair in snapshot.repairs.items():
            seconds_by_day[day].append(repair.seconds)

    for name, repair_seconds in sorted(seconds_by_day.items()):
        yield {
            "name": name,
            "repaired": _count_text(len(repair_seconds)),
            "seconds": _median_text(repair_seconds),
        }


def _count_text(count: int) -> str:
    """Return a count of people; a small one is not told."""
    return NOT_TOLD if 0 < count < SMALLEST_GROUP else str(count)


def _median_text(values: Sequence[float]) -> str:
    """Return the median of values, or a dash for those of a small group."""
    if len(values) < SMALLEST_GROUP:
        return "–"
    return f"{statistics.median(values):.0f}"


def _share_text(answers: RightAnswers) -> str:
    """Return how many answers were right, or a dash for those of a small group."""
    if answers.answered < SMALLEST_GROUP:
        return "–"
    return f"{answers.right} of {answers.answered}"


def _one_line(text: str) -> str:
    """Return a text in one line, which may stand in a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")
