"""A log in a real bucket: every part once, only what is new or wanted, and quick the second time."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.workshop_kit.engine.stores import running_store
from workshop_kit.engine.aws import Access
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError
from workshop_kit.observe import logs
from workshop_kit.observe.log_store import BucketStore, FrameStore, LogStore

pytestmark = [pytest.mark.engine, pytest.mark.long]
DAY = "2026/11/24"


@pytest.fixture(scope="module")
def access(session: Session, images: dict[str, str]) -> Iterator[Access]:
    """The store of the stack, as somebody who may do everything."""
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


def records(*events: dict[str, Any] | str, second: int = 0, **attrs: str) -> bytes:
    """Lines as the collector writes them, one a millisecond."""
    lines = []
    for n, event in enumerate(events):
        text = event if isinstance(event, str) else json.dumps(event)
        time = f"2026-11-24T16:06:{second:02}.{n:03}000000Z"
        lines.append(json.dumps({"log": f"{text}\n", "stream": "stdout", "attrs": attrs, "time": time}) + "\n")
    return "".join(lines).encode()


Put = Callable[..., str]


@pytest.fixture
def put(client: Any, bucket: str) -> Put:
    """Put a part into the bucket; return its key."""

    def put(lines: bytes, name: str, service: str = "orders", hour: int = 16, environment: str = "staging") -> str:
        key = f"logs/{environment}/{service}/{DAY}/{hour:02}/{name}.jsonl.gz"
        client.put_object(Bucket=bucket, Key=key, Body=gzip.compress(lines, mtime=0))
        return key

    return put


@contextmanager
def counted(client: Any) -> Iterator[list[str]]:
    """The keys that are fetched meanwhile."""
    keys: list[str] = []

    def heard(params: Any, **_: Any) -> None:
        keys.append(params["Key"])

    client.meta.events.register("provide-client-params.s3.GetObject", heard)
    try:
        yield keys
    finally:
        client.meta.events.unregister("provide-client-params.s3.GetObject", heard)


def test_it_says_what_the_same_lines_in_memory_say(client: Any, bucket: str, put: Put, tmp_path: Path) -> None:
    """Whether lines are in a bucket or in a frame: the same columns, the same rows, malformed ones included."""
    first = records(
        *({"level": "info", "msg": f"m{n}", "n": n} for n in range(50)), "plain", "", '{"cut', service="orders"
    )
    second = records({"level": "error", "late": 1.5}, {"late": 2}, "null", second=1, service="orders")
    put(first, "a"), put(second, "b")
    with BucketStore(client, bucket, tmp_path) as store, FrameStore(logs.read_json_file(first + second)) as memory:
        asked: LogStore = store
        assert set(asked.columns) == set(memory.columns)
        query = "SELECT row, ts, level, msg, n, late, raw, reason, service FROM logs ORDER BY row"
        assert asked.sql(query).astype(str).equals(memory.sql(query).astype(str))
        for text in ("plain", "n>=10 n<20", "level:error", "-level:*", "m1*"):
            assert asked.count(text) == memory.count(text)
        assert set(asked.sql("SELECT environment FROM logs")["environment"]) == {"staging"}


def test_what_was_read_once_is_not_fetched_again(client: Any, bucket: str, put: Put, tmp_path: Path) -> None:
    """A refresh fetches what is new; another store with the same cache fetches nothing."""
    put(records({"n": 1}), "a")
    with counted(client) as keys, BucketStore(client, bucket, tmp_path) as store:
        assert (len(store), len(keys)) == (1, 1)
        new = put(records({"n": 2}, {"n": 3}, second=1), "b")
        assert store.refresh() == 1
        assert (len(store), store.parts, keys[1:]) == (3, 2, [new])
        assert store.refresh() == 0
        assert list(store.sql("SELECT n FROM logs ORDER BY row")["n"]) == [1, 2, 3]
        with BucketStore(client, bucket, tmp_path) as again:
            assert list(again.sql("SELECT n FROM logs ORDER BY row")["n"]) == [1, 2, 3]
        assert len(keys) == 2


def test_only_the_wanted_parts_are_fetched(client: Any, bucket: str, put: Put, tmp_path: Path) -> None:
    """By environment, service and hour nothing else is looked at."""
    keys = {
        (environment, service, hour): put(records({"hour": hour}), "a", service, hour, environment)
        for environment in ("staging", "production")
        for service in ("orders", "payment")
        for hour in (15, 16, 17)
    }
    client.put_object(Bucket=bucket, Key="logs/staging/orders/notes.txt", Body=b"no part")
    moment = datetime(2026, 11, 24, 16, 30, tzinfo=UTC)
    with counted(client) as fetched:
        with BucketStore(client, bucket, tmp_path, environment="staging", service="orders", since=moment) as store:
            assert sorted(fetched) == [keys["staging", "orders", 16], keys["staging", "orders", 17]]
            assert sorted(store.sql("SELECT hour FROM logs")["hour"]) == [16, 17]
        with BucketStore(client, bucket, tmp_path, service="payment", since=moment, until=moment) as store:
            assert len(store) == 2
        with BucketStore(client, bucket, tmp_path) as store:
            assert len(store) == 12
    assert sorted(fetched) == sorted(keys.values())


def test_a_bucket_that_is_away_is_said_so(client: Any, access: Access, tmp_path: Path) -> None:
    """One sentence, for a bucket that does not exist and for an endpoint that does not answer."""
    with pytest.raises(WorkshopError, match="nowhere did not let us list the logs: NoSuchBucket") as refused:
        BucketStore(client, "nowhere", tmp_path)
    assert refused.value.__cause__ is None
    nobody = Access("http://127.0.0.1:9", key_id="x", secret_key="y").client("s3")
    with pytest.raises(WorkshopError, match="does not answer"):
        BucketStore(nobody, "nowhere", tmp_path)
