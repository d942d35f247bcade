"""Watch the disk while a check runs: a submission's service may fill the databases of its stack, which are on it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from workshop_kit.host import GIB

MOST_DISK_BYTES = 4 * GIB
LOOK_SECONDS = 0.5
FULL = f"More than {MOST_DISK_BYTES // GIB} GiB of the disk were filled meanwhile."


@dataclass
class DiskWatch:
    """Watches a disk during a ``with`` block: it calls ``end`` once too much of it was filled, and sets ``is_full``.

    ``folder`` is on that disk. Without a folder nothing is watched: the engine's disk is in another machine.
    """

    folder: Path | None
    end: Callable[[], None]
    is_full: bool = False
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self.folder is not None:
            bytes_before = _free_bytes(self.folder)
            self._thread = threading.Thread(target=self._watch, args=(self.folder, bytes_before), daemon=True)
            self._thread.start()
        return self

    def __exit__(self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self, folder: Path, bytes_before: int) -> None:
        """Compare the free bytes with those before the block, again and again, until it ends or too many are gone."""
        while not self._stop.wait(LOOK_SECONDS):
            filled_bytes = bytes_before - _free_bytes(folder, otherwise=bytes_before)
            if filled_bytes > MOST_DISK_BYTES:
                self.is_full = True
                self.end()
                return


def _free_bytes(folder: Path, otherwise: int = 0) -> int:
    """Return the free bytes of a folder's disk; ``otherwise`` if the folder cannot be read."""
    with suppress(OSError):
        return shutil.disk_usage(folder).free
    return otherwise
