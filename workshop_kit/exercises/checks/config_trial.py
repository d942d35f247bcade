"""What the checks of config.py share: ask its load() about environments, watch a service refuse, and place orders."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import CheckEnded, Context
from workshop_kit.exercises.service_image import ServiceImage
from workshop_kit.exercises.start_failure import did_not_start
from workshop_kit.exercises.trial import LOOK_SECONDS, Trial, start_seconds
from workshop_kit.observe.http import Answer

PROGRAM = "inside.py"
LOAD = Path(__file__).with_name("config_inside.py")
PROGRAM_SECONDS = 8.0
REFUSE_SECONDS = 12.0
LOG_LIMIT_BYTES = 64 * 1024
DATABASE = ("HOST", "NAME", "PASSWORD", "PORT", "SQL_MODE", "USER")
REQUIRED = tuple(
    sorted(
        [f"{db}_DB_{name}" for db in ("MASTER", "REPLICA") for name in DATABASE]
        + [f"REDIS_{name}" for name in ("HOST", "PASSWORD", "PORT")]
    )
)
"""The variables without which the service cannot start."""
VARIABLE = re.compile(r"(?<![A-Z_])(?:MASTER_DB|REPLICA_DB|REDIS|HTTP|LOG)_[A-Z_]+(?<!_FILE)(?=_FILE\b|\b)")
Printed = TypeVar("Printed")
TRIES, PAUSE_SECONDS = 3, 0.2
"""A busy database answers too late now and then; one that refuses the password refuses it every time."""


@dataclass(frozen=True)
class ConfigCase:
    """An environment for load(): the service's own with changes, and files that it may name (paths below /tmp)."""

    environ: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What load() did with a case: a ``password``, or the ``refused`` variables, or the exception that it ``raised``.

    ``said`` is the error's text; ``texts`` are the printed settings, or the printed error.
    """

    password: str | None = None
    refused: tuple[str, ...] = ()
    raised: str = ""
    said: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.raised:
            return f"{self.raised}, which is no ConfigError"
        return f"refused: {', '.join(self.refused)}" if self.password is None else "accepted"


def load(context: Context, image: ServiceImage, cases: Sequence[ConfigCase]) -> list[Outcome]:
    """Return the outcome of each case. Raises CheckEnded as `run_inside` does."""
    outcomes = run_inside(context, image, LOAD, TypeAdapter(list[Outcome]), json.dumps([vars(case) for case in cases]))
    return [*outcomes, *[Outcome(raised="nothing was told")] * len(cases)][: len(cases)]


def run_inside(
    context: Context, image: ServiceImage, program: Path, printed: TypeAdapter[Printed], *arguments: str
) -> Printed:
    """Run a check's program beside the participant's modules; return the JSON that it prints behind a secret word.

    Raises CheckEnded if there is no such line: a module could not be imported, or ended the process.
    """
    word = f"told-{secrets.token_hex(8)}:"
    with service_trial.run_with_stack(
        context,
        image,
        environment={"PYTHONPATH": "/app"},
        files={PROGRAM: program.read_text()},
        entrypoint=("python", f"{service_trial.GIVEN}/{PROGRAM}"),
        command=(word, *arguments),
    ) as trial:
        trial.wait_ended(PROGRAM_SECONDS)
        lines = trial.lines(LOG_LIMIT_BYTES).split("\n")
        try:
            return printed.validate_json(next((one.removeprefix(word) for one in lines if one.startswith(word)), ""))
        except ValueError:
            raise CheckEnded(did_not_start(trial)) from None


@dataclass(frozen=True)
class Refusal:
    """The end of a start: its exit code (None: it still runs), the variables that its log names, and its lines."""

    code: int | None
    named: frozenset[str]
    lines: int
    json_lines: int

    def __str__(self) -> str:
        if self.code is None:
            return "it started, and runs"
        return f"exit code {self.code}; named in its log: {', '.join(sorted(self.named)[:5]) or 'no variable'}"


def wait_refused(trial: Trial) -> Refusal:
    """Wait until the service has ended, or answers; read its log."""
    waited = trial.left_seconds
    while (code := trial.exit_code()) is None and waited - trial.left_seconds < REFUSE_SECONDS:
        if trial.wait_answer("/livez", within_seconds=0.05):
            break
    text = trial.lines(LOG_LIMIT_BYTES)
    lines = [line for line in text.split("\n") if line.strip()]
    return Refusal(code, frozenset(VARIABLE.findall(text)), len(lines), sum(map(_is_object, lines)))


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def place_order(trial: Trial, exercise: str, enough: Callable[[], bool] = lambda: False) -> Answer:
    """Place an order once the service has tried to connect; try again unless it is placed, or ``enough`` is true."""
    waited, seconds = trial.left_seconds, start_seconds()
    while "starting" in trial.get("/readyz").body and waited - trial.left_seconds < seconds:
        time.sleep(LOOK_SECONDS)
    for left in reversed(range(TRIES)):
        answer = trial.post("/orders", {"item": f"check of {exercise}", "quantity": 1})
        if answer.status == 201 or enough() or not left:
            break
        time.sleep(PAUSE_SECONDS)
    return answer
