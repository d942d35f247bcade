"""Watch a participant's files: one event for all saves that come together."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import watchfiles

from workshop_kit.workspace.files import is_hidden

QUIET_MILLISECONDS = 150
"""A burst of saves is over after so long without another one: editors write a file in several steps."""
LONGEST_MILLISECONDS = 1000


def saves(root: Path, *folders: Path, stop: threading.Event) -> Iterator[frozenset[str]]:
    """Yield the files below ``folders`` that were just saved, as paths below ``root``, until ``stop`` is set."""
    root = root.resolve()
    bursts = watchfiles.watch(
        *(folder.resolve() for folder in folders),
        step=QUIET_MILLISECONDS,
        debounce=LONGEST_MILLISECONDS,
        stop_event=stop,
        raise_interrupt=False,
    )
    for burst in bursts:
        paths = [Path(name).relative_to(root) for change, name in burst if change is not watchfiles.Change.deleted]
        names = frozenset(path.as_posix() for path in paths if not any(map(is_hidden, path.parts)))
        if names:
            yield names
