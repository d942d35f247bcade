"""Run a command-line tool (docker buildx, docker compose, apt-get); its failure becomes one sentence."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from workshop_kit.errors import NotReady, WorkshopError

LAST_LINES = 15


@contextlib.contextmanager
def running(words: Sequence[str], environment: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """Start a tool, whose stdout and stderr come together as text; terminate it if the block fails or is interrupted.

    The tool has to be terminated, since a signal such as SIGTERM reaches this process alone. Raises NotReady if there
    is no such tool.
    """
    if not shutil.which(words[0]):
        raise NotReady(f"The program {words[0]} is not installed.", "Run ./workshop setup, or install it.")

    with subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**os.environ, **(environment or {})},
    ) as process:
        try:
            yield process
        except BaseException:
            process.terminate()
            raise


def run(
    command: Sequence[str | Path],
    *,
    failure: str,
    next_step: str,
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] = lambda _line: None,
    error: type[WorkshopError] = NotReady,
) -> str:
    """Run a tool to its end and return what it printed (stdout and stderr together, as text).

    ``on_line`` is called with every line. A non-zero exit raises ``error`` with the sentence ``failure``, the advice
    ``next_step`` and the last lines. Raises NotReady if there is no such tool.
    """
    words = [str(word) for word in command]
    lines: list[str] = []
    with running(words, environment) as process:
        for line in process.stdout or []:
            lines.append(line)
            if text := line.strip():
                on_line(text)

    if process.returncode != 0:
        raise error(failure, next_step, output="".join(lines[-LAST_LINES:]))
    return "".join(lines)
