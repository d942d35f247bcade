"""What the checks of logs.py share: let a running service log something, and look at the lines of its log."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from workshop_kit.trials.expect import Observation
from workshop_kit.trials.service import RunningService
from workshop_kit.trials.trial import Reply, fields_of
from workshop_kit.untrusted_text import visible

INSIDE = Path(__file__).with_name("logging_inside.py")
ORDERS = "/orders"
WAIT_SECONDS = 2.0
CROWD_SECONDS = 6.0
SHOWN_CHARACTERS = 200
"""The length to which a line is cut on a card."""
LIBRARY_LOGGER = "some_library"


@dataclass(frozen=True)
class Lines(Observation):
    """Lines of a log: ``called`` says which."""

    texts: tuple[str, ...]

    @property
    def records(self) -> list[dict[str, Any]]:
        """The fields of each line, {} for one that is no JSON object."""
        return [fields_of(text) for text in self.texts]

    def only(self, what: str, is_meant: Callable[[str], bool]) -> Lines:
        """Return the lines that are meant; ``what`` names them: ``lines without msg``."""
        texts = tuple(filter(is_meant, self.texts))
        got = "none"
        if texts:
            number = "1 line" if len(texts) == 1 else f"{len(texts)} lines; the first"
            got = f"{number}: {visible(texts[0], SHOWN_CHARACTERS) or '(empty)'}"
        return replace(self, called=f"Look in docker logs for {what}", got=got, texts=texts)

    def having(self, what: str, **fields: Any) -> Lines:
        """Return the JSON objects with these values."""

        def has_fields(text: str) -> bool:
            return fields.items() <= fields_of(text).items()

        return self.only(what, has_fields)


def read_log(running: RunningService, is_complete: Callable[[Lines], bool], *, stderr: bool = True) -> Lines:
    """Read the log until ``is_complete`` accepts it, or the time is up; ``stderr=False``: standard output alone."""
    began = time.monotonic()

    def read() -> Lines:
        text = running.running.container.logs(stderr=stderr).decode(errors="replace")
        texts = tuple(text.split("\n")[:-1])
        return Lines("Read docker logs", f"{len(texts)} lines", time.monotonic() - began, texts)

    return running.poll(read, is_complete, WAIT_SECONDS, missing="the log was not complete")


def ask(running: RunningService, request_id: str, fault: str, **query: Any) -> Reply:
    """Send ``GET /orders`` with a request id; ``fault`` names what the service logs meanwhile (logging_inside.py)."""
    headers = {"X-Request-ID": request_id, "X-Fault": fault}
    return running.get(f"{ORDERS}?{urlencode(query)}", headers=headers, within_seconds=CROWD_SECONDS)
