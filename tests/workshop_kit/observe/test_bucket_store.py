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

from tests.images.collecting import a_bucket
from tests.workshop_kit.engine.stores import running_store
from workshop_kit.engine import containers
from workshop_kit.engine.aws import Access
from workshop_kit.engine.labels import ENVIRONMENT, SERVICE
from workshop_kit.engine.log_bucket import LogBucket
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.errors import WorkshopError
from workshop_kit.observe import logs
from workshop_kit.observe.log_store import BucketStore, FrameStore, LogStore

pytestmark = pytest.mark.engine
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


def test_a_field_of_two_types_is_kept_and_found(client: Any, bucket: str, put: Put, tmp_path: Path) -> None:
    """A field that is a number in most parts and text in one: the column is a number, the text is in ``rest``."""
    put(records({"size": 1}, {"size": 2}, {"size": 3.5}), "a", hour=15)
    put(records({"size": "large"}, {"size": "small", "more": True}), "b", "payment")
    with BucketStore(client, bucket, tmp_path) as store:
        assert store.columns["size"] == "DOUBLE"
        assert store.sql("SELECT sum(size) AS s FROM logs")["s"][0] == 6.5
        rest = [json.loads(one) for one in store.search("service:payment")["rest"]]
        assert rest == [{"size": "large"}, {"size": "small"}]
        assert store.count("size:*") == 5


def test_services_stand_in_the_order_of_time(client: Any, bucket: str, put: Put, tmp_path: Path) -> None:
    """``row`` goes by the engine's time across services and parts, whatever the keys are."""
    put(records({"n": 1}, second=1), "z", "orders")
    put(records({"n": 3}, second=3), "a", "orders")
    put(records({"n": 2}, second=2), "m", "payment")
    with BucketStore(client, bucket, tmp_path) as store:
        assert list(store.sql("SELECT n FROM logs ORDER BY row")["n"]) == [1, 2, 3]
        put(records({"n": 0}, second=0), "late", "payment")
        store.refresh()
        assert list(store.search()["n"]) == [0, 1, 2, 3]


def test_many_small_parts_become_few_files(client: Any, bucket: str, put: Put, tmp_path: Path) -> None:
    """A part every few seconds, each read by itself, does not become a file for each."""
    with BucketStore(client, bucket, tmp_path) as store:
        for n in range(20):
            put(records({"n": n}, second=n), f"{n:03}")
            assert store.refresh() == 1
        assert list(store.sql("SELECT n FROM logs ORDER BY row")["n"]) == list(range(20))
        assert len(list(tmp_path.rglob("*.arrow"))) < 10
        assert list(tmp_path.rglob("*.draft")) == []
    with counted(client) as keys, BucketStore(client, bucket, tmp_path) as again:
        assert (len(again), again.parts, keys) == (20, 20, [])


@pytest.mark.parametrize("end", [b"", bytes(1_000)], ids=["cut", "damaged"])
def test_what_is_damaged_is_read_as_far_as_it_goes(
    client: Any, bucket: str, put: Put, tmp_path: Path, end: bytes
) -> None:
    """A part whose end is missing keeps its beginning, and is a gap; a damaged file of the cache is read anew."""
    whole = gzip.compress(records(*({"n": n, "text": f"{n * 7919:x}" * 9} for n in range(2_000))), mtime=0)
    key = put(b"", "b")
    client.put_object(Bucket=bucket, Key=key, Body=whole[: len(whole) // 2] + end)
    put(records({"n": 1}), "c")
    with BucketStore(client, bucket, tmp_path) as store:
        lines = len(store)
        assert 500 < lines < 2_000
        assert list(store.gaps()["reason"]) == [f"the end of {key} is missing"]
    for file in tmp_path.rglob("*.arrow"):
        file.write_bytes(file.read_bytes()[:100])
    with BucketStore(client, bucket, tmp_path) as store:
        assert len(store) == lines
        assert list(store.gaps()["service"]) == ["orders"]


def test_a_gap_of_the_collectors_is_seen(client: Any, bucket: str, put: Put, tmp_path: Path) -> None:
    """What the collector says of a possible loss stands with its reason and its times."""
    gap = {"ts": "2026-11-24T16:06:00Z", "level": "error", "logger": "collector", "msg": "GAP", "service": "orders"}
    put(records({"n": 1}, {**gap, "reason": "rotated away", "from": "a", "to": "b"}, service="orders"), "a")
    with BucketStore(client, bucket, tmp_path) as store:
        found = store.gaps()
        assert found[["service", "reason", "from", "to"]].values.tolist() == [["orders", "rotated away", "a", "b"]]


def test_an_emptied_bucket_is_an_empty_log(client: Any, bucket: str, put: Put, tmp_path: Path) -> None:
    """The bucket is the truth: what is gone from it is gone from the store; a part that was replaced is read anew."""
    key = put(records({"n": 1}), "a")
    with BucketStore(client, bucket, tmp_path) as store:
        put(records({"n": 2}), "a")
        store.refresh()
        assert list(store.search()["n"]) == [2]
        client.delete_object(Bucket=bucket, Key=key)
        store.refresh()
        assert (len(store), store.count("n:2"), store.search().empty) == (0, 0, True)


NUMBERS = """
import sys
for n in range(3_000):
    print('{"n": %d}' % n, file=sys.stderr if n % 3 else sys.stdout)
print('{"long": "%s"}' % ("x" * 40_000))
"""


@pytest.fixture
def collecting(images: dict[str, str], tmp_path: Path) -> Iterator[LogBucket]:
    """A bucket that nobody else's lines are in, and its collector."""
    with a_bucket(tmp_path / "collecting") as made:
        yield made


def test_what_a_container_wrote_is_found(collecting: LogBucket, images: dict[str, str], tmp_path: Path) -> None:
    """From stdout through engine, collector and bucket to an answer: every line once, a long one whole."""
    labels = {ENVIRONMENT: "qa", SERVICE: "numbers"}
    spec = Spec(images["base"], command=("python3", "-c", NUMBERS), labels=labels)
    with containers.run(collecting.stack.session, spec) as running:
        running.wait_ended()
        collecting.wait_collected()
        with BucketStore(collecting.client, collecting.bucket, tmp_path, environment="qa") as store:
            found = store.sql("SELECT n FROM logs WHERE service = 'numbers' AND n IS NOT NULL ORDER BY n")
            assert list(found["n"]) == list(range(3_000))
            assert store.sql("SELECT max(len(long)) AS longest FROM logs")["longest"][0] == 40_000
            assert store.count("n:2999 stream:stderr") == 1
            assert store.count(f"container:{running.id[:12]}") == len(store) == 3_001
            assert store.gaps().empty


def test_a_bucket_that_is_away_is_said_so(client: Any, access: Access, tmp_path: Path) -> None:
    """One sentence, for a bucket that does not exist and for an endpoint that does not answer."""
    with pytest.raises(WorkshopError, match="nowhere did not let us list the logs: NoSuchBucket") as refused:
        BucketStore(client, "nowhere", tmp_path)
    assert refused.value.__cause__ is None
    nobody = Access("http://127.0.0.1:9", key_id="x", secret_key="y").client("s3")
    with pytest.raises(WorkshopError, match="does not answer"):
        BucketStore(nobody, "nowhere", tmp_path)
