"""The demo: steps with what to say, what to click, and what will be seen, read from ``demo.toml``. Data and checks.

What to click and what will be seen is written so that a rehearsal can do the one and wait for the other.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from workshop_kit.errors import WrongUsage
from workshop_kit.faults import catalog
from workshop_kit.instructor.load_generator import REQUESTS
from workshop_kit.observe.watch import Tables
from workshop_kit.paths import CHECKOUT

SCRIPT = Path(__file__).parent / "demo.toml"
PICTURES = CHECKOUT / "docs" / "demo"
ACTIONS = ("load", "load-stop", "fault", "undo-all", "well", "order")
TABLES = ("requests", "health", "resources", "lines")


@dataclass(frozen=True)
class Click:
    """One thing to do. ``action`` is one of `ACTIONS`; the rest is what it takes, empty where it takes nothing."""

    action: str
    fault: str = ""
    target: str = ""
    parameters: Mapping[str, Any] | None = None
    request: str = ""
    rate_per_second: int = 0
    request_id: str = ""

    def __str__(self) -> str:
        if self.action == "fault":
            grade = ", ".join(f"{name} {value}" for name, value in (self.parameters or {}).items())
            return f"{self.fault} of {self.target}" + (f", {grade}" if grade else "")
        if self.action == "load":
            return f"Load: {self.request}, {self.rate_per_second} a second"
        if self.action == "order":
            return f"One order with the id {self.request_id}"
        return {"load-stop": "Stop the load", "undo-all": "Undo all", "well": "Wait until all is well"}[self.action]


@dataclass(frozen=True)
class See:
    """What the newest row of a table will say (of ``lines``: any row). ``where`` are values that choose rows.

    ``column`` of it equals ``equals``, or lies between ``at_least`` and ``at_most``.
    """

    table: str
    column: str
    where: Mapping[str, str]
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
        """What is there instead, or as hoped: the newest value since a time; None if there is none."""
        table = lines if self.table == "lines" else getattr(tables, self.table)
        rows = table[table["time"] >= since]
        for name, value in self.where.items():
            rows = rows[rows[name] == value]
        if self.table == "lines" and self.equals is not None:
            rows = rows[rows[self.column] == self.equals]
        values = rows[self.column].dropna()
        return values.iloc[-1] if len(values) else None

    def fits(self, value: object) -> bool:
        """Whether a value is what was to be seen."""
        if value is None:
            return False
        if self.equals is not None:
            return str(value) == self.equals
        return isinstance(value, int | float) and self.at_least <= value <= self.at_most


@dataclass(frozen=True)
class Step:
    """One step of the demo. ``within_seconds`` is how long it may take until all that is to be seen is there at once.

    ``look_seconds`` is how long the picture then has to become one, before it is recorded.
    """

    number: int
    id: str
    title: str
    minutes: float
    say: str
    clicks: tuple[Click, ...]
    sees: tuple[See, ...]
    within_seconds: float
    look_seconds: float

    @property
    def picture(self) -> str:
        """The file name of its recorded picture."""
        return f"{self.number:02}-{self.id}.svg"


@dataclass(frozen=True)
class Script:
    """The whole demo."""

    title: str
    steps: tuple[Step, ...]

    @property
    def minutes(self) -> float:
        """How long it takes on stage."""
        return sum(step.minutes for step in self.steps)

    def step(self, number: object) -> Step:
        """The step of that number, from 1. Raises WrongUsage."""
        if not isinstance(number, int) or not 0 < number <= len(self.steps):
            raise WrongUsage(f"There is no step {number!r}.", f"The demo has steps from 1 to {len(self.steps)}.")
        return self.steps[number - 1]


def load_script(path: Path = SCRIPT) -> Script:
    """Read the demo and hold it against the catalog of faults. Raises WrongUsage for what cannot be done or seen."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        steps = tuple(_step(number, one) for number, one in enumerate(found["step"], 1))
        return Script(found["title"], steps)
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise WrongUsage(f"The demo in {path.name} cannot be read: {error}.", "Mend it, then try again.") from error


def _step(number: int, one: dict[str, Any]) -> Step:
    words = {"do": [], "see": [], "within_seconds": 20.0, "look_seconds": 8.0, **one}
    step = Step(
        number,
        words.pop("id"),
        words.pop("title"),
        words.pop("minutes"),
        words.pop("say").strip(),
        tuple(_click(click) for click in words.pop("do")),
        tuple(See(**{"where": {}, **see}) for see in words.pop("see")),
        words.pop("within_seconds"),
        words.pop("look_seconds"),
    )
    if words:
        raise WrongUsage(f"Step {step.id} has no use for {', '.join(words)}.", "Mend it, then try again.")
    for see in step.sees:
        if see.table not in TABLES:
            raise WrongUsage(f"Step {step.id}: there is no table {see.table!r}.", f"There are {', '.join(TABLES)}.")
    return step


def _click(words: dict[str, Any]) -> Click:
    click = Click(**words)
    if click.action not in ACTIONS:
        raise WrongUsage(f"There is no action {click.action!r}.", f"There are {', '.join(ACTIONS)}.")
    if click.action == "fault":
        catalog.named(click.fault).complete(click.parameters or {})
    if click.action == "load" and click.request not in REQUESTS:
        raise WrongUsage(f"{click.request!r} is no load.", f"There are {', '.join(REQUESTS)}.")
    return click


def as_page(script: Script) -> str:
    """The demo as a page in Markdown, with the recorded pictures: for whoever wants to read it, or has no laptop."""
    parts = [
        f"# {script.title}",
        "The demo of `./workshop desk`, step by step, with the pictures of its last rehearsal: "
        "`./workshop tour --demo --book` writes this page.",
    ]
    for step in script.steps:
        parts += [
            f"## {step.number}. {step.title} ({step.minutes:g} min)",
            " ".join(step.say.split()),
            "**Click:** " + "; ".join(map(str, step.clicks)) + ".",
            "**Will be seen:** " + "; ".join(map(str, step.sees)) + ".",
            f"![What customers and probes saw at step {step.number}]({step.picture})",
        ]
    return "\n\n".join(parts) + "\n"
