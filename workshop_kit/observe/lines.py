"""Follow what a container writes, line by line, whatever it writes: binary, a terminal, lines of a megabyte.

Nothing that the engine sends is lost and nothing crashes; bytes that are not UTF-8 become U+FFFD and are counted. The
order *between* stdout and stderr is the engine's and not defined; within each it holds. With a terminal there is one
limit: where a container stopped in the middle of a line and was started again, the two runs' texts stand in one line.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from docker.errors import APIError, NotFound

from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.observe import instants
from workshop_kit.observe.framing import Frames, Terminal
from workshop_kit.observe.joining import MAX_LINE_BYTES, Line, Lines
from workshop_kit.observe.wire import Away, Gone, Refused, Stream, sdk
from workshop_kit.screen import visible

__all__ = ["Following", "Line", "follow", "read"]

_NAME_CHARACTERS = 60
_SPARE_PIECES = 256  # 4 MiB of one line: the engine counts its pieces, not lines, so more are asked for than wanted


def read(
    container: Any,
    *,
    tail: int | None = None,
    since: datetime | float | None = None,
    max_line_bytes: int = MAX_LINE_BYTES,
) -> list[Line]:
    """The lines a container has written so far, oldest first; with ``tail`` only the last so many whole lines.

    ``since`` is a time with a zone, or seconds since 1970. A line keeps at most ``max_line_bytes``, the rest is counted
    in ``cut_bytes``. Raises WorkshopError if the container is gone, its log cannot be read, or the engine is away.
    """
    if tail is None:
        return _read(container, {"tail": "all", **since_parameter(since)}, max_line_bytes)
    pieces = _not_negative(tail) + _SPARE_PIECES
    while True:
        lines = _read(container, {"tail": pieces, **since_parameter(since)}, max_line_bytes)
        last = lines[len(lines) - min(tail, len(lines)) :]
        seen = sum(line.pieces for line in lines)
        # The first pieces of an answer may be the end of a long line; then the last lines must not reach into them.
        if seen < pieces or sum(line.pieces for line in last) <= pieces - _SPARE_PIECES:
            return last
        pieces *= 2


def follow(
    container: Any,
    stop: threading.Event,
    *,
    tail: int | None = None,
    since: datetime | float | None = None,
    max_line_bytes: int = MAX_LINE_BYTES,
) -> Following:
    """Yield the lines a container has written and writes, until it ends, is removed, or ``stop`` is set.

    ``tail`` limits the lines of the past (0: only new ones). What came when the end came is in ``Following.ended``; a
    container that is gone already yields nothing. Take lines as they come: an engine that has to wait while it rotates
    the log twice skips lines (``observe.logs.follow`` does not let it wait, and notices). Raises WorkshopError if the
    log cannot be read.
    """
    if tail:
        tail = sum(line.pieces for line in read(container, tail=tail, since=since))
    params = {"follow": 1, "tail": "all" if tail is None else _not_negative(tail), **since_parameter(since)}
    return Following(container, stop, params, max_line_bytes)


class Following(Iterator[Line]):
    """The lines of a container as they come; ``ended`` is empty while it goes on, then says why it ended."""

    def __init__(self, container: Any, stop: threading.Event, params: Mapping[str, Any], max_line_bytes: int) -> None:
        self.ended = ""
        self._container = sdk(container)
        self._stop = stop
        self._lines = self._follow(params, max_line_bytes)

    def __next__(self) -> Line:
        return next(self._lines)

    def _follow(self, params: Mapping[str, Any], max_line_bytes: int) -> Iterator[Line]:
        try:
            state = state_of(self._container)
            with open_log(self._container, params, self._stop) as stream:
                for line in _lines(stream, has_terminal(self._container), max_line_bytes):
                    if self._stop.is_set():
                        break
                    yield line
            self.ended = self._reason(state)
        except Gone:
            self.ended = "the container was removed"
        except Away:
            self.ended = "the engine went away"

    def _reason(self, before: Mapping[str, Any]) -> str:
        if self._stop.is_set():
            return "following was stopped"
        now = state_of(self._container)
        if now["StartedAt"] != before["StartedAt"]:
            return "the container was started again"
        return "the engine ended it" if now["Running"] else f"the container exited with code {now['ExitCode']}"


def _read(container: Any, params: Mapping[str, Any], max_line_bytes: int) -> list[Line]:
    container = sdk(container)
    state_of(container)
    with open_log(container, params, threading.Event()) as stream:
        lines = list(_lines(stream, has_terminal(container), max_line_bytes))
        if stream.cut:
            raise Away
    return lines


def open_log(container: Any, params: Mapping[str, Any], stop: threading.Event) -> Stream:
    """The engine's answer to a request for a log, both streams with timestamps; WorkshopError if it has none."""
    both = {"stdout": 1, "stderr": 1, "timestamps": 1, **params}
    try:
        return Stream(container.client.api, f"/containers/{container.id}/logs", both, stop)
    except Refused as refused:  # a log driver that cannot be read back, for one
        sentence = f"The log of {container.name} cannot be read. {refused.what}"
        raise WorkshopError(sentence, "Run it with the json-file or local log driver.") from refused


def _lines(stream: Stream, terminal: bool, max_line_bytes: int) -> Iterator[Line]:
    frames = Terminal() if terminal else Frames()
    lines = Lines(terminal=terminal, max_line_bytes=max_line_bytes)
    for chunk in stream:
        for piece in frames.feed(chunk):
            yield from lines.feed(piece)
    for piece in frames.end():
        yield from lines.feed(piece)
    yield from lines.end()


def container_of(given: Any) -> Any:
    """The SDK's container: the thing itself, or what a ``Running`` of the kit holds. Raises WrongUsage for others."""
    container = sdk(given)
    if not hasattr(container, "reload"):
        named = f"'{visible(given, _NAME_CHARACTERS)}'" if isinstance(given, str) else "What was given"
        raise WrongUsage(
            f"{named} is of type {type(given).__name__}, and only a container has a log.",
            'Give what `w.run` returned, or w.stack.container("service").',
        )
    return container


def state_of(container: Any) -> Mapping[str, Any]:
    """How the engine sees the container now. Raises Gone, Away or Refused, and WrongUsage for what is none."""
    container = container_of(container)
    try:
        container.reload()
    except NotFound as gone:
        raise Gone(container.name) from gone
    except APIError as refused:
        raise Refused(f"The engine refused to look at {container.name}: {refused.explanation}.") from refused
    except OSError as away:  # what requests raises when nobody answers is an OSError
        raise Away from away
    state: Mapping[str, Any] = container.attrs["State"]
    return state


def has_terminal(container: Any) -> bool:
    """Whether it has a terminal: its log is then one raw stream."""
    return bool(container.attrs["Config"]["Tty"])


def since_parameter(since: datetime | float | None) -> dict[str, str]:
    """A time with a zone, or seconds since 1970, as the engine wants it. Raises WrongUsage for anything else."""
    if since is None:
        return {}
    seconds = instants.seconds(since, "time in `since`")
    if isinstance(since, datetime):  # a float of today's seconds has no microsecond to spare
        return {"since": f"{int(seconds)}.{since.microsecond:06d}000"}
    return {"since": f"{seconds:.9f}"}


def _not_negative(tail: int) -> int:
    if tail < 0:
        raise WrongUsage(f"`tail` is {tail}.", "Ask for 0 lines or more.")
    return tail
