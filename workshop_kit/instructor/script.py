"""The demo, read from ``demo.toml``: steps with what to say, what to click, and what will be seen then.

A rehearsal does the clicks and waits for what will be seen. `DemoProgress` is where the presenter is in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, field_validator, model_validator

from workshop_kit.display.rendered import template
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.faults import catalog
from workshop_kit.files import load_toml
from workshop_kit.instructor.audience import SHOWN
from workshop_kit.instructor.load_generator import REQUESTS
from workshop_kit.observe.watch import Tables
from workshop_kit.paths import CHECKOUT

SCRIPT = Path(__file__).parent / "demo.toml"
PICTURES = CHECKOUT / "docs" / "demo"
OneLine = Annotated[str, AfterValidator(lambda text: " ".join(text.split()))]
"""A text that the file breaks into lines."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Click(_Model):
    """One click with its arguments, which are empty where the action takes none."""

    action: Literal["load", "load-stop", "fault", "undo-all", "well", "order", "show", "show-lines"]
    fault: str = ""
    target: str = ""
    parameters: Mapping[str, Any] | None = None
    request: str = ""
    rate_per_second: int = 0
    request_id: str = ""
    what: str = ""

    @model_validator(mode="after")
    def _can_be_done(self) -> Click:
        if self.action == "load" and self.request not in REQUESTS:
            raise ValueError(f"{self.request!r} is no load; there are {', '.join(REQUESTS)}")
        if self.action == "show" and self.what not in SHOWN:
            raise ValueError(f"{self.what!r} cannot be shown; there are {', '.join(SHOWN)}")
        if self.action == "fault":
            try:
                catalog.named(self.fault).complete(self.parameters or {})
            except WorkshopError as error:
                raise ValueError(error.what) from error
        return self

    def __str__(self) -> str:
        if self.action == "fault":
            given = ", ".join(f"{name} {value}" for name, value in (self.parameters or {}).items())
            return f"{self.fault} of {self.target}" + (f", {given}" if given else "")
        if self.action == "load":
            return f"Load: {self.request}, {self.rate_per_second} a second"
        if self.action == "order":
            return f"One order with the id {self.request_id}"
        if self.action in {"show", "show-lines"}:
            return f"Show the room: {self.what or f'the lines of {self.request_id}'}"
        return {"load-stop": "Stop the load", "undo-all": "Undo all", "well": "Wait until all is well"}[self.action]


class Expectation(_Model):
    """What the newest row of a table will say (of ``lines``: any row); ``where`` chooses rows by their values.

    ``column`` equals ``equals``, or lies between ``at_least`` and ``at_most``.
    """

    table: Literal["requests", "health", "resources", "lines"]
    column: str
    where: Mapping[str, str] = {}
    equals: str | None = None
    at_least: float = float("-inf")
    at_most: float = float("inf")

    def __str__(self) -> str:
        chosen = "".join(f" {value}" for value in self.where.values())
        if self.equals is not None:
            return f"{self.table}{chosen}: {self.column} is {self.equals}"
        lower = f"at least {self.at_least:g}" if self.at_least > float("-inf") else ""
        upper = f"at most {self.at_most:g}" if self.at_most < float("inf") else ""
        return f"{self.table}{chosen}: {self.column} is {' and '.join(filter(None, (lower, upper)))}"

    def found(self, tables: Tables, lines: pd.DataFrame, since: pd.Timestamp) -> object:
        """Return the newest value since a time, whether it fits or not; None if there is none."""
        table = lines if self.table == "lines" else getattr(tables, self.table)
        rows = table[table["time"] >= since]
        for name, value in self.where.items():
            rows = rows[rows[name] == value]
        if self.table == "lines" and self.equals is not None:
            rows = rows[rows[self.column] == self.equals]
        values = rows[self.column].dropna()
        return values.iloc[-1] if len(values) else None

    def fits(self, value: object) -> bool:
        """Return whether a value is the expected one."""
        if value is None:
            return False
        if self.equals is not None:
            return str(value) == self.equals
        return isinstance(value, int | float) and self.at_least <= value <= self.at_most


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
        """The file name of its recorded picture."""
        return f"{self.number:02}-{self.id}.svg"


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

    def step(self, number: object) -> DemoStep:
        """Return the step of that number, from 1. Raises WrongUsage."""
        if not isinstance(number, int) or not 0 < number <= len(self.steps):
            raise WrongUsage(f"There is no step {number!r}.", f"The demo has steps from 1 to {len(self.steps)}.")
        return self.steps[number - 1]


@dataclass
class DemoProgress:
    """The demo's step and its stopwatch, which the first action starts; ``clock`` returns monotonic seconds."""

    script: Script
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    step: DemoStep = field(init=False)
    done: bool = field(default=False, init=False)
    _demo_since: float | None = field(default=None, init=False)
    _step_since: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.step = self.script.steps[0]

    def choose(self, number: object) -> None:
        """Go to a step, from 1. Raises WrongUsage."""
        self.step, self.done = self.script.step(number), False
        self.start()
        self._step_since = self.clock()

    def start(self) -> None:
        """Start the stopwatch, unless it runs."""
        if self._demo_since is None:
            self.restart()

    def restart(self) -> None:
        """Start the stopwatch anew, for the demo and for the step."""
        self._demo_since = self._step_since = self.clock()

    def state(self) -> dict[str, Any]:
        """Return it as JSON takes it; the seconds are None before the start."""
        now = self.clock()
        return {
            "number": self.step.number,
            "done": self.done,
            "step_seconds": None if self._step_since is None else round(now - self._step_since, 2),
            "demo_seconds": None if self._demo_since is None else round(now - self._demo_since, 2),
        }


def load_script(path: Path = SCRIPT) -> Script:
    """Read the demo. Raises WorkshopError for what cannot be clicked or seen."""
    return load_toml(path, TypeAdapter(Script))


def as_page(script: Script) -> str:
    """Return the demo as a page in Markdown, with the recorded pictures."""
    return template(SCRIPT.parent / "pages" / "demo.md.j2").render(script=script).rstrip() + "\n"
