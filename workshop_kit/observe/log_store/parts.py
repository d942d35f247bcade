"""The parts of a log in a bucket: their keys, fetching them, and what is in them.

A part is an object ``PREFIX/ENVIRONMENT/SERVICE/YYYY/MM/DD/HH/*.jsonl.gz``; it never changes.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from workshop_kit.errors import WorkshopError
from workshop_kit.observe.logs.unpacking import Unpacked

_AT_ONCE = 4
_PLACE = re.compile(r"([^/]+)/([^/]+)/(\d{4})/(\d\d)/(\d\d)/(\d\d)/[^/]+\.jsonl\.gz")


class Place(NamedTuple):
    """Which lines a part has: of one environment and service, received within one hour (UTC, ``2026-11-24T16``)."""

    environment: str
    service: str
    hour: str


@dataclass(frozen=True)
class Wanted:
    """Which parts to read; None is all. Parts are kept by the hour, so ``since`` and ``until`` take whole hours."""

    environment: str | None = None
    service: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def holds(self, place: Place) -> bool:
        """Whether a part of this place is wanted."""
        return (
            self.environment in {None, place.environment}
            and self.service in {None, place.service}
            and (self.since is None or place.hour >= _hour(self.since))
            and (self.until is None or place.hour <= _hour(self.until))
        )

    def prefix(self, root: str) -> str:
        """What the keys of all wanted parts begin with."""
        words = [self.environment, self.service] if self.environment else []
        return root + "".join(f"{word}/" for word in words if word)


def _hour(moment: datetime) -> str:
    utc = moment.astimezone(UTC) if moment.tzinfo else moment
    return utc.strftime("%Y-%m-%dT%H")


def place_of(key: str, root: str) -> Place | None:
    """Where a part's lines come from, told by its key; None for what is no part."""
    match = _PLACE.fullmatch(key.removeprefix(root)) if key.startswith(root) else None
    if not match:
        return None
    environment, service, year, month, day, hour = match.groups()
    return Place(environment, service, f"{year}-{month}-{day}T{hour}")


def listed(client: Any, bucket: str, root: str, wanted: Wanted) -> dict[str, str]:
    """The wanted parts in the bucket: key → what tells its content (ETag), sorted."""
    with _explained(bucket, "list the logs"):
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=wanted.prefix(root))
        found = {one["Key"]: str(one["ETag"]) for page in pages for one in page.get("Contents", [])}
    places = {key: place_of(key, root) for key in found}
    return {key: found[key] for key, place in sorted(places.items()) if place and wanted.holds(place)}


def fetched(client: Any, bucket: str, keys: Iterable[str]) -> Iterator[tuple[str, bytes, bool]]:
    """Key, lines, and whether they are whole, in order; a few are on their way while one is looked at.

    A part that has meanwhile been removed has no lines.
    """

    def fetch(key: str) -> bytes | None:
        with _explained(bucket, f"read {key}"):
            try:
                return bytes(client.get_object(Bucket=bucket, Key=key)["Body"].read())
            except client.exceptions.NoSuchKey:
                return None

    rest = iter(keys)
    with ThreadPoolExecutor(_AT_ONCE, "logs: fetch") as pool:
        running = deque((key, pool.submit(fetch, key)) for key in itertools.islice(rest, 2 * _AT_ONCE))
        while running:
            key, packed = running[0][0], running.popleft()[1].result()
            running.extend((another, pool.submit(fetch, another)) for another in itertools.islice(rest, 1))
            lines, whole = unpacked(packed) if packed is not None else (b"", True)
            yield key, lines if lines.endswith(b"\n") or not lines else lines + b"\n", whole


def unpacked(packed: bytes) -> tuple[bytes, bool]:
    """What is in a gzipped part, as far as it can be unpacked, and whether that is all."""
    file = Unpacked(io.BytesIO(packed))
    found = b"".join(iter(lambda: file.read(-1), b""))
    return found, not file.problem


def groups(keys: Iterable[str], root: str) -> Mapping[Place, list[str]]:
    """The keys by their place."""
    found: dict[Place, list[str]] = {}
    for key in keys:
        place = place_of(key, root)
        if place:
            found.setdefault(place, []).append(key)
    return found


@contextlib.contextmanager
def _explained(bucket: str, doing: str) -> Iterator[None]:
    try:
        yield
    except ClientError as refused:
        code = refused.response.get("Error", {}).get("Code", "")
        raise WorkshopError(
            f"The bucket {bucket} did not let us {doing}: {code}.", "Connect to it again, then repeat."
        ) from None
    except BotoCoreError as error:
        raise WorkshopError(
            f"The bucket {bucket} does not answer: could not {doing} ({type(error).__name__}).",
            "Start it (the stack's service parameter-store), then try again.",
        ) from None
