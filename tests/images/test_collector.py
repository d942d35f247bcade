"""The collector: no line is lost or duplicated by a failure; where that is impossible, a GAP record says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.images.collector_helpers import a_bucket, bucket_away, collected, kill_and_start, wait_running, write
from tests.images.container_state import assert_confined, until
from workshop_kit.engine import containers, log_bucket
from workshop_kit.engine.containers import Running
from workshop_kit.engine.log_bucket import LogBucket
from workshop_kit.engine.spec import like
from workshop_kit.errors import WorkshopError

pytestmark = pytest.mark.engine

NOT_COLLECTED = {"workshop.collect": "no"}


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory, images: dict[str, str]) -> Iterator[LogBucket]:
    """A bucket with a collector."""
    with a_bucket(tmp_path_factory.mktemp("collector") / "workspace") as made:
        yield made


def another(bucket: LogBucket, **changes: object) -> Running:
    """Run a second collector with some changed settings."""
    own = like(bucket.stack.container("collector"))
    environment = {**own.environment, **changes.pop("environment", {})}  # type: ignore[dict-item]
    spec = like(
        bucket.stack.container("collector"),
        **{"volumes": ("/var/lib/collector",), "labels": NOT_COLLECTED, "environment": environment, **changes},
    )
    return containers.run(bucket.stack.session, spec)


def begun(bucket: LogBucket, service: str) -> Callable[[], bool]:
    """Whether some lines of a service are in the bucket."""
    return lambda: bool([key for key in bucket.objects() if key.split("/")[2] == service])


def assert_whole(bucket: LogBucket, service: str, numbers: list[int]) -> None:
    """Each line is in the bucket once, in one piece, and no GAP."""
    found = collected(bucket, service)
    assert sorted(found.numbers) == numbers
    assert (found.gaps, found.torn) == ([], 0)


def test_it_is_root_without_any_power(bucket: LogBucket) -> None:
    """Its user is root, who owns the logs, without any capability."""
    assert_confined(bucket.stack.container("collector"), 0)


def test_no_line_is_lost_when_it_is_killed(bucket: LogBucket) -> None:
    """5,000 lines, and the collector is killed in the middle of them: 0 lost, 0 twice."""
    collector = bucket.stack.container("collector")
    with write(bucket, "numbers", 5_000, rate=1_500) as writer:
        until(begun(bucket, "numbers"), collector)
        kill_and_start(bucket)
        writer.wait_ended(within_seconds=60)
        wait_running(collector, within_seconds=60)
        bucket.wait_collected(60)
        assert_whole(bucket, "numbers", list(range(5_000)))


@pytest.mark.long
def test_the_engine_starts_it_again_when_it_fails(bucket: LogBucket) -> None:
    """On an error it logs one line and ends; after the restart it continues at its position."""
    collector = bucket.stack.container("collector")
    with write(bucket, "failing", 5_000, rate=1_500) as writer:
        until(begun(bucket, "failing"), collector)
        before = int(collector.attrs["RestartCount"])
        collector.exec_run(["rm", "/tmp/flush"])
        writer.wait_ended(within_seconds=60)
        wait_running(collector, within_seconds=60)
        bucket.wait_collected(60)
        assert_whole(bucket, "failing", list(range(5_000)))
    collector.reload()
    assert int(collector.attrs["RestartCount"]) == before + 1
    assert "cannot collect" in collector.logs(tail=5).decode()


@pytest.mark.long
def test_while_the_bucket_is_away_lines_wait_on_the_disk(bucket: LogBucket) -> None:
    """One sentence gives the reason of the wait; the collector stays healthy, and every line arrives."""
    with bucket_away(bucket), write(bucket, "waiting", 1_000, rate=100_000) as writer:
        writer.wait_ended()
        until(lambda: bucket.status().away_since is not None, bucket.stack.container("collector"))
        with pytest.raises(WorkshopError, match="the bucket has been away since"):
            bucket.wait_collected(1)
        assert bucket.status().waiting_bytes > 0
        wait_running(bucket.stack.container("collector"))
    bucket.wait_collected(60)
    assert_whole(bucket, "waiting", list(range(1_000)))
    assert bucket.status().away_since is None


@pytest.mark.long
def test_rotation_is_followed(bucket: LogBucket) -> None:
    """A log that is rotated many times while it is read arrives whole."""
    log = {"max-size": "500k", "max-file": "30"}  # none is removed, so the reader may be late
    with write(bucket, "rotating", 15_000, rate=5_000, size=900, log=log) as writer:
        writer.wait_ended(within_seconds=60)
        bucket.wait_collected(60)
        assert_whole(bucket, "rotating", list(range(15_000)))


@pytest.mark.long
def test_a_rotation_that_outran_the_reader_leaves_a_gap(bucket: LogBucket) -> None:
    """Lines that were rotated away while the collector was frozen are lost, and a GAP record says so."""
    collector = bucket.stack.container("collector")
    log = {"max-size": "500k", "max-file": "3"}
    collector.pause()
    with write(bucket, "outrun", 15_000, rate=100_000, size=900, log=log) as writer:
        writer.wait_ended(within_seconds=60)
        collector.unpause()
        bucket.wait_collected(60)
        found = collected(bucket, "outrun")
    assert found.twice == 0
    assert 0 < len(found.numbers) < 15_000
    assert [gap["level"] for gap in found.gaps] == ["error"]
    assert "rotated" in found.gaps[0]["reason"]


@pytest.mark.long
def test_a_container_removed_while_the_collector_was_away_leaves_a_gap(bucket: LogBucket) -> None:
    """Its last lines cannot be known: a GAP, once. A container that was read before it was removed leaves none."""
    with write(bucket, "in-time", 1_000, rate=100_000) as writer:
        writer.wait_ended()
        bucket.wait_collected(60)
    with write(bucket, "too-early", 100_000):
        until(begun(bucket, "too-early"), bucket.stack.container("collector"))
        bucket.stack.stop("collector")
    for _ in range(2):
        bucket.stack.container("collector").restart()
        wait_running(bucket.stack.container("collector"), within_seconds=60)
        bucket.wait_collected(60)
    assert_whole(bucket, "in-time", list(range(1_000)))
    assert [gap["reason"] for gap in collected(bucket, "too-early").gaps] == [
        "the container was removed while the collector was away"
    ]


@pytest.mark.long
def test_lines_of_another_session_are_left_alone(bucket: LogBucket) -> None:
    """A collector of another session reads no line of this one; no collector reads its own lines."""
    told = {"WORKSHOP_SESSION": f"{bucket.stack.session.identity.session}0"}
    with another(bucket, environment=told) as stranger, write(bucket, "ours", 1_000, rate=100_000) as writer:
        writer.wait_ended()
        wait_running(stranger.container, within_seconds=60)
        assert log_bucket.flush(stranger.container, 60) is None
        assert '"containers": 0' in stranger.exec("cat", "/tmp/state.json").output
        bucket.wait_collected(60)
        assert collected(bucket, "ours").twice == 0
    assert not begun(bucket, "collector")()


@pytest.mark.long
def test_a_full_buffer_makes_reading_wait(bucket: LogBucket) -> None:
    """With the bucket away and the buffer full, the engine's own files hold the lines: late, but none is lost."""
    told = {"COLLECTOR_BUFFER_BYTES": "100000", "WORKSHOP_SESSION": bucket.stack.session.identity.session}
    bucket.stack.stop("collector")
    network = bucket.stack.session.engine.client.networks.get(f"{bucket.stack.project}_default")
    try:
        with another(bucket, environment=told) as small, write(bucket, "patient", 20_000, rate=10_000) as writer:
            network.disconnect(small.container)
            writer.wait_ended(within_seconds=60)
            small.wait_until(lambda: '"full": true' in small.exec("cat", "/tmp/state.json").output, what="stop reading")
            network.connect(small.container)
            assert log_bucket.flush(small.container, 60) is None
            assert_whole(bucket, "patient", list(range(20_000)))
    finally:
        bucket.stack.up("collector")


@pytest.mark.long
def test_the_socket_does_where_the_folder_cannot_be_mounted(bucket: LogBucket) -> None:
    """By way of the engine's API: the same lines, whole, once each, also when the collector is killed meanwhile."""
    socket = bucket.stack.session.engine.endpoint.socket
    own = like(bucket.stack.container("collector"))
    binds = (f"{socket}:/engine:ro", *(bind for bind in own.binds if not bind.endswith(":/engine:ro")))
    bucket.stack.stop("collector")
    try:
        with another(bucket, binds=binds) as by_api, write(bucket, "by-api", 10_000, rate=2_500) as writer:
            until(begun(bucket, "by-api"), by_api.container)
            by_api.container.kill()
            by_api.container.start()
            writer.wait_ended(within_seconds=60)
            wait_running(by_api.container, within_seconds=60)
            assert log_bucket.flush(by_api.container, 60) is None
            assert '"source": "api"' in by_api.exec("cat", "/tmp/state.json").output
            assert_whole(bucket, "by-api", list(range(10_000)))
    finally:
        bucket.stack.up("collector")


@pytest.mark.long
def test_what_is_missing_is_named(bucket: LogBucket) -> None:
    """Without a setting or without the engine's logs it exits and names what is missing."""
    with another(bucket, environment={"COLLECTOR_KEY_FILE": ""}) as refused:
        assert refused.wait_ended().code == 1
        assert "COLLECTOR_KEY_FILE" in refused.log_tail()
    own = like(bucket.stack.container("collector"))
    binds = tuple(bind for bind in own.binds if not bind.endswith(":/engine:ro"))
    with another(bucket, binds=binds) as blind:
        assert blind.wait_ended().code == 1
        assert "No such file or directory: '/engine'" in blind.log_tail()
