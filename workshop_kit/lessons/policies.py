"""Policy cards: write the policy that follows from what you saw, then compare it with a reference."""

from __future__ import annotations

from collections.abc import Mapping

from workshop_kit.display.rendered import Rendered
from workshop_kit.display.tables import table
from workshop_kit.errors import WrongUsage
from workshop_kit.exercises.progress import Progress


def compare(
    lesson: str, mine: Mapping[str, str], reference: Mapping[str, str], *, progress: Progress, headless: bool = False
) -> Rendered:
    """Return both policies side by side, question by question, and keep the participant's.

    ``mine`` and ``reference`` map the same questions to a sentence each. The reference is shown once every question
    has an answer; in a headless run nobody answers, so it is shown at once. Raises WrongUsage for other questions.
    """
    if mine.keys() != reference.keys():
        odd = ", ".join(sorted(mine.keys() ^ reference.keys()))
        raise WrongUsage(f"The policy card of {lesson} does not ask about {odd}.", "Keep the questions as they were.")
    left = [question for question, sentence in mine.items() if not sentence.strip()]
    if left and not headless:
        text = f"Still yours to write, a sentence each: {', '.join(left)}. Then run the cell again."
        return table("Your policy", ("question", "your sentence"), [*mine.items(), ("", text)])
    if not headless:
        progress.keep_policy(lesson, [f"{question}: {sentence}" for question, sentence in mine.items()])
    rows = [(question, mine[question] or "…", reference[question]) for question in reference]
    return table("Two policies: no winner, but differences to talk about", ("question", "yours", "one reference"), rows)
