# Made by `./workshop build` from the lessons and the solutions of their exercises: edit those.
"""The log: one JSON object a line on standard output, for the events of the service and of its libraries."""

import logging
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import structlog
from structlog.processors import CallsiteParameter, CallsiteParameterAdder, JSONRenderer, TimeStamper, format_exc_info
from structlog.stdlib import LoggerFactory, ProcessorFormatter, add_log_level, add_logger_name, filter_by_level
from structlog.typing import EventDict, Processor

FIRST = ("ts", "level", "logger", "caller", "msg", "request_id")
WAITS: ContextVar[dict[str, float]] = ContextVar("waits")
"""How long the request that is being served has waited, by dependency: master_db_ms, for example."""


def add_context(logger: Any, method: str, event: EventDict) -> EventDict:
    """Add to an event what belongs to the request that is being served."""
    return structlog.contextvars.merge_contextvars(logger, method, event)


def in_order(_: Any, __: str, event: EventDict) -> EventDict:
    """Name the fields as docs/settings.md does, and begin with those that every line has."""
    event["caller"] = f"{event.pop('filename')}:{event.pop('lineno')}"
    event["msg"] = event.pop("event")
    event["out"] = "stdout"
    if "exception" in event:
        event["stack"] = event.pop("exception")

    first = {name: event[name] for name in FIRST if name in event}
    return first | event


STEPS: list[Processor] = [
    add_context,
    add_log_level,
    add_logger_name,
    CallsiteParameterAdder({CallsiteParameter.FILENAME, CallsiteParameter.LINENO}),
    TimeStamper(fmt="iso", key="ts"),
    format_exc_info,
    in_order,
]
"""Each takes an event, which is a dictionary, and returns it with something more."""


def start() -> None:
    """Log what structlog and what Python's own logging are told, in the same form."""
    structlog.configure(
        processors=[filter_by_level, *STEPS, ProcessorFormatter.wrap_for_formatter],
        logger_factory=LoggerFactory(),
    )
    handler = logging.StreamHandler(sys.stdout)
    # JSON escapes a line end in a value, so no value can end the line.
    handler.setFormatter(ProcessorFormatter(JSONRenderer(), foreign_pre_chain=STEPS))
    logging.basicConfig(handlers=[handler], level="INFO")
    # Python itself would write these to standard error, and not as JSON.
    logging.captureWarnings(True)
    threading.excepthook = lambda _: logging.exception("thread failed")


def set_level(level: str) -> None:
    """Log from this level on. The signal USR1 changes it to debug while the service runs, USR2 back."""
    root = logging.getLogger()
    root.setLevel(level.upper())
    signal.signal(signal.SIGUSR1, lambda *_: root.setLevel("DEBUG"))
    signal.signal(signal.SIGUSR2, lambda *_: root.setLevel(level.upper()))


@contextmanager
def waiting_for(dependency: str) -> Iterator[None]:
    """Add the time that the block takes to the request's line."""
    began = time.perf_counter()
    try:
        yield
    finally:
        waits = WAITS.get({})  # outside of a request nobody reads it
        field = f"{dependency}_ms".replace("-", "_")
        milliseconds = (time.perf_counter() - began) * 1000
        waits[field] = round(waits.get(field, 0) + milliseconds, 1)
