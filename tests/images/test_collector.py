"""The collector: no line is lost or duplicated by a failure; where that is impossible, a GAP record says so."""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pytest
from botocore.exceptions import ClientError
from docker.errors import APIError

from tests.conftest import like, own_stack
from tests.images.conftest import assert_confined, until
from workshop_kit.engine import containers, log_bucket, recipes
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.containers import Running
from workshop_kit.engine.labels import SERVICE
from workshop_kit.engine.log_bucket import LogBucket
from workshop_kit.observe import logs
from workshop_kit.paths import CHECKOUT
from workshop_kit.patience import wait_for

# Lines on a schedule: however slow the machine, never faster than the rate.
WRITER = """
import json, sys, time
total, rate = map(int, sys.argv[1:])
start = time.monotonic()
for n in range(total):
    stream = sys.stderr if n % 5 == 0 else sys.stdout
    stream.write(json.dumps({"n": n, "msg": "x" * (40_000 if n % 5_000 == 1 else n % 120)}) + "\\n")
    if n % 100 == 0:
        sys.stdout.flush()
        time.sleep(max(0, start + n / rate - time.monotonic()))
"""


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory, images: dict[str, str]) -> Iterator[LogBucket]:
    """A bucket with a collector, in a workspace of its own; everything is removed afterwards."""
    assert images
    with own_stack(tmp_path_factory.mktemp("collector") / "workspace") as stack:
        yield log_bucket.start(stack)


def write(bucket: LogBucket, name: str, total: int, *, rate: int = 100_000) -> Running:
    """Start a container that writes numbered lines, some of them in pieces; its logs go to the service ``name``."""
    command = ("python3", "-c", WRITER, str(total), str(rate))
    spec = Spec(recipes.tags(CHECKOUT)["base"], command=command, labels={SERVICE: name})
    return containers.run(bucket.stack.session, spec)


def keys_of(bucket: LogBucket, service: str) -> list[str]:
    """The keys of a service's objects."""
    return [key for key in bucket.objects() if key.split("/")[2] == service]


def collected(bucket: LogBucket, service: str) -> pd.DataFrame:
    """A service's lines in the bucket; each object is read by itself, so no line begins in one and ends in another."""
    contents = [bucket.content(key.removeprefix(bucket.prefix)) for key in keys_of(bucket, service)]
    return pd.concat(map(logs.read_json_file, contents))


def assert_whole(bucket: LogBucket, service: str, total: int) -> None:
    """Assert that each line is in the bucket once, in one piece, and nothing else."""
    lines = collected(bucket, service)
    assert sorted(lines["n"].dropna()) == list(range(total))
    assert len(lines) == total


def kill_and_start(collector: Any, away_seconds: float) -> None:
    """Kill a collector, start it again after a while, and wait until it reads logs."""
    collector.kill()
    time.sleep(away_seconds)
    collector.start()
    wait_running(collector)


@contextlib.contextmanager
def bucket_away(bucket: LogBucket, collector: Any) -> Iterator[None]:
    """Take a collector off the network on which its bucket is. The bucket itself lives in memory, and stays."""
    network = bucket.stack.session.engine.client.networks.get(f"{bucket.stack.project}_default")
    network.disconnect(collector)
    try:
        yield
    finally:
        network.connect(collector)


def wait_running(collector: Any) -> None:
    """Wait until a starting collector reads logs."""

    def reads() -> bool:
        with contextlib.suppress(APIError):
            return bool(collector.exec_run(["cat", "/tmp/state.json"]).exit_code == 0)
        return False

    assert wait_for(reads, 60)


@pytest.fixture
def another(bucket: LogBucket) -> Iterator[Callable[..., Running]]:
    """Run another collector in place of the stack's, with a volume of its own and some changed settings."""
    bucket.stack.container("collector").stop()
    original = bucket.stack.container("collector")
    started: list[Running] = []

    def run(source: str = "", **environment: str) -> Running:
        spec = like(original)
        binds = list(spec.more["volumes"])
        if source:
            binds = [bind for bind in binds if not bind.endswith(":/engine:ro")]
            binds.append(f"{source}:/engine:ro")

        changes = {"volumes": ("/var/lib/collector",), "more": {"volumes": binds}, "labels": {"workshop.collect": "no"}}
        changed = like(original, environment={**spec.environment, **environment}, **changes)
        started.append(containers.run(bucket.stack.session, changed))
        return started[-1]

    yield run
    for running in started:
        running.remove()
    bucket.stack.up("collector")


LINES = 40_000
RATE_PER_SECOND = 6_000
SEED = 1


def begun(bucket: LogBucket, service: str) -> Callable[[], bool]:
    """Whether some lines of a service are in the bucket."""
    return lambda: bool(keys_of(bucket, service))


@pytest.mark.timeout(300)
def test_no_line_is_lost_when_collector_and_network_fail(bucket: LogBucket) -> None:
    """The collector is killed as it reads and as it uploads, the network is cut, at random: 0 lines lost, 0 twice."""
    chance = random.Random(SEED)
    collector = bucket.stack.container("collector")
    assert_confined(collector, 0)  # it is root without a capability
    with write(bucket, "writer", LINES, rate=RATE_PER_SECOND) as writer:
        until(begun(bucket, "writer"), collector)
        kill_and_start(collector, chance.uniform(0, 1))
        time.sleep(chance.uniform(0, 1.5))
        with bucket_away(bucket, collector):
            time.sleep(chance.uniform(0, 1.5))
            kill_and_start(collector, chance.uniform(0, 1))
        time.sleep(chance.uniform(0, 0.3))  # what waited is being uploaded
        kill_and_start(collector, chance.uniform(0, 1))
        writer.wait_ended(within_seconds=200)
        bucket.wait_collected(60)
        assert_whole(bucket, "writer", LINES)


@pytest.mark.long
def test_a_container_removed_while_the_collector_was_away_leaves_a_gap(bucket: LogBucket) -> None:
    """Its last lines cannot be known: a GAP, once. A container that was read before it was removed leaves none."""
    with write(bucket, "in-time", 1_000) as writer:
        writer.wait_ended()
        bucket.wait_collected(60)
    with write(bucket, "too-early", 100_000, rate=5_000):
        until(begun(bucket, "too-early"), bucket.stack.container("collector"))
        bucket.stack.container("collector").stop()
    for _ in range(2):
        bucket.stack.container("collector").restart()
        wait_running(bucket.stack.container("collector"))
        bucket.wait_collected(60)
    assert_whole(bucket, "in-time", 1_000)
    lines = collected(bucket, "too-early")
    (gap,) = lines.loc[lines["msg"].eq("GAP").fillna(value=False), "raw"]
    assert json.loads(gap)["reason"] == "the container was removed while the collector was away"


@pytest.mark.long
def test_lines_of_another_session_are_left_alone(bucket: LogBucket, another: Callable[..., Running]) -> None:
    """A collector of another session reads no line of this one; no collector reads its own lines."""
    stranger = another(WORKSHOP_SESSION=f"{bucket.stack.session.identity.workspace_id}0")
    with write(bucket, "ours", 1_000) as writer:
        writer.wait_ended()
        wait_running(stranger.container)
        assert log_bucket.wait_flushed(stranger, 60) is None
        assert '"containers": 0' in stranger.exec("cat", "/tmp/state.json").output
    assert not keys_of(bucket, "collector")


@pytest.mark.long
def test_a_full_buffer_makes_reading_wait(bucket: LogBucket, another: Callable[..., Running]) -> None:
    """With the bucket away and the buffer full, the engine's own files hold the lines: late, but none is lost."""
    small = another(COLLECTOR_BUFFER_BYTES="100000")
    with write(bucket, "patient", 20_000, rate=10_000) as writer:
        with bucket_away(bucket, small.container):
            writer.wait_ended(within_seconds=60)
            small.wait_for(lambda: '"full": true' in small.exec("cat", "/tmp/state.json").output, goal="stop reading")
        assert log_bucket.wait_flushed(small, 60) is None
        assert_whole(bucket, "patient", 20_000)


@pytest.mark.long
def test_the_socket_does_where_the_folder_cannot_be_mounted(bucket: LogBucket, another: Callable[..., Running]) -> None:
    """By way of the engine's API: the same lines, whole, once each, also when the collector is killed meanwhile."""
    by_api = another(source=bucket.stack.session.engine.dialect.own_socket)
    with write(bucket, "by-api", 10_000, rate=2_500) as writer:
        until(begun(bucket, "by-api"), by_api.container)
        kill_and_start(by_api.container, 0)
        writer.wait_ended(within_seconds=60)
        assert log_bucket.wait_flushed(by_api, 60) is None
        assert '"source": "api"' in by_api.exec("cat", "/tmp/state.json").output
        assert_whole(bucket, "by-api", 10_000)


def test_the_reader_may_read_and_nothing_else(bucket: LogBucket) -> None:
    """A reader of logs cannot change them, nor list other buckets."""
    attempts = (
        lambda: bucket.client().put_object(Bucket=bucket.bucket, Key="logs/forged", Body=b""),
        lambda: bucket.client().delete_object(Bucket=bucket.bucket, Key="logs/forged"),
        bucket.client().list_buckets,
    )
    for attempt in attempts:
        with pytest.raises(ClientError, match="AccessDenied"):
            attempt()
