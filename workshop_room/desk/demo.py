"""The demo, read from ``demo.toml``: steps with what to do, what to say, and what shows that it is true."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from workshop_kit.files import load_document
from workshop_room.desk.controller import Controller

SCRIPT = Path(__file__).parent / "demo.toml"
REQUEST_ID = "demo-tea-for-one"
"""The id of the one order that the demo finds again."""
NONE = "none"

Expectation = Annotated[str, Field(pattern=r"^\S+ (=|<=|>=) \S+$")]
"""Such as ``error_percent >= 90``; `measure` has the names."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Action(_Model):
    """One action with its arguments, which are empty where it takes none."""

    action: Literal["load", "fault", "undo-all", "well", "order", "find"]
    fault: str = ""
    target: str = ""
    parameters: Mapping[str, Any] = {}
    rate_per_second: int = 0

    def __str__(self) -> str:
        match self.action:
            case "fault":
                details = "".join(f", {name} {value}" for name, value in self.parameters.items())
                return f"{self.fault} {self.target}{details}"
            case "load":
                return f"{self.rate_per_second} orders a second"
            case "undo-all":
                return "Undo all"
            case "well":
                return "wait until all is well"
            case "order":
                return f"one order, {REQUEST_ID}"
            case "find":
                return f"show the lines of {REQUEST_ID}"


class Sentence(_Model):
    """A sentence that is said; what it states must be measured, and a question states nothing."""

    text: str
    see: tuple[Expectation, ...] = ()

    @model_validator(mode="after")
    def _is_measured(self) -> Self:
        if not self.see and not self.text.endswith("?"):
            raise ValueError(f"nothing is measured for {self.text!r}")
        return self

    def unmet(self, measured: Mapping[str, object]) -> list[str]:
        """Return a text for each expectation that does not hold, with what was measured."""
        problems = []
        for expectation in self.see:
            if not holds(expectation, measured):
                name, _, _ = expectation.split()
                problems.append(f"{expectation} (it is {measured.get(name)})")
        return problems


class DemoStep(_Model):
    """One step of the demo. After its actions, all that is said must hold at once within ``within_seconds``.

    ``note`` is for the presenter alone.
    """

    title: str
    minutes: float
    note: str = ""
    actions: tuple[Action, ...] = Field(alias="do")
    say: tuple[Sentence, ...]
    within_seconds: float = 20.0

    @property
    def reads_log(self) -> bool:
        """Whether an expectation is about the log, which is slow to read."""
        return any("log_" in expectation for sentence in self.say for expectation in sentence.see)

    def unmet(self, measured: Mapping[str, object]) -> list[str]:
        """Return a text for each expectation of the step that does not hold."""
        return [problem for sentence in self.say for problem in sentence.unmet(measured)]


class Script(_Model):
    """The whole demo, and the faults that the presenter can inject by one click beside it."""

    faults: tuple[Action, ...]
    steps: tuple[DemoStep, ...] = Field(alias="step")

    @property
    def minutes(self) -> float:
        """The minutes of all its steps on stage."""
        return sum(step.minutes for step in self.steps)


def load_script() -> Script:
    """Read the demo."""
    return load_document(SCRIPT, Script)


def measure(controller: Controller, since: pd.Timestamp, *, reads_log: bool) -> dict[str, object]:
    """Return the newest measurements since a time, by name; a name is missing while its value is not known.

    Each probe has its state. ``log_…`` count lines since then, ``log_found_…`` those of the demo's one order.
    """
    tables = controller.tables()
    measured: dict[str, object] = {}
    for table, columns in (
        (tables.requests, ("requests_per_second", "error_percent", "p95_ms")),
        (tables.resources, ("throttled_percent",)),
    ):
        for column in columns:
            values = table[table["time"] >= since][column].dropna()
            if len(values):
                measured[column] = round(float(values.iloc[-1]), 1)

    new_health = tables.health[tables.health["time"] >= since]
    for probe, answers in new_health.groupby("what"):
        measured[str(probe)] = answers["state"].iloc[-1]

    measured["faults"] = _names(active.fault for active in controller.active_faults())
    measured["stopped"] = _names(controller.stopped_services())
    if reads_log:
        measured.update(_measure_log(controller, since))
    return measured


def _measure_log(controller: Controller, since: pd.Timestamp) -> dict[str, object]:
    """Return the measurements of the log: how many lines are errors or warnings, and what the one order's lines say."""
    lines = controller.lines()
    grades = [line.grade for line in lines if line.time >= since]
    found = [line for line in lines if line.request_id == REQUEST_ID]
    return {
        "log_lines": len(lines),
        "log_errors": grades.count("error"),
        "log_warnings": grades.count("warning"),
        "log_found_lines": len(found),
        "log_found_errors": sum("error" in line.fields for line in found),
        "log_found_ms": max((float(line.fields.get("duration_ms", 0)) for line in found), default=0.0),
    }


def holds(expectation: str, measured: Mapping[str, object]) -> bool:
    """Return whether an expectation holds; one about a value that is not known does not.

    >>> holds("error_percent >= 90", {"error_percent": 95.0}), holds("/livez = pass", {})
    (True, False)
    """
    name, comparison, expected = expectation.split()
    value = measured.get(name)
    if value is None:
        return False
    if comparison == "=":
        return str(value) == expected
    number = float(str(value))
    return number <= float(expected) if comparison == "<=" else number >= float(expected)


def _names(names: Iterable[str]) -> str:
    return ",".join(names) or NONE
