"""Logging: one JSON object a line on stdout, for our own lines and for those of every library.

Public names (a module that takes this one's place offers the same):

- ``start(level)``: send every line to stdout from now on.
- ``set_level(level)``: change what is worth a line, while running.
- ``level()``: what is worth a line now, such as ``info``.
- ``get_logger(name)``: ``.debug .info .warning .error .exception``, each ``(event, **fields)``.
- ``request_context(**fields)``: a ``with`` block whose fields stand in every line logged inside it.

A line has ``ts`` (ISO 8601, milliseconds, zone), ``level``, ``logger``, ``caller`` (file:line of the call), ``msg`` (a
constant, so that it can be searched for), ``out`` (``stdout``), then the fields of the context and those of the event.
An exception becomes ``error`` and ``stack``, without local variables: one of them could be a password. A field whose
name is taken gets an underscore behind it (``level_``): nothing replaces what stands before it, and nothing is lost.

What values may hold is told in ``json_line``; what happens when nobody reads stdout, in ``stdout``.
"""

from __future__ import annotations

import atexit
import logging
import sys
import threading
import traceback
import warnings
from contextlib import AbstractContextManager
from typing import Any, TextIO, cast

import structlog
from structlog.typing import FilteringBoundLogger

from workshop_app import loggers
from workshop_app.loggers import ROOT, Logger, Named

UNCAUGHT = "uncaught exception"

# What every record of the standard library has; and uvicorn's message once more, with colors.
_NO_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


def start(level: str = "info") -> None:
    """Send our own lines, those of libraries, warnings and uncaught exceptions to stdout, as JSON."""
    loggers.stdout.require()
    atexit.register(loggers.stdout.flush)
    structlog.configure(
        processors=[],
        wrapper_class=cast(Any, Logger),
        logger_factory=Named,
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_LibraryLines()], force=True)
    warnings.showwarning = _log_warning
    sys.excepthook = lambda _, error, __: _log_uncaught(error)
    sys.unraisablehook = lambda lost: _log_uncaught(lost.exc_value)
    threading.excepthook = lambda lost: _log_uncaught(lost.exc_value)
    set_level(level)


def set_level(level: str) -> None:
    """Log ``level`` and what is graver; the root logger keeps it, for libraries and for us."""
    ROOT.setLevel(level.upper())


def level() -> str:
    """The least level that is logged now."""
    return loggers.level_of(ROOT.level)


def get_logger(name: str) -> FilteringBoundLogger:
    """A logger whose lines carry ``name``; cheap, and usable before ``start``."""
    return cast(FilteringBoundLogger, Logger(Named(name), [], {}))


def request_context(**fields: Any) -> AbstractContextManager[None]:
    """Add ``fields`` to every line logged inside the ``with`` block, whoever logs it; ``to_thread`` keeps them."""
    return _Context(fields)


class _Context:
    """Around every request: a class, and a bare one, costs a fifth of what a generator would."""

    __slots__ = ("_fields", "_token")

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = fields

    def __enter__(self) -> None:
        around = loggers.context.get()
        self._token = loggers.context.set({**around, **self._fields} if around else self._fields)

    def __exit__(self, *_: object) -> None:
        loggers.context.reset(self._token)


class _LibraryLines(logging.Handler):
    """Libraries log through the standard library: their lines take the same road as ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line: the record's message, what its caller gave as ``extra``, and the exception if there is one."""
        if record.levelno < ROOT.level:
            return
        fields = {name: value for name, value in vars(record).items() if name not in _NO_FIELDS}
        fields |= {"exc_info": record.exc_info, "stack_info": record.stack_info}
        caller = loggers.place_of(record.pathname, record.lineno)
        args = record.args if isinstance(record.args, tuple) else (record.args,) if record.args else ()
        loggers.emit(loggers.level_of(record.levelno), Named(record.name), caller, record.msg, fields, args)


def _log_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001  # the signature is Python's
    line: str | None = None,  # noqa: ARG001
) -> None:
    if ROOT.level <= logging.WARNING:
        caller = loggers.place_of(filename, lineno)
        loggers.emit("warning", Named("py.warnings"), caller, message, {"category": category.__name__})


def _log_uncaught(error: BaseException | None) -> None:
    """Whatever the level is: these may be our last words."""
    if error is None:
        return
    frames = traceback.extract_tb(error.__traceback__)
    caller = loggers.place_of(frames[-1].filename, frames[-1].lineno or 0) if frames else "python:0"
    loggers.emit("critical", Named("python"), caller, UNCAUGHT, {"exc_info": error})
