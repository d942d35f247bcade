"""Search a log in memory (``FrameStore``) or in a bucket (``BucketStore``)."""

from workshop_kit.search.bucket_store import BucketStore
from workshop_kit.search.frame_store import FrameStore

__all__ = ["BucketStore", "FrameStore"]
