"""Logging: each event of the service and of its libraries is one line.

The rest of the service uses these names:

- ``start(level)``: begin to log.
- ``set_level(level)``, ``level()``: change and return the least level that is logged, while running.
- ``get_logger(name)``: ``.debug .info .warning .error .exception``, each ``(event, **fields)``.
- ``request_context(**fields)``: a ``with`` block whose fields stand in every line logged inside it.
"""

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
    #: only the solution
    # JSON escapes a line end in a value, so no value can end the line.
    return json.dumps(fields, default=repr)
    #: only the starter
    #| text = f"{fields.pop('ts')} {fields.pop('level').upper()} {fields.pop('logger')}: {fields.pop('msg')}"
    #| stack = fields.pop("stack", "")
    #| text += "".join(f" {name}={value}" for name, value in fields.items())
    #| return f"{text}\n{stack}".rstrip()
    #: both


def output() -> TextIO:
    """Return the stream that lines are written to."""
    #: only the solution
    return sys.stdout
    #: only the starter
    #| # Where the log has been since we had servers.
    #| return open("/tmp/service.log", "a", errors="replace")
    #: both


# endregion logging.stdout


# region logging.context
#: only the solution
def request_context(**fields: Any) -> contextlib.AbstractContextManager[None]:
    """Add ``fields`` to every line logged inside the ``with`` block; each task has its own."""
    return structlog.contextvars.bound_contextvars(**fields)


def context_fields() -> dict[str, Any]:
    """Return the fields that a line logged here and now gets."""
    return structlog.contextvars.get_contextvars()


#: only the starter
#| # The request that is being served: every line takes its fields from here.
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
#|     """Return the fields that a line logged here and now gets."""
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
    """Log ``level`` and above. Python's root logger keeps the level, so that it holds for libraries, too."""
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


def get_logger(name: str) -> FilteringBoundLogger:
    """A logger whose lines carry ``name``."""
    return cast(FilteringBoundLogger, structlog.get_logger(name))


def start(level: str = "info") -> None:
    """Log the service's events, those of libraries and uncaught exceptions through the standard library."""
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
            processors=[ProcessorFormatter.remove_processors_meta, lambda _, __, event: to_line(dict(event))],
        )
    )
    logging.basicConfig(handlers=[handler], force=True)
    logging.captureWarnings(True)
    sys.excepthook = lambda _, error, __: get_logger("python").critical("uncaught exception", exc_info=error)
    threading.excepthook = lambda lost: get_logger("python").critical("uncaught exception", exc_info=lost.exc_value)
    set_level(level)


def drop(_: Any, method: str, event: EventDict) -> EventDict:
    """Drop events below the level."""
    if not is_worth_a_line("error" if method == "exception" else method):
        raise structlog.DropEvent
    return event


def in_order(_: Any, __: str, event: EventDict) -> EventDict:
    """Order the fields: those of every line first, then the context's and the event's, which cannot replace them."""
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
