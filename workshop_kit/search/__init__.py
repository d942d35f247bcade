"""Ask a log, wherever it is kept: ``FrameStore`` (memory, live or not), ``BucketStore``."""

from workshop_kit.search.bucket_store import BucketStore
from workshop_kit.search.frame_store import FrameStore

__all__ = ["BucketStore", "FrameStore"]
