"""Watch the disk while a check runs: a service of others may fill the databases of its stack, which are on the disk."""

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
    """For a ``with`` block: calls ``end`` once the disk with ``folder`` has lost too much, and then ``is_full``.

    Without a folder it looks at nothing: the engine's disk is in another machine.
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
        while not self._stop.wait(LOOK_SECONDS):
            if bytes_before - _free_bytes(folder, otherwise=bytes_before) > MOST_DISK_BYTES:
                self.is_full = True
                self.end()
                return


def _free_bytes(folder: Path, otherwise: int = 0) -> int:
    with suppress(OSError):
        return shutil.disk_usage(folder).free
    return otherwise
