"""Look at what ``docker logs`` has of a trial, with the kit's reader; and lay a module beside the participant's."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import Context
from workshop_kit.exercises.trial import Trial
from workshop_kit.observe.logs import read_container, record

ORDERS = "orders.py"
INSIDE = Path(__file__).with_name("logging_inside.py")
WRAPPED = "\nfrom . import inside as _inside\n\nrecent = _inside.around(recent)\n"
CANARY = "canary-3f9c51"
"""What no line of a log may hold; `logging_inside`, which cannot be imported here, has it, too."""
WAIT_SECONDS = 2.0


@dataclass(frozen=True)
class Log:
    """All that ``docker logs`` shows: the rows, and each as the fields that it has ({} if it is no JSON object)."""

    frame: pd.DataFrame
    records: tuple[Mapping[str, Any], ...]

    @property
    def odd(self) -> int:
        """Lines that are no JSON object."""
        return sum(not fields for fields in self.records)

    def having(self, **fields: Any) -> list[Mapping[str, Any]]:
        """The records with these values."""
        return [one for one in self.records if all(one.get(name) == value for name, value in fields.items())]

    def text(self, row: int) -> str:
        """A line that is no JSON object, as it is."""
        raw = self.frame["raw"].iloc[row]
        return "" if pd.isna(raw) else str(raw)


def look(tried: Trial, enough: Callable[[Log], bool] = lambda _: True) -> Log:
    """The log, read again and again until there is enough in it, or the time is up."""
    ends_at = time.monotonic() + min(WAIT_SECONDS, tried.left_seconds)
    while True:
        frame = read_container(tried.running.container)
        log = Log(frame, tuple(record(frame, row) for row in range(len(frame))))
        if enough(log) or time.monotonic() > ends_at:
            return log
        time.sleep(0.1)


@contextlib.contextmanager
def run(context: Context, **changes: Any) -> Iterator[Trial]:
    """Run the participant's service, whose ``GET /orders?trial=…`` does as logging_inside.py says."""
    orders = context.folder / ORDERS
    orders.write_text((context.stack.root / "workshop_app" / ORDERS).read_text() + WRAPPED)
    (context.folder / "inside.py").write_text(INSIDE.read_text())
    with service_trial.built(context) as image, service_trial.beside_stack(context, image, **changes) as tried:
        yield tried
