"""The collector: whatever dies, no line is lost and none is there twice; where that cannot be promised, it says so."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from docker.errors import NotFound

from tests.images.collecting import (
    a_bucket,
    bucket_away,
    collected,
    kill_and_start,
    kill_part,
    known_to_the_engine,
    wait_running,
    write,
)
from tests.images.seen import confinement
from workshop_kit.engine import containers
from workshop_kit.engine.containers import Running
from workshop_kit.engine.labels import SERVICE
from workshop_kit.engine.log_bucket import LogBucket
from workshop_kit.engine.spec import Spec, like
from workshop_kit.errors import WorkshopError

pytestmark = pytest.mark.engine

NOT_COLLECTED = {"workshop.collect": "no"}
SMALL = {"max-size": "1m", "max-file": "3"}


# The reader is stopped before: it would write its checkpoint anew.
DESTROY = """
import os, pathlib, signal
for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
    try:
        words = path.read_bytes()
    except OSError:  # it has just ended
        continue
    if words.endswith(b"collector\\0read\\0"):
        pid = int(path.parent.name)
        os.kill(pid, signal.SIGSTOP)
        pathlib.Path("/var/lib/collector/checkpoint.json").write_text("{")
        os.kill(pid, signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory, images: dict[str, str]) -> Iterator[LogBucket]:
    """A bucket with a collector."""
    with a_bucket(tmp_path_factory.mktemp("collector") / "workspace") as made:
        yield made


def another(bucket: LogBucket, **changes: object) -> Running:
    """A second collector beside the stack's, with some of what it is told changed."""
    own = like(bucket.stack.container("collector"))
    environment = {**own.environment, **changes.pop("environment", {})}  # type: ignore[dict-item]
    spec = like(
        bucket.stack.container("collector"),
        **{"volumes": ("/var/lib/collector",), "labels": NOT_COLLECTED, "environment": environment, **changes},
    )
    return containers.run(bucket.stack.session, spec)


def test_it_is_root_without_any_power(bucket: LogBucket) -> None:
    """Its user is root, whose files the logs are, and the kernel grants it nothing beyond that."""
    first = confinement(bucket.stack.container("collector"))
    assert set(first["Uid"].split()) == {"0"}
    assert int(first["CapEff"], 16) == int(first["CapBnd"], 16) == 0
    assert first["NoNewPrivs"] == "1"


def test_each_part_killed_once_under_load(bucket: LogBucket) -> None:
    """200,000 lines; reader, uploader and collector killed, the network cut, a writer killed: 0 lost, 0 twice."""
    writer, victim = write(bucket, "writer", 200_000, rate=12_000), write(bucket, "victim", 100_000)
    collector = bucket.stack.container("collector")
    with writer, victim:
        time.sleep(1)
        kill_part(collector, "read")
        time.sleep(1)
        kill_part(collector, "upload")
        time.sleep(0.5)
        with bucket_away(bucket):
            time.sleep(1.5)
            kill_and_start(bucket)
            victim.container.kill()
            time.sleep(0.5)
        writer.wait_ended(within_seconds=120)
        wait_running(collector)
        bucket.wait_collected(60)
        assert sorted(collected(bucket, "writer").numbers) == list(range(200_000))
        assert sorted(collected(bucket, "victim").numbers) == known_to_the_engine(victim)
        assert collected(bucket, "writer").gaps == collected(bucket, "victim").gaps == []


def test_while_the_bucket_is_away_lines_wait_on_the_disk(bucket: LogBucket) -> None:
    """The wait is said, with its reason, in one sentence; the collector stays healthy, and everything arrives."""
    with bucket_away(bucket), write(bucket, "waiting", 1_000, rate=100_000) as writer:
        writer.wait_ended()
        with pytest.raises(WorkshopError, match="the bucket has been away since"):
            bucket.wait_collected(3)
        assert bucket.status().waiting_parts > 0
        wait_running(bucket.stack.container("collector"))
    bucket.wait_collected()
    assert sorted(collected(bucket, "waiting").numbers) == list(range(1_000))
    assert bucket.status().away_since is None


@pytest.mark.alone
def test_rotation_is_followed(bucket: LogBucket) -> None:
    """A log that is rotated many times while it is read arrives whole."""
    with write(bucket, "rotating", 60_000, rate=20_000, size=300, log=SMALL) as writer:
        writer.wait_ended(within_seconds=60)
        bucket.wait_collected()
        found = collected(bucket, "rotating")
        assert sorted(found.numbers) == list(range(60_000))
        assert (found.gaps, found.torn) == ([], 0)


@pytest.mark.alone
def test_a_rotation_that_outran_the_reader_leaves_a_gap(bucket: LogBucket) -> None:
    """What was rotated away while the collector was frozen is lost, and a GAP says between which times."""
    with write(bucket, "outrun", 80_000, rate=20_000, size=300, log=SMALL) as writer:
        time.sleep(1.5)
        collector = bucket.stack.container("collector")
        collector.pause()
        writer.wait_ended(within_seconds=60)
        collector.unpause()
        bucket.wait_collected()
        found = collected(bucket, "outrun")
    assert found.twice == 0
    assert 0 < len(found.numbers) < 80_000
    assert found.torn <= 2  # a line in pieces may have lost some of them
    assert len(found.gaps) == 1
    (gap,) = found.gaps
    assert gap["level"] == "error"
    assert gap["from"] < gap["to"]
    assert "rotated" in gap["reason"]


def test_a_container_removed_while_the_collector_was_away_leaves_a_gap(bucket: LogBucket) -> None:
    """Nobody can say what it wrote at the end: a GAP, once. One that was read before it was removed leaves none."""
    with write(bucket, "in-time", 1_000, rate=100_000) as writer:
        writer.wait_ended()
        bucket.wait_collected()
    with write(bucket, "too-early", 100_000) as writer:
        time.sleep(1)
        bucket.wait_collected()
        bucket.stack.stop("collector")
    for _ in range(2):
        bucket.stack.container("collector").start()
        wait_running(bucket.stack.container("collector"))
        bucket.wait_collected()
        bucket.stack.container("collector").restart()
    wait_running(bucket.stack.container("collector"))
    assert collected(bucket, "in-time").gaps == []
    assert [gap["reason"] for gap in collected(bucket, "too-early").gaps] == [
        "the container was removed while the collector was away"
    ]


def test_a_container_removed_at_once_is_read_to_its_end(bucket: LogBucket) -> None:
    """Removed a moment after its last line, its log is read all the same: the collector holds the file open."""
    with write(bucket, "short", 5_000, rate=100_000) as writer:
        writer.wait_ended()
        time.sleep(0.3)
    with pytest.raises(NotFound):
        bucket.stack.session.engine.client.containers.get(writer.id)
    bucket.wait_collected()
    assert sorted(collected(bucket, "short").numbers) == list(range(5_000))


def test_lines_of_another_session_are_left_alone(bucket: LogBucket, images: dict[str, str]) -> None:
    """A collector for another session reads no line of ours; and none ever reads its own."""
    told = {"WORKSHOP_SESSION": f"{bucket.stack.session.who.session}0"}
    with another(bucket, environment=told) as stranger, write(bucket, "ours", 1_000, rate=100_000) as writer:
        writer.wait_ended()
        wait_running(stranger.container)
        assert '"containers": 0' in stranger.exec("python3", "-m", "collector", "flush", "60").output
        assert '"collected": true' in stranger.exec("python3", "-m", "collector", "status").output
        bucket.wait_collected()
        assert collected(bucket, "ours").twice == 0
    assert not [key for key in bucket.objects() if key.split("/")[2] == "collector"]


def test_a_full_buffer_makes_reading_wait(bucket: LogBucket) -> None:
    """With the bucket away and the buffer full, the engine's own files hold the lines: late, but none is lost."""
    told = {"COLLECTOR_BUFFER_BYTES": "100000", "WORKSHOP_SESSION": bucket.stack.session.who.session}
    bucket.stack.stop("collector")
    network = bucket.stack.session.engine.client.networks.get(f"{bucket.stack.project}_default")
    try:
        with another(bucket, environment=told) as small, write(bucket, "patient", 20_000, rate=10_000) as writer:
            network.disconnect(small.container)
            writer.wait_ended(within_seconds=60)
            small.wait_until(lambda: "buffer full" in small.log_tail(), what="say that the buffer is full")
            network.connect(small.container)
            assert small.exec("python3", "-m", "collector", "flush", "60").exit_code == 0
            assert sorted(collected(bucket, "patient").numbers) == list(range(20_000))
            assert "buffer has room again" in small.log_tail()
    finally:
        bucket.stack.start("collector")


def test_the_socket_does_where_the_folder_cannot_be_mounted(bucket: LogBucket) -> None:
    """By way of the engine's API: the same lines, whole, once each, also when the reader is killed meanwhile."""
    socket = bucket.stack.session.engine.endpoint.socket
    own = like(bucket.stack.container("collector"))
    binds = (f"{socket}:/engine:ro", *(bind for bind in own.binds if not bind.endswith(":/engine:ro")))
    bucket.stack.stop("collector")
    try:
        with another(bucket, binds=binds) as by_api, write(bucket, "by-api", 20_000) as writer:
            time.sleep(1.5)
            kill_part(by_api.container, "read")
            writer.wait_ended(within_seconds=60)
            wait_running(by_api.container)
            said = by_api.exec("python3", "-m", "collector", "flush", "60")
            assert (said.exit_code, '"source": "api"' in said.output) == (0, True), said.output
            found = collected(bucket, "by-api")
            assert sorted(found.numbers) == list(range(20_000))
            assert (found.gaps, found.torn) == ([], 0)
    finally:
        bucket.stack.start("collector")


def test_a_lost_checkpoint_leaves_a_gap_and_loses_nothing(bucket: LogBucket) -> None:
    """Whoever destroys the checkpoint has all lines collected once more; a GAP says that they may be there twice."""
    with write(bucket, "again", 1_000, rate=100_000) as writer:
        writer.wait_ended()
        bucket.wait_collected()
        collector = bucket.stack.container("collector")
        collector.exec_run(["python3", "-c", DESTROY])
        wait_running(collector)
        bucket.wait_collected()
        assert set(collected(bucket, "again").numbers) == set(range(1_000))
        assert "checkpoint was lost" in collected(bucket, "collector").gaps[0]["reason"]


@pytest.mark.parametrize("variable", ["WORKSHOP_SESSION", "COLLECTOR_KEY_FILE", "COLLECTOR_FLUSH_SECONDS"])
def test_what_it_is_not_told_it_asks_for(bucket: LogBucket, variable: str) -> None:
    """Without a setting it needs, or with one that makes no sense, it ends at once and names it."""
    with another(bucket, environment={variable: "0" if variable.endswith("SECONDS") else ""}) as refused:
        assert refused.wait_ended().code == 1
        assert variable in refused.log_tail()


def test_what_it_cannot_read_it_says_and_tries_again_ever_more_slowly(bucket: LogBucket) -> None:
    """Without the engine's logs it says so in a line, is not healthy, and does not fill its own log with that."""
    own = like(bucket.stack.container("collector"))
    binds = tuple(bind for bind in own.binds if not bind.endswith(":/engine:ro"))
    with another(bucket, binds=binds) as blind:
        blind.wait_until(lambda: "cannot read" in blind.log_tail(), what="say that it cannot read")
        time.sleep(3)
        assert "No such file or directory: '/engine'" in blind.log_tail()
        assert blind.log_tail(100).count("starting again") <= 5
        health = blind.exec("python3", "-I", "-S", "/app/collector/health.py")
        assert (health.exit_code, health.output) == (1, "the reader has not started yet\n")


def test_jq_is_in_the_image(bucket: LogBucket, images: dict[str, str]) -> None:
    """The lesson's everyday tool comes with the collector's image."""
    spec = Spec(images["collector"], entrypoint=("jq", "-n", "1+1"), labels={SERVICE: "jq"}, user="65534")
    with containers.run(bucket.stack.session, spec) as running:
        assert running.wait_ended().code == 0
        assert running.log_tail() == "2"
