"""Ask a log, wherever it is kept: ``FrameStore`` in memory, live or not. What it answers is a ``LogStore``."""

from workshop_kit.observe.log_store.frames import FrameStore
from workshop_kit.observe.log_store.stores import Between, LogStore

__all__ = ["Between", "FrameStore", "LogStore"]
