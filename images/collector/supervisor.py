"""Process 1: starts the reader and the uploader, starts either again when it dies, and ends both in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from . import settings
from .words import say

AGAIN_SECONDS = 0.2
READER_SECONDS, UPLOADER_SECONDS = 4.0, 4.0
"""How long each may take to end: the reader commits what it has read, the uploader sends what waits."""


def run() -> int:
    """Run both until SIGTERM; return the exit code."""
    try:
        settings.read(os.environ)
    except settings.Unusable as wrong:
        say("fatal", "cannot start", error=str(wrong))
        return 1
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _frame: asked.append(got))
    children = {name: _start(name) for name in ("read", "upload")}
    say("info", "started", session=os.environ["WORKSHOP_SESSION"], endpoint=os.environ["COLLECTOR_ENDPOINT"])
    while not asked:
        for name, child in children.items():
            if (code := child.poll()) is not None:
                say("error", "died, starting again", part=name, exit_code=code)
                time.sleep(AGAIN_SECONDS)
                children[name] = _start(name)
        time.sleep(0.05)
    for name, seconds in (("read", READER_SECONDS), ("upload", UPLOADER_SECONDS)):
        _end(children[name], seconds)
    say("info", "stopped")
    return 0


def _start(name: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", __package__, name])


def _end(child: subprocess.Popen[bytes], seconds: float) -> None:
    child.terminate()
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
