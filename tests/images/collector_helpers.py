"""Helpers for tests of the collector: a workspace with its bucket, numbered lines, kills and network cuts."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from docker.errors import APIError

from tests.conftest import own_stack
from workshop_kit.engine import containers, log_bucket, recipes
from workshop_kit.engine.containers import Running, Spec
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


@contextlib.contextmanager
def a_bucket(folder: Path) -> Iterator[LogBucket]:
    """Start collector and parameter store in a workspace of its own; remove everything afterwards."""
    with own_stack(folder) as stack:
        yield log_bucket.start(stack)


def write(bucket: LogBucket, name: str, total: int, *, rate: int = 100_000) -> Running:
    """Start a container that writes numbered lines, some of them in pieces; its logs go to the service ``name``."""
    command = ("python3", "-c", WRITER, str(total), str(rate))
    spec = Spec(recipes.tags(CHECKOUT)["base"], command=command, labels={SERVICE: name})
    return containers.run(bucket.stack.session, spec)


def keys_of(bucket: LogBucket, service: str) -> list[str]:
    """The keys of a service's objects."""
    return [key for key in bucket.objects() if key.split("/")[2] == service]


def collected(bucket: LogBucket, service: str) -> list[pd.DataFrame]:
    """A service's lines in the bucket, each object by itself: no line may begin in one and end in another."""
    return [logs.read_json_file(bucket.content(key.removeprefix(bucket.prefix))) for key in keys_of(bucket, service)]


def numbers_of(frames: list[pd.DataFrame]) -> list[int]:
    """The numbers of collected lines, sorted."""
    numbered = [frame["n"].dropna() for frame in frames if "n" in frame]
    return sorted(int(number) for numbers in numbered for number in numbers)


def gaps_of(frames: list[pd.DataFrame]) -> list[dict[str, Any]]:
    """The GAP records among collected lines."""
    gaps: list[dict[str, Any]] = []
    for frame in frames:
        is_gap = frame["msg"].eq("GAP").fillna(value=False)
        gaps += map(json.loads, frame.loc[is_gap, "raw"])
    return gaps


def assert_whole(bucket: LogBucket, service: str, total: int) -> None:
    """Assert that each line is in the bucket once, in one piece, and nothing else."""
    frames = collected(bucket, service)
    assert numbers_of(frames) == list(range(total))
    assert sum(map(len, frames)) == total


def kill_and_start(collector: Any, away_seconds: float = 0.5) -> None:
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
