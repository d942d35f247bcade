"""Ask a log, wherever it is kept: ``FrameStore`` (memory, live or not), ``BucketStore``; each is a ``LogStore``."""

from workshop_kit.observe.log_store.bucket import BucketStore
from workshop_kit.observe.log_store.stores import FrameStore, LogStore

__all__ = ["BucketStore", "FrameStore", "LogStore"]
