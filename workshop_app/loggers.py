"""From a call to a line, the short way: a structlog logger whose methods make the line and write it, in one step.

structlog's usual chain of processors costs a call each. This does the same work in one function: level, time, place of
the call, context, exception, JSON.
"""

from __future__ import annotations

import logging
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from types import FrameType, MappingProxyType
from typing import Any

import structlog

from workshop_app import json_line
from workshop_app.stdout import Stdout

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
ALSO = {"warn": "warning", "fatal": "critical", "msg": "info", "exception": "error"}  # structlog's other names

ROOT = logging.getLogger()
"""Keeps the least level, for libraries and for us."""

context: ContextVar[Mapping[str, Any]] = ContextVar("context", default=MappingProxyType({}))
"""What every line has that is logged here: set by ``logs.request_context``."""

_NANOSECONDS = 1_000_000_000
_PARTS = tuple(f".{milliseconds:03}+00:00" for milliseconds in range(1000))
_second = (0, "")


class Named:
    """What our loggers wrap: a name, and the way their lines take."""

    def __init__(self, name: str = "root", write: Callable[[bytes], None] | None = None) -> None:
        self.name = name
        self.write = write or stdout.write


class Logger(structlog.BoundLoggerBase):
    """``.debug .info .warning .error .critical .exception``, each ``(event, *args, **fields)``; ``bind`` as usual.

    Each has an ``a…`` to be awaited. ``log`` takes the level's number; one between two levels counts as the lower.
    """

    _logger: Named

    def log(self, number: int, event: Any = "", /, *args: Any, **fields: Any) -> None:
        """Log at a level of the standard library, such as ``logging.INFO``."""
        if number >= ROOT.level:
            fields = {**self._context, **fields}
            emit(level_of(number), self._logger, place(sys._getframe(1)), event, fields, args)


def _methods(level: str, *, error: bool) -> tuple[Any, Any]:
    number = LEVELS[level]

    def say(self: Logger, event: Any = "", /, *args: Any, **fields: Any) -> None:
        if number < ROOT.level:
            return
        if error:
            fields.setdefault("exc_info", True)
        if self._context:
            fields = {**self._context, **fields}
        emit(level, self._logger, place(sys._getframe(1)), event, fields, args)

    async def asay(self: Logger, event: Any = "", /, *args: Any, **fields: Any) -> None:
        if number >= ROOT.level:
            fields = {**self._context, **({"exc_info": True} if error else {}), **fields}
            emit(level, self._logger, place(sys._getframe(1)), event, fields, args)

    return say, asay


for _name in (*LEVELS, *ALSO):
    _say, _asay = _methods(ALSO.get(_name, _name), error=_name == "exception")
    setattr(Logger, _name, _say)
    setattr(Logger, f"a{_name}", _asay)


def gathering(log: Any) -> Any:
    """The same logger, whose lines leave with the others of the event loop's turn; one of another kind as it is."""
    return Logger(Named(log._logger.name, stdout.write_soon), [], log._context) if isinstance(log, Logger) else log


def emit(
    level: str, logger: Named, caller: str, event: Any, fields: dict[str, Any], args: tuple[Any, ...] = ()
) -> None:
    """Make one line and write it. A field whose name is taken gets an underscore behind it."""
    if args:
        event, fields = _filled_in(event, args, fields)
    if "exc_info" in fields or "stack_info" in fields:
        fields = _with_stack(**fields)
    if event.__class__ is not str:
        event = _text(event)
    ts, around = now(), context.get()
    head = {"ts": ts, "level": level, "logger": logger.name, "caller": caller, "msg": event, "out": "stdout"}
    line = {**head, **around, **fields}
    if len(line) != len(head) + len(around) + len(fields):
        line = _beside(head, around, fields)
    logger.write(json_line.encode(line))


def now() -> str:
    """The time as ISO 8601 with milliseconds and zone; all but the milliseconds is made once a second."""
    global _second  # noqa: PLW0603  # one tuple, replaced whole: threads see the old one or the new one
    second, nanoseconds = divmod(time.time_ns(), _NANOSECONDS)
    known = _second
    if known[0] != second:
        _second = known = (second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)))
    return known[1] + _PARTS[nanoseconds // 1_000_000]


def level_of(number: int) -> str:
    """The level of a number of the standard library's: what is between two counts as the lower."""
    return next((level for level, least in reversed(LEVELS.items()) if number >= least), "debug")


class _Short(dict[str, str]):
    """Paths of source files, cut to the folder and the file: ``workshop_app/orders.py``."""

    def __missing__(self, path: str) -> str:
        self[path] = short = "/".join(path.replace("\\", "/").rsplit("/", 2)[-2:])
        return short


_short = _Short()


def place(frame: FrameType) -> str:
    """Where a frame is: ``workshop_app/orders.py:71``."""
    return f"{_short[frame.f_code.co_filename]}:{frame.f_lineno}"


def place_of(path: str, line_number: int) -> str:
    """The same, for somebody who has no frame."""
    return f"{_short[path]}:{line_number}"


def _text(event: Any) -> str:
    try:
        return str(event)
    except Exception:
        return json_line.text(event)


def error_fields(error: BaseException) -> dict[str, Any]:
    """``error``, what happened, and ``stack``, where: without local variables, one of which could be a password."""
    try:
        told = f"{type(error).__name__}: {error}"
    except Exception as another:
        told = f"{type(error).__name__}: its text raised {type(another).__name__}"
    return {"error": told, "stack": "".join(traceback.format_exception(error))}


def _with_stack(exc_info: Any = None, stack_info: Any = None, **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if exc_info is True:
        exc_info = sys.exc_info()
    if isinstance(exc_info, tuple):
        exc_info = exc_info[1]
    if isinstance(exc_info, BaseException):
        found = error_fields(exc_info)
    elif stack_info:
        found = {"stack": stack_info if isinstance(stack_info, str) else "".join(traceback.format_stack()[:-3])}
    return _beside(found, fields)


def _beside(line: dict[str, Any], *more: Mapping[str, Any]) -> dict[str, Any]:
    for fields in more:
        for name, value in fields.items():
            free = name
            while free in line:
                free += "_"
            line[free] = value
    return line


def _filled_in(event: Any, args: tuple[Any, ...], fields: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The event with its arguments in place of ``%s``; if they do not fit, both as they are."""
    try:
        return event % (args[0] if len(args) == 1 and isinstance(args[0], Mapping) else args), fields
    except Exception:
        return event, _beside({"args": args}, fields)


def _tell(msg: str, fields: dict[str, object]) -> bytes:
    head = {"ts": now(), "level": "error", "logger": "workshop_app.stdout", "msg": msg, "out": "stdout"}
    return json_line.encode({**head, **fields})


stdout = Stdout(_tell)
