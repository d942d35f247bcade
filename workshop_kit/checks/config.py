"""What the checks of config.py share: the settings of a start, how it ends, and an order."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from workshop_kit.engine import parameter_store
from workshop_kit.engine.stack import Stack
from workshop_kit.observe.http import Answer
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import CheckEnded, Context
from workshop_kit.trials.start_failure import did_not_start, exception_reason
from workshop_kit.trials.trial import MARK, START_SECONDS, Trial, printed_json
from workshop_kit.trials.trial_database import TrialDatabase

INSIDE = Path(__file__).with_name("config_inside.py")
PROGRAM = "inside.py"
PROGRAM_SECONDS = 20.0
REFUSE_SECONDS = 30.0
"""For a busy machine: importing the modules takes most of the time. On an idle one no step waits for it."""
LOG_LIMIT_BYTES = 64 * 1024
LOG_LINES = 400
NO_ORDER = "/orders/none"
"""The service of lesson 02 has no probe. Any answer shows that it listens, and for this one it asks no dependency."""
VARIABLE = re.compile(
    r"(?<![A-Z_])(?:MASTER_DB|REPLICA_DB|REDIS|HTTP|HEALTH|LOG)_[A-Z_]+(?<!_FILE)(?=_FILE\b|\b)",
)
TRIES = 3
PAUSE_SECONDS = 0.2
"""A busy database answers too late now and then; one that refuses the password refuses it every time."""
PASSWORD = "MASTER_DB_PASSWORD"  # noqa: S105  # a variable's name


@dataclass(frozen=True)
class Refusal:
    """The end of a start: its exit code (None: it still runs), the variables that its log names, and its lines.

    ``raised`` is the exception in its log, ``text`` the log itself.
    """

    code: int | None
    named: frozenset[str] = frozenset()
    lines: int = 1
    raised: str = ""
    text: str = ""

    @property
    def is_orderly(self) -> bool:
        """Whether it ended by itself as a service that cannot use its settings: with 1, and without an exception."""
        return self.code == 1 and not self.raised

    def __str__(self) -> str:
        if self.code is None:
            return "it started, and runs"

        names = ", ".join(sorted(self.named)[:5])
        return f"exit code {self.code}; named in its log: {names or 'no variable'}"


def wait_refused(trial: Trial) -> Refusal:
    """Wait until the service has ended, or answers; read its log."""
    trial.wait_listening(NO_ORDER, REFUSE_SECONDS)
    code = trial.exit_code()
    text = trial.log_tail(LOG_LIMIT_BYTES, LOG_LINES)

    variables = frozenset(VARIABLE.findall(text))
    lines = [line for line in text.split("\n") if line.strip()]
    return Refusal(code, variables, len(lines), exception_reason(text), text)


def wait_listening(trial: Trial) -> None:
    """Wait until the service answers with any status. Raises CheckEnded if it does not in time."""
    if not trial.wait_listening(NO_ORDER, START_SECONDS):
        raise CheckEnded(did_not_start(trial, f"GET {NO_ORDER}"))


def place_order(trial: Trial, item: str = "tea") -> Answer:
    """Place an order; try again unless it is placed."""
    for _ in range(TRIES):
        answer = trial.post("/orders", {"item": item, "quantity": 1})
        if answer.status == 201 or answer.status is None:
            break
        time.sleep(PAUSE_SECONDS)
    return answer


def order_or_refusal(trial: Trial) -> Answer | Refusal:
    """Return the answer to an order; where the service does not start, how that ended."""
    refusal = wait_refused(trial)
    return place_order(trial) if refusal.code is None else refusal


def plain_settings(stack: Stack) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the stack's settings with each password in its own variable, and the variables to leave out.

    A service of lesson 02 reads no file before `config.report`.
    """
    service_trial.ensure_up(stack)
    secrets = {}
    texts = {}
    for name, value in parameter_store.settings_of(stack).items():
        if isinstance(value, SecretStr):
            secrets[parameter_store.variable(name)] = value.get_secret_value()
        elif isinstance(value, str):
            texts[parameter_store.variable(name)] = value

    environment = {"REDIS_USER": "default", **secrets}
    if "REDIS_USER" in texts:
        environment["REDIS_USER"] = texts["REDIS_USER"]
    return environment, tuple(f"{name}_FILE" for name in secrets)


@contextlib.contextmanager
def run_on(
    context: Context,
    image: str,
    database: TrialDatabase,
    password_setting: Mapping[str, str],
    *,
    files: Mapping[str, str] | None = None,
) -> Iterator[Trial]:
    """Run the image with another database as its master.

    ``password_setting`` is the variable with its password, or with the path of its file.

    The password is masked in the lines of its log.
    """
    environment, without = plain_settings(context.stack)
    del environment[PASSWORD]

    with service_trial.run_with_stack(
        context,
        image,
        environment={**environment, **database.settings, **password_setting},
        without=[name for name in (*without, PASSWORD) if name not in password_setting],
        files=files,
    ) as trial:
        yield replace(trial, secrets=(*trial.secrets, database.password))


def run_inside(context: Context, image: str, *arguments: str) -> Any:
    """Run config_inside.py beside the participant's modules; return the JSON that it prints.

    Raises CheckEnded if there is no such line: a module could not be imported, or ended the process.
    """
    environment, without = plain_settings(context.stack)
    with service_trial.run_with_stack(
        context,
        image,
        environment=environment,
        without=without,
        files={PROGRAM: INSIDE.read_text()},
        entrypoint=("python", f"{service_trial.GIVEN}/{PROGRAM}"),
        command=(MARK, *arguments),
    ) as trial:
        trial.wait_ended(PROGRAM_SECONDS)
        try:
            return printed_json(trial.log_tail(LOG_LIMIT_BYTES))
        except ValueError:
            raise CheckEnded(did_not_start(trial)) from None
