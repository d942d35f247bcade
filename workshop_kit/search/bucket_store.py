"""A log in a bucket as a FrameStore.

A part is an object ``PREFIX/ENVIRONMENT/SERVICE/YYYY/MM/DD/HH/*.jsonl.gz``; it never changes, and is fetched once.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from workshop_kit.engine.aws import Access, explained
from workshop_kit.files import write_atomically
from workshop_kit.observe.logs import read_json_file
from workshop_kit.progress import Report, Step, silent
from workshop_kit.search.frame_store import FrameStore


class BucketStore(FrameStore):
    """The lines in a bucket's parts, by the engine's time; see FrameStore. Parts are kept in the ``cache`` folder.

    Raises WorkshopError if the bucket does not answer.
    """

    def __init__(
        self, access: Access, bucket: str, cache: Path, prefix: str = "logs/", report: Report = silent
    ) -> None:
        super().__init__()
        self._access, self._client = access, access.client("s3")
        self._bucket, self._prefix, self._folder = bucket, prefix, cache / bucket
        with explained(access, f"list the logs in {bucket}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            keys = [one["Key"] for page in pages for one in page.get("Contents", [])]
        frame = read_json_file(self._lines(sorted(key for key in keys if key.endswith(".jsonl.gz")), report))
        self.add(frame.sort_values("received", kind="stable", ignore_index=True))
        report(Step("Reading logs", 1.0, done=True))

    def _lines(self, keys: list[str], report: Report) -> Iterator[bytes]:
        """Yield the records of some parts in order; four parts are fetched at a time."""
        with ThreadPoolExecutor(4, "logs: fetch") as pool:
            for number, (key, packed) in enumerate(zip(keys, pool.map(self._fetched, keys), strict=True)):
                report(Step("Reading logs", number / len(keys), key.removeprefix(self._prefix)))
                try:
                    yield from io.BytesIO(gzip.decompress(packed))
                except (EOFError, OSError, zlib.error):
                    self._gaps.append(f"{key} is damaged")

    def _fetched(self, key: str) -> bytes:
        """Return a part, from the cache if it is there."""
        path = self._folder / key
        with contextlib.suppress(OSError):
            return path.read_bytes()
        with explained(self._access, f"read {key}"):
            data = bytes(self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read())
        write_atomically(path, data)
        return data
