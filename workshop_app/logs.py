"""Logging: one JSON object a line on stdout, for our own lines and for those of every library.

Public names (a module that takes this one's place offers the same):

- ``start(level)``: send every line to stdout from now on.
- ``set_level(level)``: change what is worth a line, while running.
- ``get_logger(name)``: ``.debug .info .warning .error .exception``, each ``(event, **fields)``.
- ``request_context(**fields)``: a ``with`` block whose fields stand in every line logged inside it.

A line has ``ts`` (ISO 8601, milliseconds, zone), ``level``, ``logger``, ``msg`` (a constant, so that it can be
searched for), then the fields; an exception becomes ``error`` and ``stack``. There are no local variables in a stack:
one of them could be a password.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, cast

import orjson
import structlog
from structlog.typing import EventDict, FilteringBoundLogger

UNCAUGHT = "uncaught exception"

_NUMBERS = {name.lower(): number for name, number in logging.getLevelNamesMapping().items()}


def start(level: str = "info") -> None:
    """Send our own lines, those of libraries, warnings and uncaught exceptions to stdout, as JSON."""
    structlog.configure(
        processors=[
            _drop_below_level,
            _exception_to_fields,
            _put_in_order,
            _to_json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET),
        logger_factory=structlog.BytesLoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_LibraryLines()], force=True)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    set_level(level)


def set_level(level: str) -> None:
    """Log ``level`` and what is graver; the root logger keeps it, for libraries and for us."""
    logging.getLogger().setLevel(level.upper())


def get_logger(name: str) -> FilteringBoundLogger:
    """A logger whose lines carry ``name``; cheap, and usable before ``start``."""
    return cast(FilteringBoundLogger, structlog.get_logger(name))


def request_context(**fields: Any) -> AbstractContextManager[None]:
    """Add ``fields`` to every line logged inside the ``with`` block, whoever logs it."""
    return cast(AbstractContextManager[None], structlog.contextvars.bound_contextvars(**fields))


class _LibraryLines(logging.Handler):
    """Libraries log through the standard library: their lines take the same road as ours."""

    def emit(self, record: logging.LogRecord) -> None:
        level = min(record.levelno // 10 * 10, logging.CRITICAL)  # a level between two counts as the lower
        get_logger(record.name).log(level, record.getMessage(), exc_info=record.exc_info)


def _log_uncaught(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    get_logger("python").critical(UNCAUGHT, exc_info=error)


def _drop_below_level(_: Any, method: str, event: EventDict) -> EventDict:
    if _NUMBERS[method] < logging.getLogger().level:
        raise structlog.DropEvent
    return event


def _exception_to_fields(_: Any, __: str, event: EventDict) -> EventDict:
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()
    if isinstance(error, tuple):
        error = error[1]
    if error:
        event["error"] = f"{type(error).__name__}: {error}"
        event["stack"] = "".join(traceback.format_exception(error))
    return event


def _put_in_order(logger: structlog.BytesLogger, method: str, event: EventDict) -> EventDict:
    head = {
        "ts": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "level": method,
        "logger": logger.name,
        "msg": event.pop("event"),
    }
    return {**head, **structlog.contextvars.get_contextvars(), **event, **head}  # head comes first, and wins


def _to_json(_: Any, __: str, event: EventDict) -> bytes:
    try:
        return orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # numbers beyond 64 bits, text that is not Unicode: rare, and no reason to lose a line
        return json.dumps(event, default=repr, ensure_ascii=False, skipkeys=True).encode(errors="replace")
