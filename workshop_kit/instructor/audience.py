"""What the audience's page shows: one thing at a time, chosen by the presenter. Nothing here knows of a fault."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from workshop_kit.errors import WrongUsage
from workshop_kit.instructor.countdown import Countdown
from workshop_kit.instructor.prediction_counts import Histogram

SHOWN = ("clock", "recorded", "map", "guesses")


@dataclass
class Room:
    """``told`` says whether the right answer is out: before that, the bars are shown without it."""

    shows: str = "clock"
    countdown: Countdown = field(default_factory=Countdown)
    histogram: Histogram | None = None
    told: bool = False

    def show(self, what: object) -> None:
        """Show one of `SHOWN`. Raises WrongUsage for anything else, and for guesses where there are none."""
        if what not in SHOWN:
            raise WrongUsage(f"The room cannot be shown {what!r}.", f"Choose from: {', '.join(SHOWN)}.")
        if what == "guesses" and self.histogram is None:
            raise WrongUsage("There are no guesses yet.", "Count them first: from a folder, or pasted.")
        self.shows = str(what)

    def ask(self, histogram: Histogram) -> None:
        """Show what was guessed, and keep to ourselves what is right."""
        self.histogram, self.told, self.shows = histogram, False, "guesses"

    def tell(self) -> None:
        """Say which answer was right, and how many were wrong."""
        if self.histogram is None or not self.histogram.knows:
            raise WrongUsage("Nobody knows which answer is right.", "Put * before it in the pasted counts.")
        self.told = True

    def state(self) -> dict[str, Any]:
        """All of it as JSON takes it: ``seconds_left`` may be negative; ``right`` is told only when it is out."""
        return {
            "shows": self.shows,
            "countdown": {"seconds_left": round(self.countdown.seconds_left, 2), "runs": self.countdown.runs},
            "guesses": self._guesses(),
        }

    def _guesses(self) -> dict[str, Any] | None:
        if self.histogram is None:
            return None
        people = max(self.histogram.people, 1)
        return {
            "question": self.histogram.question,
            "headline": self.histogram.headline() if self.told else f"{self.histogram.people} of us answered.",
            "answers": [
                {
                    "text": one.text,
                    "count": one.count,
                    "share": round(one.count / people, 4),
                    "right": one.right and self.told,
                }
                for one in self.histogram.answers
            ],
        }
