"""A log in a bucket, asked as if it were in memory.

A part is an object ``PREFIX/ENVIRONMENT/SERVICE/YYYY/MM/DD/HH/*.jsonl.gz``; it never changes, and is fetched once.
"""

from __future__ import annotations

import contextlib
import io
import secrets
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from workshop_kit.engine.aws import Access, explained
from workshop_kit.observe.log_store.stores import LogStore
from workshop_kit.observe.logs import read_json_file
from workshop_kit.progress import Report, Step, silent

PREFIX = "logs/"
MAX_ROWS = 5_000_000
_AT_ONCE = 4
_CHUNK_BYTES = 64 * 1024
_GZIP = 31  # zlib's number for it


class BucketStore(LogStore):
    """The lines in a bucket's parts; see LogStore. What was fetched once is kept in the ``cache`` folder.

    Reads what is there when it is made, and what is new with each ``refresh``; ``row`` goes by the engine's time among
    what was read together. Raises WorkshopError if the bucket is away.
    """

    def __init__(
        self, access: Access, bucket: str, cache: Path, prefix: str = PREFIX, *, report: Report = silent
    ) -> None:
        super().__init__(MAX_ROWS)
        self._access, self._client = access, access.client("s3")
        self._bucket, self._prefix, self._folder = bucket, prefix, cache / bucket
        self._parts: dict[str, str] = {}
        self.refresh(report)

    def refresh(self, report: Report = silent) -> int:
        """Take in what is new in the bucket; return how many parts are."""
        new = {key: tag for key, tag in self._listed().items() if self._parts.get(key) != tag}
        if new:
            frame = read_json_file(self._lines(new, report))
            self.add(frame.sort_values("received", kind="stable", ignore_index=True))
            self._parts |= new
            report(Step("Reading logs", 1.0, done=True))
        return len(new)

    def _listed(self) -> dict[str, str]:
        """The parts in the bucket: key → what tells its content (ETag), sorted."""
        with explained(self._access, f"list the logs in {self._bucket}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
            found = {one["Key"]: str(one["ETag"]).strip('"') for page in pages for one in page.get("Contents", [])}
        return {key: found[key] for key in sorted(found) if key.endswith(".jsonl.gz")}

    def _lines(self, parts: dict[str, str], report: Report) -> Iterator[bytes]:
        """The records of some parts, in their order; a few parts are on their way meanwhile."""
        with ThreadPoolExecutor(_AT_ONCE, "logs: fetch") as pool:
            packed = pool.map(self._fetched, parts, parts.values())
            for number, (key, data) in enumerate(zip(parts, packed, strict=True)):
                report(Step("Reading logs", number / len(parts), key.removeprefix(self._prefix)))
                lines, is_whole = unpacked(data)
                if not is_whole:
                    self._gaps.append({"reason": f"the end of {key} is missing"})
                yield from io.BytesIO(lines if lines.endswith(b"\n") else lines + b"\n" * bool(lines))

    def _fetched(self, key: str, tag: str) -> bytes:
        """A part, from the cache if it is there."""
        path = self._folder / f"{tag}.gz"
        with contextlib.suppress(OSError):
            return path.read_bytes()
        with explained(self._access, f"read {key}"):
            data = bytes(self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read())
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{secrets.token_hex(4)}")
        draft.write_bytes(data)
        draft.replace(path)  # there whole or not at all
        return data


def unpacked(packed: bytes) -> tuple[bytes, bool]:
    """What is in a gzipped part, as far as it can be unpacked, and whether that is all."""
    unpacker, found = zlib.decompressobj(_GZIP), bytearray()
    with contextlib.suppress(zlib.error):
        for at in range(0, len(packed), _CHUNK_BYTES):
            found += unpacker.decompress(packed[at : at + _CHUNK_BYTES])
    return bytes(found), unpacker.eof
