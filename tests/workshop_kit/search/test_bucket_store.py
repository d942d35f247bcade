"""BucketStore reads every part of a real bucket once."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.workshop_kit.engine.conftest import running_store
from workshop_kit.engine.aws import Access
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError
from workshop_kit.search import BucketStore, FrameStore

pytestmark = [pytest.mark.engine, pytest.mark.long]
DAY = "2026/11/24"


@pytest.fixture(scope="module")
def access(session: Session, images: dict[str, str]) -> Iterator[Access]:
    """The stack's store, with the administrator's rights."""
    with running_store(session, images["parameter_store"]) as store:
        yield store.access


@pytest.fixture(scope="module")
def client(access: Access) -> Any:
    """Its S3."""
    return access.client("s3")


@pytest.fixture
def bucket(client: Any, request: pytest.FixtureRequest) -> str:
    """A bucket of the test's own."""
    name = f"logs-{abs(hash(request.node.nodeid))}"
    client.create_bucket(Bucket=name)
    return name


def records(*events: dict[str, Any] | str, second: int = 0) -> bytes:
    """Lines as the collector writes them, one a millisecond."""
    lines = []
    for n, event in enumerate(events):
        text = event if isinstance(event, str) else json.dumps(event)
        time = f"2026-11-24T16:06:{second:02}.{n:03}000000Z"
        lines.append(json.dumps({"log": f"{text}\n", "stream": "stdout", "attrs": {}, "time": time}) + "\n")
    return "".join(lines).encode()


Put = Callable[..., str]


@pytest.fixture
def put(client: Any, bucket: str) -> Put:
    """Put a part into the bucket; return its key."""

    def put(lines: bytes, name: str, service: str = "orders") -> str:
        key = f"logs/staging/{service}/{DAY}/16/{name}.jsonl.gz"
        client.put_object(Bucket=bucket, Key=key, Body=gzip.compress(lines, mtime=0))
        return key

    return put


def numbers(store: FrameStore) -> list[str]:
    """The field ``n`` of each line that has one."""
    return list(store.select("SELECT fields['n'] AS n FROM logs ORDER BY row")["n"].dropna())


def test_a_part_is_fetched_once(access: Access, bucket: str, put: Put, tmp_path: Path) -> None:
    """Lines of two services go by the engine's time; another store with the same cache reads from it."""
    put(records({"n": 2}, {"n": 3}, "plain", second=1), "b", service="another"), put(records({"n": 1}), "c")
    assert numbers(BucketStore(access, bucket, tmp_path)) == ["1", "2", "3"]
    for path in tmp_path.rglob("*.gz"):
        path.write_bytes(gzip.compress(records({"n": 4})))
    assert numbers(BucketStore(access, bucket, tmp_path)) == ["4", "4"]


def test_a_damaged_part_is_a_gap(access: Access, bucket: str, put: Put, tmp_path: Path) -> None:
    """The other parts are read; other objects are ignored."""
    client = access.client("s3")
    put(records({"n": 1}), "whole")
    packed = gzip.compress(records({"n": 2}))
    client.put_object(Bucket=bucket, Key=f"logs/staging/orders/{DAY}/16/cut.jsonl.gz", Body=packed[: len(packed) // 2])
    client.put_object(Bucket=bucket, Key="logs/staging/orders/notes.txt", Body=b"no part")
    store = BucketStore(access, bucket, tmp_path)
    assert numbers(store) == ["1"]
    assert store.gaps()[0].endswith("cut.jsonl.gz is damaged")


def test_a_missing_bucket_raises_one_sentence(access: Access, tmp_path: Path) -> None:
    """WorkshopError without a cause."""
    with pytest.raises(WorkshopError, match="list the logs in nowhere") as refused:
        BucketStore(access, "nowhere", tmp_path)
    assert refused.value.__cause__ is None
