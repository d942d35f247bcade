"""What a room is asked beside its predictions: five questions before and after, and the feedback at the end.

The questions stand in ``questionnaires.toml``. A questionnaire is a row of polls: each participant gets the next one
after an answer, at their own speed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter

from workshop_kit.files import load_toml
from workshop_kit.lessons.predictions import Question, Sentence
from workshop_kit.membership.protocol import Poll, Snapshot
from workshop_kit.workspace.registry import Entry

FILE = Path(__file__).parent / "questionnaires.toml"
BEFORE = "before"
AFTER = "after"
FEEDBACK = "feedback"
THANKS = "Thank you, that was all."


class LearningQuestion(Question):
    """A question that is asked before and after; ``prediction`` is the one of a lesson that it comes from."""

    prediction: str


class FeedbackQuestion(Entry):
    """A question on the session; with ``lessons``, the titles of the lessons are its first options."""

    question: Sentence
    lessons: bool = False
    options: Mapping[str, Sentence] = {}


class Questions(Entry):
    """The content of questionnaires.toml."""

    learning: Annotated[Mapping[str, LearningQuestion], Field(min_length=5, max_length=5)]
    feedback: Mapping[str, FeedbackQuestion]


@dataclass(frozen=True)
class Questionnaire:
    """Polls that are answered one after the other."""

    name: str
    polls: tuple[Poll, ...]

    def next_poll(self, answered: Collection[str]) -> Poll:
        """Return the first poll whose id is not among those ``answered``; thanks after the last one."""
        for poll in self.polls:
            if poll.id not in answered:
                return poll
        return Poll(id=f"{self.name}.thanks", question=THANKS, options={}, in_notebook=True)

    def progress(self, snapshots: Iterable[Snapshot]) -> tuple[int, int]:
        """Return how many participants have begun, and how many have answered everything."""
        begun_count = 0
        finished_count = 0
        for snapshot in snapshots:
            answered_polls = [poll for poll in self.polls if poll.id in snapshot.guesses]
            if answered_polls:
                begun_count += 1
            if len(answered_polls) == len(self.polls):
                finished_count += 1
        return begun_count, finished_count


def load_questions() -> Questions:
    """Return the questions of the file. Raises WorkshopError with the first problem in it."""
    return load_toml(FILE, TypeAdapter(Questions))


def make_questionnaires(questions: Questions, lessons: Mapping[str, str]) -> dict[str, Questionnaire]:
    """Return the questionnaires by name; ``lessons`` has the titles of the lessons that were taught, by name."""
    learning = {}
    for name, learning_question in questions.learning.items():
        learning[name] = (learning_question.question, _option_texts(learning_question))

    feedback = {}
    for name, feedback_question in questions.feedback.items():
        feedback[name] = (feedback_question.question, _feedback_options(feedback_question, lessons))

    return {
        BEFORE: _make_questionnaire(BEFORE, learning),
        AFTER: _make_questionnaire(AFTER, learning),
        FEEDBACK: _make_questionnaire(FEEDBACK, feedback),
    }


def _option_texts(question: LearningQuestion) -> dict[str, str]:
    return {key: option.text for key, option in question.options.items()}


def _feedback_options(question: FeedbackQuestion, lessons: Mapping[str, str]) -> dict[str, str]:
    """Return the options of a question; the lessons come first, if it asks for one."""
    if question.lessons:
        return {**lessons, **question.options}
    return dict(question.options)


def _make_questionnaire(name: str, questions: Mapping[str, tuple[str, Mapping[str, str]]]) -> Questionnaire:
    """Return the questionnaire of these questions. ``questions`` has the text and the options of each, by its key."""
    polls = []
    for number, (key, (question, options)) in enumerate(questions.items(), 1):
        text = f"{number} of {len(questions)}: {question}"
        polls.append(Poll(id=poll_id(name, key), question=text, options=options, in_notebook=True))
    return Questionnaire(name, tuple(polls))


def poll_id(questionnaire: str, question: str) -> str:
    """Return the id of a poll, under which answers are counted.

    >>> poll_id("before", "health")
    'before.health'
    """
    return f"{questionnaire}.{question}"


def count_answers(poll: Poll, snapshots: Iterable[Snapshot]) -> dict[str, int]:
    """Return how often each option of a poll was chosen; an answer that is none of them is not counted."""
    guesses = [snapshot.guesses[poll.id] for snapshot in snapshots if poll.id in snapshot.guesses]
    choice_counts = Counter(guess.choice for guess in guesses)
    return {key: choice_counts[key] for key in poll.options}


@dataclass(frozen=True)
class RightAnswers:
    """How many of those who answered were right."""

    right: int
    answered: int

    def state(self) -> dict[str, int]:
        """Return both numbers as plain data for JSON."""
        return {"right": self.right, "answered": self.answered}


@dataclass(frozen=True)
class LearnedRow:
    """One question: the right answers before and after."""

    question: str
    answer: str
    before: RightAnswers
    after: RightAnswers


def learned_rows(questions: Questions, snapshots: Collection[Snapshot]) -> list[LearnedRow]:
    """Return a row for each of the five questions."""
    rows = []
    for name, question in questions.learning.items():
        before = _count_right_answers(question, poll_id(BEFORE, name), snapshots)
        after = _count_right_answers(question, poll_id(AFTER, name), snapshots)
        right_option = question.options[question.right]
        rows.append(LearnedRow(question.question, right_option.text, before, after))
    return rows


def _count_right_answers(question: LearningQuestion, identifier: str, snapshots: Iterable[Snapshot]) -> RightAnswers:
    """Count the answers to a question in the poll with this id; answers that are none of the options are left out."""
    guesses = [snapshot.guesses[identifier] for snapshot in snapshots if identifier in snapshot.guesses]
    answers = [guess.choice for guess in guesses if guess.choice in question.options]
    return RightAnswers(answers.count(question.right), len(answers))


def headline(rows: Iterable[LearnedRow]) -> str:
    """Return the right answers to all questions together, before and after, in a sentence."""
    answers_before = []
    answers_after = []
    for row in rows:
        answers_before.append(row.before)
        answers_after.append(row.after)

    count_texts = []
    for name, answers in (("before", answers_before), ("after", answers_after)):
        total = _sum_answers(answers)
        if total.answered:
            count_texts.append(f"{name} {total.right} of {total.answered}")

    if not count_texts:
        return "Nobody has answered yet."
    return f"Right answers: {', '.join(count_texts)}."


def _sum_answers(answers: Sequence[RightAnswers]) -> RightAnswers:
    right = sum(answer.right for answer in answers)
    answered = sum(answer.answered for answer in answers)
    return RightAnswers(right, answered)
