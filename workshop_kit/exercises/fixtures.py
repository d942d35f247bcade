"""Fixtures of the exercises in notebooks: images, containers and incidents with seeded content.

A fixture is the names of what an exercise is about, by which its check finds it again: ``image``, ``container`` …
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from docker.errors import NotFound

from workshop_kit.display.live import NotebookReport
from workshop_kit.engine import containers, recipes
from workshop_kit.engine.containers import Running, Spec
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.recipes import REPOSITORY
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises import incidents
from workshop_kit.observe.stats import Meter, Usage
from workshop_kit.observe.watch import frame
from workshop_kit.progress import Step

MB = 1_000_000
SMALL_MEMORY_BYTES = 32 * 1024 * 1024
NAMES = ("customers", "invoices", "orders", "reports", "stock", "suppliers")
GOOD_LINES = 60
ITEMS = ("tea", "coffee\u2028to go", "scones", "jam\u0085jam", "biscuits")
"""What customers order. Two items hold a character at which `str.splitlines` splits, and a log does not."""
WATCH_SECONDS, INTERVAL_SECONDS = 3.0, 0.5
USAGE_COLUMNS = ["time", "container", "cpu_percent", "throttled_percent", "throttled_periods", "memory_bytes", "pids"]
WORK = """
import sys, time
burst, light, burst_seconds, light_seconds = map(float, sys.argv[1:])

def use(share, seconds):
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        began, used = time.monotonic(), time.thread_time()
        while time.thread_time() - used < share * 0.02:
            pass
        time.sleep(max(0.0, began + 0.02 - time.monotonic()))

while True:
    use(burst, burst_seconds)
    use(light, light_seconds)
"""
"""Keeps a core busy for a share of its time: one share for some seconds, then the other, and so on."""


Fixture = dict[str, str]


def is_there(fixture: Fixture, engine: Engine) -> bool:
    """Ask the engine whether a fixture still exists: a jump to another lesson removes it."""
    try:
        if "container" in fixture:
            engine.client.containers.get(fixture["container"])
        if "image" in fixture:
            engine.client.images.get(fixture["image"])
    except NotFound:
        return False
    return True


def container_layer(stack: Stack, random: Random) -> Fixture:
    """Load a small image in which one layer deletes a large file of an earlier layer.

    The layers are written by hand, after the OCI image specification: nothing is built.
    """
    big, small, other = random.sample(NAMES, 3)
    layers = {
        "COPY base /": {"etc/os-release": 400, "usr/bin/service": random.randint(2, 3) * MB},
        f"COPY {small}.csv /srv/data/": {f"srv/data/{small}.csv": random.randint(50, 400) * 1000},
        f"COPY {big}.dump /srv/import/": {f"srv/import/{big}.dump": random.randint(5_000, 9_000) * 1000},
        f"RUN import /srv/import/{big}.dump": {f"srv/data/{big}.db": random.randint(900, 1_800) * 1000},
        f"RUN rm /srv/import/{big}.dump": {f"srv/import/.wh.{big}.dump": 0},
        f"COPY {other}.csv /srv/data/": {f"srv/data/{other}.csv": random.randint(50, 400) * 1000},
    }
    session, tag = stack.session, f"{REPOSITORY}/exercise:{secrets.token_hex(6)}"
    session.engine.client.images.load(_archive(layers, tag, session.labels("kernel")))
    session.record("image", str(session.engine.client.images.get(tag).id), tag, "kernel")
    return {"image": tag}


def container_loss(stack: Stack, random: Random) -> Fixture:
    """Start a container that has written files to its writable layer, a tmpfs and a volume."""
    first, second, third, fourth = random.sample(NAMES, 4)
    write = [f"/srv/{first}.csv", f"/var/log/{second}.log", f"/tmp/{third}.cache", f"/data/{fourth}.db"]  # noqa: S108
    commands = " && ".join(f"echo {path} > {path}" for path in write)
    shell = ("sh", "-c", f"{commands} && exec sleep 3600")
    running = _run_small(stack, *shell, read_only=False, volumes=("/data",))
    running.wait_until(lambda: running.exec("test", "-e", write[-1]).exit_code == 0, what="write its files")
    return {"container": running.id}


def logging_cause(stack: Stack, random: Random) -> Fixture:
    """Inject an incident: ten seconds of customers, with a fault in the middle."""
    incident = incidents.inject(stack, random, NotebookReport())
    return {"incident": incident.id, "container": incident.container}


def logging_parse(stack: Stack, random: Random) -> Fixture:
    """Start a container, and wait until it has written lines of every kind."""
    text = "".join(f"{line}\n" for line in mixed_lines(random))
    shell = ("sh", "-c", 'printf %s "$LINES_TO_WRITE" | base64 -d; exec sleep 3600')
    running = _run_small(stack, *shell, environment={"LINES_TO_WRITE": base64.b64encode(text.encode()).decode()})
    running.wait_until(lambda: running.container.logs() == text.encode(), what="write its lines")
    return {"container": running.id}


def logging_percentiles(stack: Stack, random: Random) -> Fixture:
    """Return the latest incident of the workspace whose log still exists; else inject one."""
    service = stack.container("service")
    for incident in reversed(incidents.all_kept(stack.session)):
        if incident.container == service.id:
            return {"incident": incident.id, "container": incident.container}
    return logging_cause(stack, random)


def monitoring_throttled(stack: Stack, random: Random) -> Fixture:
    """Watch three containers: one wants more than its limit, one wants more than that and may have it, one waits."""
    burst_seconds = random.choice((0.4, 0.5, 0.6, 0.7))
    workers = [  # cores, and the arguments of WORK
        (0.05, 1.0, 0.02, burst_seconds, 1.0 - burst_seconds),  # throttled in the bursts
        (1.0, 0.45, 0.45, 1.0, 1.0),  # busy, below its limit
        (0.2, 0.02, 0.02, 1.0, 1.0),  # waits for another service
    ]
    random.shuffle(workers)
    program = ("python3", "-I", "-S", "-c", WORK)
    running = [_run_small(stack, *program, *map(str, work), cpus=cores, pids=10) for cores, *work in workers]
    return {"usage": _watch(stack, running), "container": running[0].id}


FIXTURES: Mapping[str, Callable[[Stack, Random], Fixture]] = {
    "container.layer": container_layer,
    "container.loss": container_loss,
    "logging.cause": logging_cause,
    "logging.parse": logging_parse,
    "logging.percentiles": logging_percentiles,
    "monitoring.throttled": monitoring_throttled,
}


def _archive(layers: Mapping[str, Mapping[str, int]], tag: str, labels: dict[str, str]) -> bytes:
    """Return an image in the format of ``docker load``; a layer is its instruction, and the sizes of its files."""
    blobs = [containers.archive_of({path: bytes(size) for path, size in files.items()}) for files in layers.values()]
    config = {
        "architecture": "amd64",  # it holds no program, so any machine may load it
        "os": "linux",
        "config": {"Labels": labels, "Cmd": ["nothing"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(blob).hexdigest()}" for blob in blobs]},
        "history": [{"created": "2019-05-18T00:00:00Z", "created_by": instruction} for instruction in layers],
    }
    names = [f"layer{number}.tar" for number in range(len(blobs))]
    manifest = [{"Config": "config.json", "RepoTags": [tag], "Layers": names}]
    parts = dict(zip(names, blobs, strict=True))
    parts |= {"config.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode()}
    return containers.archive_of(parts)


def _run_small(stack: Stack, *command: str, **options: Any) -> Running:
    """Run a command in a small container without a network; ``options`` are fields of `Spec`."""
    image = recipes.tags(stack.root)["base"]
    spec = Spec(image, command=command, network="none", memory_bytes=SMALL_MEMORY_BYTES, **options)
    return containers.run(stack.session, spec)


def _watch(stack: Stack, running: list[Running]) -> str:
    """Sample the three containers, called a, b and c, for some seconds; return the samples as JSON.

    There is a row for each half second and container, as in `observe.stats.Usage`; exercise and check read the same.
    """
    report = NotebookReport()
    meters = [(Meter(stack.session.engine, name), one.id) for name, one in zip("abc", running, strict=True)]
    rows: list[Usage] = []
    started = time.monotonic()
    while (gone := time.monotonic() - started) < WATCH_SECONDS:
        report(Step("Watch", gone / WATCH_SECONDS, "three containers at work"))
        rows += [meter.read(identifier) for meter, identifier in meters]
        time.sleep(INTERVAL_SECONDS)
    report(Step("Watch", 1.0, done=True))
    samples = frame(Usage, rows).dropna(subset=["cpu_percent"])
    return str(samples[USAGE_COLUMNS].to_json(orient="records", date_format="iso", date_unit="us"))


def mixed_lines(random: Random) -> list[str]:
    """Return `GOOD_LINES` orders as JSON objects, with one to three examples of each odd kind among them."""
    clock = datetime.now(UTC)
    lines: list[str] = []
    kinds = zip(*(_odd_lines(random, clock) for _ in range(3)), strict=True)
    odd = [example for examples in kinds for example in examples[: random.randint(1, 3)]]
    random.shuffle(odd)
    places = random.sample(range(1, GOOD_LINES), len(odd))
    for number in range(GOOD_LINES):
        clock += timedelta(milliseconds=random.randint(1, 400))
        if number in places:
            lines += odd.pop()
        lines.append(_order(random, clock))
    return lines


def _order(random: Random, clock: datetime) -> str:
    record = {
        "ts": clock.isoformat(timespec="milliseconds"),
        "level": "info",
        "msg": "order placed",
        "request_id": f"{random.getrandbits(64):016x}",
        "item": random.choice(ITEMS),
        "quantity": random.randint(1, 9),
    }
    return json.dumps(record, ensure_ascii=False)


def _odd_lines(random: Random, clock: datetime) -> list[list[str]]:
    """Return an example of each kind of lines that are no JSON objects, or only look like one."""
    order, depth = _order(random, clock), random.randint(1, 3)
    calls = [part for n in range(depth) for part in (f'  File "orders.py", line {n + 40}, in step_{n}', "    pay()")]
    return [
        [order[: random.randint(40, len(order) - 2)]],  # cut short
        [f'{order[:-1]}, "discount": NaN}}'],
        [f'{order[:-1]}, "quantity": {random.randint(10, 99)}}}'],  # a key twice
        ["Traceback (most recent call last):", *calls, f"TimeoutError: bank {random.randint(1, 9)} sleeps"],
        [f"{clock:%H:%M:%S} WARN retrying in {random.randint(1, 9)} s"],
        [random.choice(("null", "42", '["done"]'))],
        [""],
    ]
