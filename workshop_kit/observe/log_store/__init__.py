"""Ask a log, wherever it is kept: ``FrameStore`` (memory, live or not), ``BucketStore``."""

from workshop_kit.observe.log_store.bucket import BucketStore
from workshop_kit.observe.log_store.frames import FrameStore

__all__ = ["BucketStore", "FrameStore"]
