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

from workshop_kit.display.rendered import template
from workshop_kit.errors import WorkshopError
from workshop_kit.files import load_toml, write_atomically
from workshop_kit.paths import CHECKOUT
from workshop_kit.patience import patient
from workshop_kit.reporting import Report, Step, silent
from workshop_kit.workspace.course import Course
from workshop_room.desk.controller import Controller

SCRIPT = Path(__file__).parent / "demo.toml"
PICTURES = CHECKOUT / "docs" / "demo"
POLL_SECONDS = 0.5


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
            parameters = self.parameters or {}
            parameter_texts = [f"{name} {value}" for name, value in parameters.items()]
            return ", ".join([f"{self.fault} of {self.target}", *parameter_texts])
        if self.action == "load":
            return f"Load: {self.request}, {self.rate_per_second} a second"
        if self.action == "order":
            return f"One order with the id {self.request_id}"
        if self.action in {"show", "show-lines"}:
            view = self.what or f"the lines of {self.request_id}"
            return f"Show the room: {view}"
        if self.action == "undo-all":
            return "Undo all"
        return "Wait until all is well"


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

    def check(self, tables: Mapping[str, pd.DataFrame], since: pd.Timestamp) -> tuple[bool, object]:
        """Return whether the expectation holds in the rows since a time, and the newest value in them.

        The value is None if there are no such rows.
        """
        table = tables[self.table]
        rows = table[table["time"] >= since]
        for name, value in self.where.items():
            rows = rows[rows[name] == value]

        values = rows[self.column].dropna()
        newest = values.iloc[-1] if len(values) else None
        if self.table == "lines":
            is_seen = any(self._fits(value) for value in values)
        else:
            is_seen = any(self._fits(value) for value in values.tail(1))
        return is_seen, newest

    def _fits(self, value: Any) -> bool:
        """Return whether a value is as ``holds`` says."""
        comparison, _, expected = self.holds.rpartition(" ")
        if comparison == "is":
            return bool(value == expected)
        if comparison == "is at least":
            return bool(value >= float(expected))
        return bool(value <= float(expected))


class DemoStep(_Model):
    """One step of the demo. All ``expectations`` must hold at once within ``within_seconds``.

    After that the picture has ``look_seconds`` before it is recorded. ``note`` is for the presenter alone.
    """

    number: int
    id: str
    title: str
    minutes: float
    say: OneLine
    note: OneLine = ""
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
    def _number_steps(cls, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"number": number, **step} for number, step in enumerate(steps, 1)]

    @property
    def minutes(self) -> float:
        """The minutes of all its steps on stage."""
        return sum(step.minutes for step in self.steps)

    def last_step(self, course: Course, track: str) -> int:
        """Return the number of the last step before the track's minutes are over.

        A track without minutes for a demo has time for all steps: they are an alternative if something else fails.
        """
        available_minutes = course.tracks[track].demo or self.minutes
        minutes = 0.0
        for step in self.steps:
            minutes += step.minutes
            if minutes > available_minutes:
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
        result = _rehearse_step(step, controller, play)
        results.append(result)
        if pictures is not None and step.picture and not result.problem:
            time.sleep(step.look_seconds)
            write_atomically(pictures / step.picture, controller.timeline().png())

    if pictures is not None:
        write_atomically(pictures / "README.md", as_page(script).encode())
    report(Step("Demo", 1.0, done=True))
    return results


def _rehearse_step(step: DemoStep, controller: Controller, play: Callable[[DemoStep], None]) -> StepResult:
    """Do a step, wait for its expectations, and return how it went; an error becomes the result's problem."""
    began = time.monotonic()
    since = pd.Timestamp.now(tz="UTC")
    try:
        play(step)
        problem = _wait_for_expectations(controller, step, since)
    except WorkshopError as error:
        problem = str(error)

    seconds = time.monotonic() - began
    return StepResult(step.id, step.title, step.minutes, seconds, problem)


def _wait_for_expectations(controller: Controller, step: DemoStep, since: pd.Timestamp) -> str:
    """Wait until all expectations of a step hold at once; return "", or a sentence on what was not seen in time."""
    began = time.monotonic()
    while True:
        sentences = _unmet_expectations(controller, step.expectations, since)
        if not sentences:
            return ""

        waited_seconds = time.monotonic() - began
        if waited_seconds > patient(step.within_seconds):
            return f"After {waited_seconds:.0f} s this was not seen: {'; '.join(sentences)}."
        time.sleep(POLL_SECONDS)


def tables_of(controller: Controller, expectations: Sequence[Expectation]) -> dict[str, pd.DataFrame]:
    """Return the tables that the expectations are about; the log, which is slow to read, only if one needs it."""
    tables: dict[str, pd.DataFrame] = dict(vars(controller.watcher.tables()))
    if any(expectation.table == "lines" for expectation in expectations):
        tables["lines"] = controller.lines()
    return tables


def _unmet_expectations(controller: Controller, expectations: Sequence[Expectation], since: pd.Timestamp) -> list[str]:
    """Return a text for each expectation that does not hold, with the newest value."""
    tables = tables_of(controller, expectations)
    problems = []
    for expectation in expectations:
        is_seen, value = expectation.check(tables, since)
        if not is_seen:
            problems.append(f"{expectation} (it is {value})")
    return problems
