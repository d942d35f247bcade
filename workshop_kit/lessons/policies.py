"""Policies: a sentence for each question, and the lesson's reference, shown once the participant has written theirs.

The references of a lesson stand beside its notebook in ``notebooks/NN_lesson.toml``, a line for each question::

    [policy]
    "How does it end?" = "Process 1 receives SIGTERM and finishes what it began."

The cell has the same questions, and no reference: ``w.policy(mine={"How does it end?": ""})``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from workshop_kit.display.rendered import Rendered, table
from workshop_kit.errors import WrongUsage
from workshop_kit.files import load_document
from workshop_kit.workspace.course import tables_path

Sentence = Annotated[str, Field(min_length=1)]


class _Tables(BaseModel):
    """What is read here of a lesson's tables: the questions of its policy, each with the reference sentence."""

    policy: Annotated[Mapping[Sentence, Sentence], Field(min_length=1)] | None = None


def load_reference(lesson: str, folder: Path) -> dict[str, str]:
    """Return the reference sentences of a lesson by question. Raises WrongUsage for a lesson without a policy."""
    path = tables_path(lesson, folder)
    reference = load_document(path, _Tables).policy if path.is_file() else None
    if reference is None:
        raise WrongUsage(f"{lesson} has no policy.", f"Write its questions and references into {path.name}.")
    return dict(reference)


def answers(mine: Mapping[str, str], reference: Mapping[str, str]) -> dict[str, str]:
    """Return the participant's sentences in the order of the reference; "" for one that is still to be written.

    Raises WrongUsage unless both have the same questions.
    """
    missing_questions = [question for question in reference if question not in mine]
    if missing_questions:
        sentence = f"The cell lacks the question {missing_questions[0]!r}."
        raise WrongUsage(sentence, "Put it back: only the sentences are yours.")

    unknown_questions = [question for question in mine if question not in reference]
    if unknown_questions:
        sentence = f"The lesson's policy has no question {unknown_questions[0]!r}."
        raise WrongUsage(sentence, f"Ask: {', '.join(reference)}")

    return {question: mine[question].strip() for question in reference}


def unfinished_card(sentences: Mapping[str, str]) -> Rendered:
    """Return the participant's sentences, and a line with the questions that have none yet."""
    open_questions = [question for question, sentence in sentences.items() if not sentence]
    text = f"Still yours to write, a sentence each: {', '.join(open_questions)}. Then run the cell again."
    return table("Your policy", ("question", "your sentence"), [*sentences.items(), ("", text)])


def comparison_card(sentences: Mapping[str, str], reference: Mapping[str, str]) -> Rendered:
    """Return both policies side by side, question by question."""
    rows = [(question, sentence or "…", reference[question]) for question, sentence in sentences.items()]
    title = "Two policies: no winner, but differences to talk about"
    return table(title, ("question", "yours", "one reference"), rows)
