"""Termination signals as Ctrl-C, so that the clean-up of a process runs (standard library only)."""

from __future__ import annotations

import signal
import threading
from types import FrameType


def interrupt_on_termination() -> None:
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt as Ctrl-C does, so that the clean-up of this process runs.

    Both are ignored after the first one, while the clean-up runs. A signal that is ignored already, as under nohup,
    stays ignored. Outside of the main thread, which alone can handle signals, nothing happens.
    """
    if threading.current_thread() is not threading.main_thread():
        return

    termination_signals = (signal.SIGTERM, signal.SIGHUP)
    numbers = [number for number in termination_signals if signal.getsignal(number) is not signal.SIG_IGN]

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, interrupt)
