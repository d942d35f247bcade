"""Search a log in memory (``FrameStore``) or in a bucket (``BucketStore``)."""
