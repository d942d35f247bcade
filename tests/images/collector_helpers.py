"""Helpers for tests of the collector: a workspace with its bucket, numbered lines, kills and network cuts."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import APIError

from workshop_kit.engine import cleanup, containers, images, log_bucket, reach
from workshop_kit.engine.containers import Running
from workshop_kit.engine.labels import SERVICE
from workshop_kit.engine.log_bucket import LogBucket
from workshop_kit.engine.spec import Spec
from workshop_kit.workspace import provision
from workshop_kit.workspace.folder import Workspace

ROOT = Path(__file__).resolve().parents[2]

# Lines on a schedule: however slow the machine, never faster than the rate.
WRITER = """
import json, sys, time
total, rate, size = map(int, sys.argv[1:])
start = time.monotonic()
for n in range(total):
    stream = sys.stderr if n % 5 == 0 else sys.stdout
    stream.write(json.dumps({"n": n, "msg": "x" * (40_000 if n % 5_000 == 1 else n % size)}) + "\\n")
    if n % 100 == 0:
        sys.stdout.flush()
        time.sleep(max(0, start + n / rate - time.monotonic()))
"""


@contextlib.contextmanager
def a_bucket(folder: Path) -> Iterator[LogBucket]:
    """Start collector and parameter store in a workspace of its own; remove everything afterwards."""
    workspace = Workspace.open(folder)
    session = provision.session_of(workspace, reach.connect())
    try:
        yield log_bucket.start(provision.stack_of(workspace, session))
    finally:
        assert cleanup.remove(session, {"kernel", "workspace"}).left == []


def write(
    bucket: LogBucket, name: str, total: int, *, rate: int = 5_000, size: int = 120, log: dict[str, str] | None = None
) -> Running:
    """Start a container that writes numbered lines, some of them in pieces; its logs go to the service ``name``."""
    image = images.tags(ROOT)["base"]
    command = ("python3", "-c", WRITER, str(total), str(rate), str(size))
    host = {"LogConfig": {"Type": "json-file", "Config": log}} if log else {}
    return containers.run(bucket.stack.session, Spec(image, command=command, labels={SERVICE: name}, host=host))


@dataclass(frozen=True)
class Collected:
    """The numbers of a service's lines in the bucket, in the order of their keys, its GAP records, and torn lines."""

    numbers: list[int]
    gaps: list[dict[str, Any]]
    torn: int

    @property
    def twice(self) -> int:
        """The number of duplicate lines."""
        return len(self.numbers) - len(set(self.numbers))


def collected(bucket: LogBucket, service: str) -> Collected:
    """Read a service's objects, each by itself: no line may begin in one and end in another."""
    numbers: list[int] = []
    gaps: list[dict[str, Any]] = []
    torn = 0
    for key in bucket.objects():
        if key.split("/")[2] == service:
            body = bucket.client().get_object(Bucket=bucket.bucket, Key=key)["Body"].read()
            for line in _lines(gzip.decompress(body), key):
                try:
                    record = json.loads(line)
                except ValueError:
                    torn += 1
                    continue
                if record["msg"] == "GAP":
                    gaps.append(record)
                else:
                    numbers.append(record["n"])
    return Collected(numbers, gaps, torn)


def _lines(content: bytes, key: str) -> Iterator[str]:
    begun: dict[str, str] = {}
    for record in map(json.loads, content.split(b"\n")[:-1]):
        assert set(record["attrs"]) == {"environment", "service", "container"}
        assert record["time"][:13] == re.sub(r".*/(\d+)/(\d+)/(\d+)/(\d+)/.*", r"\1-\2-\3T\4", key)
        text = begun.pop(record["stream"], "") + record["log"]
        if text.endswith("\n"):
            yield text
        else:
            begun[record["stream"]] = text
    yield from begun.values()


def kill_and_start(bucket: LogBucket, away_seconds: float = 0.5) -> None:
    """Kill the collector, start it again after a while, and wait until it reads logs."""
    collector = bucket.stack.container("collector")
    collector.kill()
    time.sleep(away_seconds)
    collector.start()
    wait_running(collector, within_seconds=60)


@contextlib.contextmanager
def bucket_away(bucket: LogBucket, service: str = "collector") -> Iterator[None]:
    """Take the collector off the network on which its bucket is. The bucket itself lives in memory, and stays."""
    network = bucket.stack.session.engine.client.networks.get(f"{bucket.stack.project}_default")
    collector = bucket.stack.container(service)
    network.disconnect(collector)
    try:
        yield
    finally:
        network.connect(collector, aliases=[service])


def wait_running(collector: Any, within_seconds: float = 20) -> None:
    """Wait until a starting collector reads logs."""
    deadline = time.monotonic() + within_seconds
    while True:
        try:
            if collector.exec_run(["cat", "/tmp/state.json"]).exit_code == 0:
                return
        except APIError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.1)
