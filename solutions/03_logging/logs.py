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
import traceback
from datetime import UTC, datetime
from typing import Any, BinaryIO, cast

import structlog
from structlog.processors import CallsiteParameter, CallsiteParameterAdder
from structlog.typing import EventDict, FilteringBoundLogger

NUMBERS = {name.lower(): number for name, number in logging.getLevelNamesMapping().items()}
ROOT = logging.getLogger()


# region logging.stdout
def to_line(fields: dict[str, Any]) -> bytes:
    """Return the event as it is written: ``ts``, ``level``, ``logger``, ``msg`` and more, an exception's ``stack``."""
    #: only the solution
    # JSON has its own way to write a line end, so nothing in a value can end the line. What it does not know: as text.
    return json.dumps(fields, default=repr).encode()
    #: only the starter
    #| text = f"{fields.pop('ts')} {fields.pop('level').upper()} {fields.pop('logger')}: {fields.pop('msg')}"
    #| stack = fields.pop("stack", "")
    #| text += "".join(f" {name}={value}" for name, value in fields.items())
    #| return f"{text}\n{stack}".rstrip().encode(errors="replace")
    #: both


def output() -> BinaryIO:
    """Return where lines go, one by one."""
    #: only the solution
    return sys.stdout.buffer
    #: only the starter
    #| # Where the log has been since we had servers.
    #| return open("/tmp/service.log", "ab", buffering=0)
    #: both


# endregion logging.stdout


# region logging.context
#: only the solution
def request_context(**fields: Any) -> contextlib.AbstractContextManager[None]:
    """Add ``fields`` to every line logged inside the ``with`` block; each task has its own."""
    return structlog.contextvars.bound_contextvars(**fields)


def context_fields() -> dict[str, Any]:
    """Return what every line has that is logged here and now."""
    return structlog.contextvars.get_contextvars()


#: only the starter
#| # The request that is being served: whoever logs a line looks here.
#| current: dict[str, Any] = {}
#|
#|
#| @contextlib.contextmanager
#| def request_context(**fields: Any):
#|     """Add ``fields`` to every line logged inside the ``with`` block."""
#|     current.update(fields)
#|     try:
#|         yield
#|     finally:
#|         current.clear()
#|
#|
#| def context_fields() -> dict[str, Any]:
#|     """Return what every line has that is logged here and now."""
#|     return current
#|
#|
#: both
# endregion logging.context


# region logging.level
#: only the starter
#| known: dict[str, bool] = {}
#|
#|
#: both
def set_level(level: str) -> None:
    """Log ``level`` and what is graver. Python's root logger keeps it: libraries ask there, too."""
    ROOT.setLevel(level.upper())


def is_worth_a_line(level: str) -> bool:
    """Return whether lines of ``level`` are logged, such as ``debug``."""
    #: only the solution
    return NUMBERS[level] >= ROOT.level
    #: only the starter
    #| # Asked before every line: the answer is looked up, not worked out again each time.
    #| return known.setdefault(level, NUMBERS[level] >= ROOT.level)
    #: both


# endregion logging.level


def level() -> str:
    """The least level that is logged now."""
    return logging.getLevelName(ROOT.level).lower()


def start(level: str = "info") -> None:
    """Send our own lines, those of libraries and uncaught exceptions the same way."""
    structlog.configure(
        processors=[_drop, _PLACE, _in_order, _written],
        wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET),
        logger_factory=structlog.BytesLoggerFactory(output()),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_LibraryLines()], force=True)
    logging.captureWarnings(True)
    sys.excepthook = lambda _, error, __: get_logger("python").critical("uncaught exception", exc_info=error)
    set_level(level)


def get_logger(name: str) -> FilteringBoundLogger:
    """A logger whose lines carry ``name``."""
    return cast(FilteringBoundLogger, structlog.get_logger(name))


class _LibraryLines(logging.Handler):
    """Libraries log through the standard library: their lines take the same road as ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log it once more, as one of ours."""
        level = min(record.levelno // 10 * 10, logging.CRITICAL)  # a level between two counts as the lower
        get_logger(record.name).log(level, record.getMessage(), exc_info=record.exc_info)


_PLACE = CallsiteParameterAdder(
    {CallsiteParameter.MODULE, CallsiteParameter.LINENO}, additional_ignores=["logging", __name__]
)


def _drop(_: Any, method: str, event: EventDict) -> EventDict:
    if not is_worth_a_line(method):
        raise structlog.DropEvent
    return event


def _in_order(logger: structlog.BytesLogger, method: str, event: EventDict) -> EventDict:
    head = {
        "ts": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "level": method,
        "logger": logger.name,
        "caller": f"{event.pop('module')}.py:{event.pop('lineno')}",
        "msg": event.pop("event"),
        "out": "stdout",
    }
    error = event.pop("exc_info", None)
    error = sys.exc_info()[1] if error is True else error[1] if isinstance(error, tuple) else error
    if error:
        # A traceback as Python prints it: without local variables, one of which could be a password.
        event |= {"error": f"{type(error).__name__}: {error}", "stack": "".join(traceback.format_exception(error))}
    return {**head, **context_fields(), **event, **head}  # head comes first, and wins


def _written(_: Any, __: str, event: EventDict) -> bytes:
    return to_line(dict(event))
