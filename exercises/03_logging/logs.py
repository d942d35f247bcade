"""Logging: what the service and its libraries say, each event a line.

The rest of the service uses these names:

- ``start(level)``: send every line from now on to where it belongs.
- ``set_level(level)``, ``level()``: change what is worth a line, while running; and what it is now.
- ``get_logger(name)``: ``.debug .info .warning .error .exception``, each ``(event, **fields)``.
- ``request_context(**fields)``: a ``with`` block whose fields stand in every line logged inside it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import threading
import traceback
from typing import Any, TextIO, cast

import structlog
from structlog.processors import CallsiteParameter, CallsiteParameterAdder, TimeStamper
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level, add_logger_name
from structlog.typing import EventDict, FilteringBoundLogger, Processor

NUMBERS = {name.lower(): number for name, number in logging.getLevelNamesMapping().items()}
ROOT = logging.getLogger()


# region logging.stdout
def to_line(fields: dict[str, Any]) -> str:
    """Return the event as it is written: ``ts``, ``level``, ``logger``, ``msg`` and more, an exception's ``stack``."""
    text = f"{fields.pop('ts')} {fields.pop('level').upper()} {fields.pop('logger')}: {fields.pop('msg')}"
    stack = fields.pop("stack", "")
    text += "".join(f" {name}={value}" for name, value in fields.items())
    return f"{text}\n{stack}".rstrip()


def output() -> TextIO:
    """Return where lines go, one by one."""
    # Where the log has been since we had servers.
    return open("/tmp/service.log", "a", errors="replace")


# endregion logging.stdout


# region logging.context
# The request that is being served: whoever logs a line looks here.
current: dict[str, Any] = {}


@contextlib.contextmanager
def request_context(**fields: Any):
    """Add ``fields`` to every line logged inside the ``with`` block."""
    current.update(fields)
    try:
        yield
    finally:
        current.clear()


def context_fields() -> dict[str, Any]:
    """Return what every line has that is logged here and now."""
    return current


# endregion logging.context


# region logging.level
known: dict[str, bool] = {}


def set_level(level: str) -> None:
    """Log ``level`` and what is graver. Python's root logger keeps it: libraries ask there, too."""
    ROOT.setLevel(level.upper())


def is_worth_a_line(level: str) -> bool:
    """Return whether lines of ``level`` are logged, such as ``debug``."""
    # Asked before every line: the answer is looked up, not worked out again each time.
    return known.setdefault(level, NUMBERS[level] >= ROOT.level)


# endregion logging.level


def level() -> str:
    """The least level that is logged now."""
    return logging.getLevelName(ROOT.level).lower()


def get_logger(name: str) -> FilteringBoundLogger:
    """A logger whose lines carry ``name``."""
    return cast(FilteringBoundLogger, structlog.get_logger(name))


def start(level: str = "info") -> None:
    """Send our own lines, those of libraries and uncaught exceptions the same way, through the standard library."""
    place = {CallsiteParameter.PATHNAME, CallsiteParameter.LINENO}
    shared: list[Processor] = [
        add_log_level,
        add_logger_name,
        CallsiteParameterAdder(place, [__name__]),
        TimeStamper("iso"),
        in_order,
    ]
    structlog.configure(
        processors=[drop, *shared, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(output())
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[ExtraAdder(), *shared],
            processors=[ProcessorFormatter.remove_processors_meta, written],
        )
    )
    logging.basicConfig(handlers=[handler], force=True)
    logging.captureWarnings(True)
    sys.excepthook = lambda _, error, __: get_logger("python").critical("uncaught exception", exc_info=error)
    threading.excepthook = lambda lost: get_logger("python").critical("uncaught exception", exc_info=lost.exc_value)
    set_level(level)


def drop(_: Any, method: str, event: EventDict) -> EventDict:
    """Drop what is not worth a line."""
    if not is_worth_a_line("error" if method == "exception" else method):
        raise structlog.DropEvent
    return event


def in_order(_: Any, __: str, event: EventDict) -> EventDict:
    """Put first what every line has; fields of the context and of the event come after it, and cannot replace it."""
    head = {
        "ts": event.pop("timestamp"),
        "level": event.pop("level"),
        "logger": event.pop("logger"),
        "caller": "/".join(event.pop("pathname").split("/")[-2:]) + f":{event.pop('lineno')}",
        "msg": event.pop("event"),
        "out": "stdout",
    }
    event.pop("color_message", None)  # uvicorn's message once more, for terminals
    error = event.pop("exc_info", None)
    error = sys.exc_info()[1] if error is True else error[1] if isinstance(error, tuple) else error
    if error:
        # A traceback as Python prints it: without local variables, one of which could be a password.
        event["error"] = f"{type(error).__name__}: {error}"
        event["stack"] = "".join(traceback.format_exception(error))
    return {**head, **context_fields(), **event, **head}


def written(_: Any, __: str, event: EventDict) -> str:
    """The line."""
    return to_line(dict(event))
