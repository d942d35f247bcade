"""Stdout, a line at a time: whole, in order, and written before ``write`` returns. Nothing is kept back to be lost.

- A system call costs more than making the line does. So the last lines of requests that end in the same turn of the
  event loop leave in one (``write_soon``), before anything else is written and before their answers leave
  (``whole_answers``): if we are killed in between, nobody has an answer that the log does not know of.
- Whoever reads it stalls: so do we, with every request, once the pipe is full (64 KiB on Linux). No line is lost. A
  container engine's ``blocking`` mode reads as fast as it can store; its ``non-blocking`` mode never stalls us, and
  drops what its buffer cannot hold.
- Nobody reads it any more, or its disk is full: we serve on. What cannot be written is lost, said once on stderr, and
  counted in a line as soon as stdout works again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import threading
from collections.abc import Callable

STDOUT, STDERR = 1, 2

Tell = Callable[[str, dict[str, object]], bytes]

BROKEN = "stdout cannot be written: lines are lost from here on"
MENDED = "stdout can be written again: lines were lost"


class Stdout:
    """Writes whole lines to a file descriptor. ``tell(msg, fields)`` makes the line that says what was lost."""

    def __init__(self, tell: Tell, descriptor: int = STDOUT) -> None:
        self._tell = tell
        self._descriptor = descriptor
        # Reentrant: between any two steps the interpreter may finalize an object, and whatever does that may log.
        self._lock = threading.RLock()
        self._writing = False
        self._kept: list[bytes] = []
        self._lost = 0  # lines, since it last worked
        self._torn = False  # is the last line there without its end?

    def require(self) -> None:
        """If the process was started without a stdout, take nothing for one: the next socket would get its number."""
        try:
            os.fstat(self._descriptor)
        except OSError:
            self._descriptor = os.open(os.devnull, os.O_WRONLY)

    def write(self, line: bytes) -> None:
        """Write a line, which ends with a line end. Raises nothing that has to do with stdout."""
        with self._lock:
            self._kept.append(line)
            self._write_kept()

    def write_soon(self, line: bytes) -> None:
        """Write a line with the next one, or in the next turn of the event loop, inside of which this is called."""
        with self._lock:
            if not self._kept:
                asyncio.get_running_loop().call_soon(self.flush)
            self._kept.append(line)

    def flush(self) -> None:
        """Write what is kept, if anything is."""
        if self._kept:
            with self._lock:
                self._write_kept()

    def _write_kept(self) -> None:
        """Write all lines at once; those that are logged meanwhile, in this thread, come after them."""
        while self._kept and not self._writing:
            self._writing = True
            kept, self._kept = self._kept, []
            lines = b"".join(kept)
            try:
                # Nearly always one call writes all. If it fails, _finish meets the same error, and deals with it.
                written = 0 if self._lost else os.write(self._descriptor, lines)
                if written != len(lines):
                    self._finish(lines, written)
            except OSError:
                self._finish(lines, 0)
            finally:
                self._writing = False

    def _finish(self, lines: bytes, written: int) -> None:
        """Write the rest of the lines, and before it what was lost; what cannot be written is lost as well."""
        news = b"\n" * self._torn + self._tell(MENDED, {"lines": self._lost}) if self._lost else b""
        rest = news + lines
        try:
            while written < len(rest):
                written += self._some(rest[written:])
            self._lost, self._torn = 0, False
        except OSError as error:
            known = self._lost if written < len(news) else 0
            self._lost = known + rest[max(written, len(news)) :].count(b"\n")
            self._torn = rest[written - 1] != ord("\n") if written else self._torn
            if not known:
                self._say(error)

    def _some(self, part: bytes) -> int:
        try:
            return os.write(self._descriptor, part)
        except BlockingIOError:  # somebody who shares the pipe has made it non-blocking: wait all the same
            waiting = select.poll()
            waiting.register(self._descriptor, select.POLLOUT)
            waiting.poll()
            return 0

    def _say(self, error: OSError) -> None:
        with contextlib.suppress(OSError):
            os.write(STDERR, self._tell(BROKEN, {"out": "stderr", "error": f"{type(error).__name__}: {error}"}))
