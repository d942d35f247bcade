"""Tell when a file was saved."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

QUIET_MS = 100
"""An editor writes a file in several steps: it is saved once nothing has changed for this long."""
LOOK_MS = 1000
"""Some file systems tell of no change: then it is looked at this often."""


class SaveWatcher:
    """Calls ``saved`` in a thread of its own whenever the text of ``file`` has changed, until it is stopped."""

    def __init__(self, file: Path, saved: Callable[[], None]) -> None:
        self._file = file
        self._saved = saved
        self._text = self._read()
        self._stopped = threading.Event()
        threading.Thread(target=self._watch, name=f"watch {file.name}", daemon=True).start()

    def stop(self) -> None:
        """Tell of no further save."""
        self._stopped.set()

    def _watch(self) -> None:
        from watchfiles import watch  # only who asks for it waits for its import

        # The folder is watched: an editor may put another file in place of the one that was there.
        changes = watch(
            self._file.parent,
            step=QUIET_MS,
            rust_timeout=LOOK_MS,
            yield_on_timeout=True,
            stop_event=self._stopped,
            recursive=False,
        )
        for _ in changes:
            text = self._read()
            if text != self._text and not self._stopped.is_set():
                self._text = text
                self._saved()

    def _read(self) -> bytes:
        with contextlib.suppress(OSError):
            return self._file.read_bytes()
        return b""
