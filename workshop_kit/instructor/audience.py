"""What the audience's page shows: one view at a time, chosen by the presenter. It knows of no fault."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from workshop_kit.errors import WrongUsage
from workshop_kit.instructor.clock import HEIGHT, picture
from workshop_kit.instructor.prediction_counts import GuessCounts
from workshop_kit.screen import as_html, visible

SHOWN = ("clock", "recorded", "map", "predictions", "lines")
THEMES = ("", "light", "dark")
MOST_MINUTES = 600
COLUMNS, MOST_CHARACTERS = 90, 900
TOP, ROW, GAP = 92, 38, 20
"""Of the picture of a request's lines: characters of a row and of a line, and places."""


@dataclass
class Countdown:
    """A countdown that the presenter sets, starts, pauses and resets; ``clock`` returns monotonic seconds."""

    minutes: float = 5.0
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    _left: float = field(init=False)
    _since: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._left = self.minutes * 60

    @property
    def runs(self) -> bool:
        """Whether it counts."""
        return self._since is not None

    @property
    def idle(self) -> bool:
        """Whether it was not started since it was set or reset."""
        return self._since is None and self._left == self.minutes * 60

    @property
    def seconds_left(self) -> float:
        """The seconds that are left; negative once the time is over."""
        return self._left - (self.clock() - self._since if self._since is not None else 0.0)

    def set(self, minutes: object) -> None:
        """Set the minutes and stop. Raises WrongUsage for anything but a number in range."""
        number = minutes if isinstance(minutes, int | float) and not isinstance(minutes, bool) else 0
        if not 0 < number <= MOST_MINUTES:
            raise WrongUsage(f"A countdown takes up to {MOST_MINUTES} minutes, and {minutes!r} is not.")
        self.minutes = float(number)
        self.reset()

    def start(self) -> None:
        """Start counting, unless it counts already."""
        if self._since is None:
            self._since = self.clock()

    def pause(self) -> None:
        """Stop counting and keep the seconds that are left."""
        self._left, self._since = self.seconds_left, None

    def reset(self) -> None:
        """Stop, with all the minutes left."""
        self._left, self._since = self.minutes * 60, None


@dataclass(frozen=True)
class RequestLines:
    """The lines of a request, oldest first, each with its grade; none if the log has no such request."""

    request_id: str
    lines: tuple[tuple[str, str], ...] = ()

    @property
    def texts(self) -> list[str]:
        """The lines alone, with unsafe characters escaped."""
        return [visible(text, MOST_CHARACTERS) for _, text in self.lines]

    def svg(self, *, alone: bool = False) -> str:
        """Return the picture; with ``alone`` it brings its colors."""
        count = len(self.lines)
        title = f"{count} log line{'' if count == 1 else 's'} of the request {visible(self.request_id, 64)}"
        y, name, cut_at = TOP, as_html(self.request_id), 0
        drawn: list[tuple[str, int, list[Markup]]] = []
        for (grade, _), text in zip(self.lines, self.texts, strict=True):
            rows = textwrap.wrap(text, COLUMNS, break_on_hyphens=False)
            if y + len(rows) * ROW > HEIGHT - ROW:
                cut_at = y
                break
            marked = [as_html(row).replace(name, f'<tspan class="found">{name}</tspan>') for row in rows]
            drawn.append((grade, y, [Markup(row) for row in marked]))  # noqa: S704 - `as_html` escaped it
            y += len(rows) * ROW + GAP
        words = "\n".join(self.texts)
        return picture("lines.svg", title, words, alone=alone, lines=drawn, cut_at=cut_at, TOP=TOP, ROW=ROW)


@dataclass
class Audience:
    """What is shown, and in which theme ("": the system's).

    ``counts`` returns the counts of the prediction that is shown, as they are now; ``answer_shown`` says whether its
    right answer is shown, too.
    """

    shows: str = "clock"
    theme: str = ""
    countdown: Countdown = field(default_factory=Countdown)
    counts: Callable[[], GuessCounts] | None = None
    lines: RequestLines | None = None
    answer_shown: bool = False
    views: tuple[str, ...] = SHOWN

    def show(self, what: object) -> None:
        """Show one of ``views``. Raises WrongUsage for anything else, and for a view that is empty yet."""
        if what not in self.views:
            raise WrongUsage(f"The room cannot be shown {what!r}.", f"Choose from: {', '.join(self.views)}.")
        if {"predictions": self.counts, "lines": self.lines}.get(str(what), self) is None:
            raise WrongUsage(f"There are no {what} to show yet.", "Count predictions, or find a request, first.")
        self.shows = str(what)

    def set_theme(self, theme: object) -> None:
        """Use one of `THEMES`. Raises WrongUsage for anything else."""
        if theme not in THEMES:
            raise WrongUsage(f"There is no theme {theme!r}.", "Choose light, dark, or the system's.")
        self.theme = str(theme)

    def show_lines(self, lines: RequestLines) -> None:
        """Show the log lines of a request. Raises WrongUsage if there are none."""
        if not lines.lines:
            raise WrongUsage(f"No line has the request id {lines.request_id!r}.", "Compare the id, then find it again.")
        self.lines, self.shows = lines, "lines"

    def show_prediction(self, counts: Callable[[], GuessCounts]) -> None:
        """Show the counts of a prediction without the right answer."""
        self.counts, self.answer_shown, self.shows = counts, False, "predictions"

    def show_answer(self) -> None:
        """Show which answer was right. Raises WrongUsage if none is known to be."""
        if self.counts is None or not self.counts().has_right_answer:
            raise WrongUsage(
                "No answer is known to be right.", "Run the experiment, or put * before it in the pasted counts."
            )
        self.answer_shown = True

    def state(self) -> dict[str, Any]:
        """Return everything as JSON takes it; ``right`` is true only once the answer is shown."""
        countdown, histogram = self.countdown, self.counts() if self.counts else None
        return {
            "shows": self.shows,
            "theme": self.theme,
            "countdown": {
                "seconds_left": round(countdown.seconds_left, 2),
                "runs": countdown.runs,
                "idle": countdown.idle,
            },
            "predictions": histogram.state(answer_shown=self.answer_shown) if histogram else None,
            "lines": [self.lines.request_id, len(self.lines.lines)] if self.lines else None,
        }
