"""The demo, read from ``demo.toml``: steps with what to say, what to click, and what will be seen then.

A rehearsal does the clicks, waits for what will be seen, and records its picture.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, field_validator

from workshop_kit.display import charts
from workshop_kit.display.dashboard import renderer
from workshop_kit.display.rendered import template
from workshop_kit.errors import WorkshopError
from workshop_kit.files import load_toml, write_atomically
from workshop_kit.paths import CHECKOUT
from workshop_kit.patience import patient
from workshop_kit.reporting import Report, Step, silent
from workshop_kit.workspace.course import Course
from workshop_room.desk.audience_view import TITLE
from workshop_room.desk.controller import Controller

SCRIPT = Path(__file__).parent / "demo.toml"
PICTURES = CHECKOUT / "docs" / "demo"
POLL_SECONDS = 0.5
RECORDED_SECONDS = 60.0


def _join_lines(text: str) -> str:
    return " ".join(text.split())


OneLine = Annotated[str, AfterValidator(_join_lines)]
"""A text that the file breaks into lines."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Click(_Model):
    """One click with its arguments, which are empty where the action takes none."""

    action: Literal["load", "fault", "undo-all", "well", "order", "show", "show-lines"]
    fault: str = ""
    target: str = ""
    parameters: Mapping[str, Any] | None = None
    request: str = ""
    rate_per_second: int = 0
    request_id: str = ""
    what: str = ""

    def __str__(self) -> str:
        if self.action == "fault":
            parameters = [f"{name} {value}" for name, value in (self.parameters or {}).items()]
            return ", ".join([f"{self.fault} of {self.target}", *parameters])
        if self.action == "load":
            return f"Load: {self.request}, {self.rate_per_second} a second"
        if self.action == "order":
            return f"One order with the id {self.request_id}"
        if self.action in {"show", "show-lines"}:
            view = self.what or f"the lines of {self.request_id}"
            return f"Show the room: {view}"
        return {"undo-all": "Undo all", "well": "Wait until all is well"}[self.action]


class Expectation(_Model):
    """What the newest row of a table will say (of ``lines``: any row); ``where`` chooses rows by their values.

    ``column`` ``holds``: ``is pass``, ``is at least 10``, ``is at most 1``.
    """

    table: Literal["requests", "health", "resources", "lines"]
    column: str
    where: Mapping[str, str] = {}
    holds: Annotated[str, Field(pattern=r"^is ([a-z]+|at (least|most) \d+)$")]

    def __str__(self) -> str:
        row_values = "".join(f" {value}" for value in self.where.values())
        return f"{self.table}{row_values}: {self.column} {self.holds}"

    def seen(self, tables: Mapping[str, pd.DataFrame], since: pd.Timestamp) -> tuple[bool, object]:
        """Return whether it was seen since a time, and the newest value; None if there is none."""
        table = tables[self.table]
        rows = table[table["time"] >= since]
        for name, value in self.where.items():
            rows = rows[rows[name] == value]

        values = rows[self.column].dropna()
        candidates = values if self.table == "lines" else values.tail(1)
        newest = values.iloc[-1] if len(values) else None
        return any(map(self._fits, candidates)), newest

    def _fits(self, value: Any) -> bool:
        comparison, _, expected = self.holds.rpartition(" ")
        if comparison == "is":
            return bool(value == expected)
        if comparison == "is at least":
            return bool(value >= float(expected))
        return bool(value <= float(expected))


class DemoStep(_Model):
    """One step of the demo. All ``expectations`` must hold at once within ``within_seconds``.

    After that the picture has ``look_seconds`` before it is recorded. ``note`` is for the presenter alone. ``spoils``
    is the lesson that it gives away.
    """

    number: int
    id: str
    title: str
    minutes: float
    say: OneLine
    note: OneLine = ""
    spoils: str = ""
    clicks: tuple[Click, ...] = Field((), alias="do")
    expectations: tuple[Expectation, ...] = Field((), alias="see")
    within_seconds: float = 20.0
    look_seconds: float = 8.0

    @property
    def picture(self) -> str:
        """The file name of its recorded dashboard; "" where the room is shown lines."""
        if any(click.action == "show-lines" for click in self.clicks):
            return ""
        return f"{self.number:02}-{self.id}.png"


class Script(_Model):
    """The whole demo; ``when`` says at which point of a workshop it may be shown."""

    title: str
    when: OneLine
    steps: tuple[DemoStep, ...] = Field(alias="step")

    @field_validator("steps", mode="before")
    @classmethod
    def _number(cls, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"number": number, **step} for number, step in enumerate(steps, 1)]

    @property
    def minutes(self) -> float:
        """How long it takes on stage."""
        return sum(step.minutes for step in self.steps)

    def last_step(self, course: Course, track: str) -> int:
        """Return the number of the last step that a track has time for and that gives none of its lessons away.

        Where a track has no minutes for a demo, the steps are there to fall back on.
        """
        minutes = course.tracks[track].demo or self.minutes
        minutes_taken = 0.0
        for step in self.steps:
            minutes_taken += step.minutes
            if minutes_taken > minutes or step.spoils in course.names(track):
                return step.number - 1
        return len(self.steps)


@dataclass(frozen=True)
class StepResult:
    """How a step went: ``seconds`` until everything was seen, ``minutes`` that a presenter needs.

    ``problem`` is one sentence on what was not seen, or "".
    """

    id: str
    title: str
    minutes: float
    seconds: float
    problem: str = ""

    def __str__(self) -> str:
        if self.problem:
            return f"✗ {self.id}: {self.problem}"
        return f"✓ {self.id}: seen after {self.seconds:.1f} s, {self.minutes:g} min on stage: {self.title}"


def load_script() -> Script:
    """Read the demo."""
    return load_toml(SCRIPT, TypeAdapter(Script))


def as_page(script: Script) -> str:
    """Return the demo as a page in Markdown, with the recorded pictures."""
    return template(SCRIPT.parent / "pages" / "demo.md.j2").render(script=script).rstrip() + "\n"


def rehearse(
    script: Script,
    controller: Controller,
    play: Callable[[DemoStep], None],
    report: Report = silent,
    *,
    pictures: Path | None = None,
) -> list[StepResult]:
    """Do every step with an open controller, in order; a failed step does not stop the others.

    ``play`` does the clicks of a step. ``pictures``: write a picture of each successful step and an index to this
    folder.
    """
    results = []
    for step in script.steps:
        report(Step("Demo", (step.number - 1) / len(script.steps), step.title))
        result = _rehearse(step, controller, play)
        results.append(result)
        if pictures is not None and step.picture and not result.problem:
            time.sleep(step.look_seconds)
            figure = renderer.figure(TITLE, controller.dashboard_view(RECORDED_SECONDS))
            write_atomically(pictures / step.picture, charts.figure_png(figure))

    if pictures is not None:
        write_atomically(pictures / "README.md", as_page(script).encode())
    report(Step("Demo", 1.0, done=True))
    return results


def _rehearse(step: DemoStep, controller: Controller, play: Callable[[DemoStep], None]) -> StepResult:
    """Do a step and wait until everything is seen at once, or the time is over."""
    began = time.monotonic()
    since = pd.Timestamp.now(tz="UTC")
    problem = ""
    try:
        play(step)
        played = time.monotonic()
        while sentences := _unmet_expectations(controller, step.expectations, since):
            waited = time.monotonic() - played
            if waited > patient(step.within_seconds):
                problem = f"After {waited:.0f} s this was not seen: {'; '.join(sentences)}."
                break
            time.sleep(POLL_SECONDS)
    except WorkshopError as error:
        problem = str(error)

    return StepResult(step.id, step.title, step.minutes, time.monotonic() - began, problem)


def observed(controller: Controller, expectations: Sequence[Expectation]) -> dict[str, pd.DataFrame]:
    """Return the tables in which the expectations look; the log, which is slow to read, only for those that need it."""
    tables: dict[str, pd.DataFrame] = dict(vars(controller.watcher.tables()))
    if any(expectation.table == "lines" for expectation in expectations):
        tables["lines"] = controller.lines()
    return tables


def _unmet_expectations(controller: Controller, expectations: Sequence[Expectation], since: pd.Timestamp) -> list[str]:
    """Return the expectations that do not hold, each with the newest value."""
    tables = observed(controller, expectations)
    problems = []
    for expectation in expectations:
        is_seen, value = expectation.seen(tables, since)
        if not is_seen:
            problems.append(f"{expectation} (it is {value})")
    return problems
