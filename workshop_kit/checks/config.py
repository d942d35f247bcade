"""What the checks of config.py share: start a service with other settings, see how the start ends, place an order."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from workshop_kit.engine import parameter_store
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_context import CheckEnded
from workshop_kit.trials.service import RunningService, Service
from workshop_kit.trials.start_failure import exception_reason, start_failure_result
from workshop_kit.trials.trial import MARK, Reply, Trial, printed_json

INSIDE = Path(__file__).with_name("config_inside.py")
PROGRAM = "inside.py"
PROGRAM_SECONDS = 20.0
REFUSE_SECONDS = 30.0
"""How long a start may take until the service ends; most of it is the import of the modules on a busy machine."""
LOG_LIMIT_BYTES = 64 * 1024
LOG_LINES = 400
NO_ORDER = "/orders/none"
"""The path that shows whether the service listens: in lesson 02 it has no probe, and this asks no dependency."""
VARIABLE = re.compile(
    r"(?<![A-Z_])(?:MASTER_DB|REPLICA_DB|REDIS|HTTP|HEALTH|LOG)_[A-Z_]+(?<!_FILE)(?=_FILE\b|\b)",
)
TRIES = 3
"""A busy database answers too late now and then; one that refuses the password refuses it every time."""
PAUSE_SECONDS = 0.2
PASSWORD = "MASTER_DB_PASSWORD"  # noqa: S105  # a variable's name


@dataclass(frozen=True)
class Refusal:
    """How a start ended: the exit code (None: the service still runs), and what its log says.

    ``variables`` are those that the log names, ``line_count`` is the number of its lines, ``exception`` what was raised
    in it ("" for none), ``text`` the log itself. No clock decides whether that is right: its ``seconds`` are 0.
    """

    code: int | None
    variables: frozenset[str] = frozenset()
    line_count: int = 1
    exception: str = ""
    text: str = ""
    called: str = "Start it"
    seconds: float = 0.0

    @property
    def is_orderly(self) -> bool:
        """Whether it ended as a service should that cannot use its settings: with exit code 1, without an exception."""
        return self.code == 1 and not self.exception

    @property
    def got(self) -> str:
        """How it ended, in words."""
        return str(self)

    def __str__(self) -> str:
        if self.code is None:
            return "it started, and runs"

        names = ", ".join(sorted(self.variables)[:5])
        return f"exit code {self.code}; named in its log: {names or 'no variable'}"


def wait_start_end(trial: Trial) -> Refusal:
    """Wait until the service has ended or answers a request; return its exit code and what its log says."""
    trial.wait_listening(NO_ORDER, REFUSE_SECONDS)
    code = trial.exit_code()
    log = read_log(trial)

    variables = frozenset(VARIABLE.findall(log))
    lines = [line for line in log.split("\n") if line.strip()]
    called = f"Start it{trial.situation}"
    return Refusal(code, variables, len(lines), exception_reason(log), log, called)


def read_log(trial: Trial) -> str:
    """Return the log, with secrets masked: of a service that has just started, it is the whole of it."""
    return trial.log_tail(LOG_LIMIT_BYTES, LOG_LINES)


def place_order(trial: Trial, item: str = "tea") -> Reply:
    """Place an order, again if the service answers with an error; return the last answer."""
    for _ in range(TRIES):
        answer = trial.post("/orders", {"item": item, "quantity": 1})
        if answer.status == 201 or answer.status is None:
            break
        time.sleep(PAUSE_SECONDS)
    return answer


def order_or_refusal(trial: Trial) -> Reply | Refusal:
    """Return the answer to an order, or how the start ended if the service does not run."""
    refusal = wait_start_end(trial)
    return place_order(trial) if refusal.code is None else refusal


def run_with_passwords(
    service: Service,
    behind: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    *,
    without: Collection[str] = (),
    **options: Any,
) -> AbstractContextManager[RunningService]:
    """Run the service as `Service.run` does, with its passwords as text.

    It reads none from a file before the exercise `config.report`.
    """
    stack = service.context.stack
    service_trial.ensure_up(stack, service.context.report)
    passwords: dict[str, str] = {}
    for name, value in parameter_store.settings_of(stack).items():
        if isinstance(value, SecretStr):
            passwords[parameter_store.variable(name)] = value.get_secret_value()

    file_variables = [f"{variable}_FILE" for variable in passwords]
    settings = {"REDIS_USER": "default", **passwords, **(environment or {})}
    return service.run(behind, settings, without=(*file_variables, *without), **options)


def run_inside(service: Service, *arguments: str) -> Any:
    """Run config_inside.py beside the participant's modules; return the JSON that it prints.

    ``arguments`` are the program's. Raises CheckEnded if it printed none: a module could not be imported, or ended the
    process.
    """
    log = service.log
    with run_with_passwords(
        service,
        files={PROGRAM: INSIDE.read_text()},
        entrypoint=("python", f"{service_trial.GIVEN}/{PROGRAM}"),
        command=(MARK, *arguments),
        starting=True,
    ) as running:
        running.wait_ended(PROGRAM_SECONDS)
        try:
            printed = printed_json(running.log_tail(LOG_LIMIT_BYTES))
        except ValueError:
            raise CheckEnded(start_failure_result(running)) from None

    service.log = log  # a person reads that of the service, not that of a program
    return printed
