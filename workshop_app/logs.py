# Made by `./workshop build` from solutions/03_logging/logs.py: edit that file.
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


def to_line(fields: dict[str, Any]) -> str:
    """Return the event as it is written: ``ts``, ``level``, ``logger``, ``msg`` and more, an exception's ``stack``."""
    # JSON has its own way to write a line end, so nothing in a value can end the line. What it does not know: as text.
    return json.dumps(fields, default=repr)


def output() -> TextIO:
    """Return where lines go, one by one."""
    return sys.stdout


def request_context(**fields: Any) -> contextlib.AbstractContextManager[None]:
    """Add ``fields`` to every line logged inside the ``with`` block; each task has its own."""
    return structlog.contextvars.bound_contextvars(**fields)


def context_fields() -> dict[str, Any]:
    """Return what every line has that is logged here and now."""
    return structlog.contextvars.get_contextvars()


def set_level(level: str) -> None:
    """Log ``level`` and what is graver. Python's root logger keeps it: libraries ask there, too."""
    ROOT.setLevel(level.upper())


def is_worth_a_line(level: str) -> bool:
    """Return whether lines of ``level`` are logged, such as ``debug``."""
    return NUMBERS[level] >= ROOT.level


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
