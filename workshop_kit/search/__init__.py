"""Search a log in memory (``FrameStore``) or in a bucket (``BucketStore``)."""

from workshop_kit.search.store import BucketStore, FrameStore

__all__ = ["BucketStore", "FrameStore"]
