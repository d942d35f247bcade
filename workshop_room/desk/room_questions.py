"""The questionnaires of a live room: the presenter's buttons for them, and what the pages see of the answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from workshop_kit.errors import WrongUsage
from workshop_room.desk.questionnaires import (
    FEEDBACK,
    LearnedRow,
    count_answers,
    headline,
    learned_rows,
    load_questions,
    make_questionnaires,
)

if TYPE_CHECKING:
    from workshop_room.desk.classroom import Classroom  # which imports this module

Body = Mapping[str, Any]


class RoomQuestions:
    """The questionnaires of one room: the presenter's ``actions``, and what both pages see of the answers.

    ``lessons`` has the titles of the lessons that are taught, by name.
    """

    def __init__(self, classroom: Classroom, lessons: Mapping[str, str]) -> None:
        self.classroom = classroom
        self.questions = load_questions()
        self.questionnaires = make_questionnaires(self.questions, lessons)
        self.answers_shown = False
        self.actions: Mapping[str, Callable[[Body], object]] = {
            "questions": lambda body: self._open_questionnaire(body.get("name")),
            "questions-end": lambda _: self.close(),
            "questions-answers": lambda body: self._show_answers(shown=body.get("shown") is True),
            "summary": lambda body: self._keep_summary(keep=body.get("keep") is True),
        }

    def close(self) -> None:
        """Close the questionnaire that is open."""
        self.classroom.questionnaire = None

    def feedback(self) -> list[dict[str, Any]]:
        """Return the questions of the feedback, each with its options and their counts."""
        snapshots = self.classroom.all_snapshots()
        questions = self.questions.feedback.values()

        rows = []
        for question, poll in zip(questions, self.questionnaires[FEEDBACK].polls, strict=True):
            counts = count_answers(poll, snapshots)
            answers = [[poll.options[key], count] for key, count in counts.items()]
            rows.append({"question": question.question, "answers": answers})
        return rows

    def learned_rows(self) -> list[LearnedRow]:
        """Return a row for each of the five questions."""
        return learned_rows(self.questions, self.classroom.all_snapshots())

    def state(self) -> dict[str, Any]:
        """Return what the presenter sees of the questionnaires."""
        snapshots = self.classroom.all_snapshots()
        progress = {name: questionnaire.progress(snapshots) for name, questionnaire in self.questionnaires.items()}
        open_questionnaire = self.classroom.questionnaire
        return {
            "opened": open_questionnaire.name if open_questionnaire else "",
            "progress": progress,
            "feedback": self.feedback(),
            "answers_shown": self.answers_shown,
            "keeps_summary": self.classroom.keeps_summary,
        }

    def audience_state(self) -> dict[str, Any]:
        """Return the chart for the room; it has the right answers only if they are shown."""
        rows = self.learned_rows()
        row_states = [
            {
                "question": row.question,
                "answer": row.answer if self.answers_shown else "",
                "before": row.before.state(),
                "after": row.after.state(),
            }
            for row in rows
        ]
        return {"headline": headline(rows), "rows": row_states}

    def _open_questionnaire(self, name: object) -> None:
        """Open a questionnaire, and close the poll. Raises WrongUsage for an unknown name."""
        questionnaire = self.questionnaires.get(str(name))
        if questionnaire is None:
            raise WrongUsage(f"There are no questions {name!r}.", f"Choose from: {', '.join(self.questionnaires)}.")
        self.classroom.poll = None
        self.classroom.questionnaire = questionnaire

    def _show_answers(self, *, shown: bool) -> None:
        self.answers_shown = shown

    def _keep_summary(self, *, keep: bool) -> None:
        self.classroom.keeps_summary = keep
