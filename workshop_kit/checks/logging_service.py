"""What the checks of logs.py share: run a service that logs what a request asks for, and read its log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from workshop_kit.observe.http import Answer
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import Context
from workshop_kit.trials.trial import Trial, fields_of

INSIDE = Path(__file__).with_name("logging_inside.py")
ORDERS = "/orders"
WAIT_SECONDS = 2.0
CROWD_SECONDS = 6.0
TRIAL_LOGGER = "trial"
LIBRARY_LOGGER = "some_library"


@dataclass(frozen=True)
class Log:
    """The lines of ``docker logs``, and the fields of each: its ``record``, {} if the line is no JSON object.

    ``errors`` is the text of standard error if ``lines`` are those of standard output alone.
    """

    lines: tuple[str, ...]
    records: tuple[dict[str, Any], ...]
    errors: str = ""

    @classmethod
    def of(cls, text: str, errors: str = "") -> Log:
        """Read the output of ``docker logs``."""
        lines = text.split("\n")[:-1]
        return cls(tuple(lines), tuple(map(fields_of, lines)), errors)

    def having(self, **fields: Any) -> list[dict[str, Any]]:
        """Return the records with these values."""
        return [record for record in self.records if _has_values(record, fields)]


def _has_values(record: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Return whether a record has all these values."""
    return all(record.get(name) == value for name, value in values.items())


def read_log(trial: Trial, complete: Callable[[Log], bool], *, only_stdout: bool = False) -> Log:
    """Read the log until ``complete`` accepts it, or the time is up; return the log that was read last.

    With ``only_stdout`` its lines are those of standard output, and its ``errors`` have the other stream.
    """
    container = trial.running.container

    def read_once() -> Log:
        errors = b""
        if only_stdout:
            errors = container.logs(stdout=False)
        text = container.logs(stderr=not only_stdout)
        return Log.of(text.decode(errors="replace"), errors.decode(errors="replace"))

    return trial.poll(read_once, complete, WAIT_SECONDS, missing="the log was not complete")


def run(context: Context, **options: Any) -> AbstractContextManager[Trial]:
    """Run the participant's service with the faults of logging_inside.py; ``options`` are for `service_trial.start`."""
    return service_trial.start(context, ORDERS, wrapper=INSIDE, **options)


def ask(trial: Trial, request_id: str, fault: str, **query: Any) -> Answer:
    """Send ``GET /orders`` with a request id; ``fault`` names what the service logs meanwhile (logging_inside.py)."""
    headers = {"X-Request-ID": request_id, "X-Fault": fault}
    return trial.get(f"{ORDERS}?{urlencode(query)}", headers=headers, within_seconds=CROWD_SECONDS)
