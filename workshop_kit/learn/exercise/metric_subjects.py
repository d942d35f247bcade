"""What the exercises on metrics are about: a Prometheus that remembers an incident, and three containers at work."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import NamedTuple

import pandas as pd

from workshop_kit.engine import containers, images
from workshop_kit.engine.containers import Running
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.stack import Stack
from workshop_kit.observe import promql
from workshop_kit.observe.sampler import Sampler
from workshop_kit.progress import Step
from workshop_kit.show.working import NotebookReport

Made = tuple[dict[str, str], Running]
"""The names by which a check finds it, and the container that it is about."""

SCRAPE_SECONDS = 5
PHASE_SECONDS = 300
AGO = timedelta(hours=2)
PAST, SETTINGS = "/tmp/past.txt", "/tmp/prometheus.yml"  # noqa: S108  # in the container
LIMITS = ("--storage.tsdb.retention.time=12h", "--query.timeout=5s", "--query.max-samples=1000000")
REMEMBER = (
    f"promtool tsdb create-blocks-from openmetrics {PAST} /tmp/prometheus 1>&2"
    f" && exec prometheus --config.file={SETTINGS} --storage.tsdb.path=/tmp/prometheus"
    f" --query.lookback-delta={3 * SCRAPE_SECONDS}s {' '.join(LIMITS)} --log.level=warn"
)
NAME = "http_requests_total"


class Phase(NamedTuple):
    """Five minutes of a service: the share of customers' requests that fail, and whether it has just been restarted."""

    failing: float
    restarted: bool = False


@dataclass(frozen=True)
class Past:
    """A Prometheus that remembers a service's requests from ``start`` to ``end`` (UTC), and watches nobody."""

    url: str
    start: datetime
    end: datetime

    def ask(self, query: str) -> pd.DataFrame:
        """What a query gave all the time: a column for each series, over the time.

        Where it gave nothing, a column without a value. Raises PromQLMistake for what is no PromQL.
        """
        rows = promql.query_range(self.url, query, self.start, self.end, SCRAPE_SECONDS)
        if rows.empty:
            return pd.DataFrame({"nothing": math.nan}, index=pd.DatetimeIndex([self.start, self.end], name="time"))
        labels = [column for column in rows.columns if column not in ("time", "metric", "value")]
        series = rows[labels].agg(lambda row: ", ".join(filter(None, row)), axis=1) if labels else "the ratio"
        return rows.assign(series=series).pivot_table(index="time", columns="series", values="value")

    def samples(self) -> pd.DataFrame:
        """The counters as they were scraped: columns time, route, status, value and the other labels."""
        seconds = round((self.end - self.start).total_seconds()) + SCRAPE_SECONDS
        return promql.query(self.url, f"{NAME}[{seconds}s]", self.end)


def remembering(stack: Stack, random: Random) -> Made:
    """A Prometheus of its own, with twenty minutes in it: quiet, trouble, quiet again, and a restart with trouble."""
    first, second = random.sample((0.04, 0.06, 0.09, 0.12, 0.16, 0.2), 2)
    phases = (Phase(0.0), Phase(first), Phase(0.0), Phase(second, restarted=True))
    start = (datetime.now(UTC) - AGO).replace(second=0, microsecond=0)
    spec = Spec(
        image=images.tags(stack.root)["prometheus"],
        entrypoint=("sh", "-c", REMEMBER),
        network=f"{stack.project}_default",
        ports=(9090,),
        volumes=("/tmp",),  # noqa: S108  # no tmpfs: a block begins as half a gigabyte, which costs a disk nothing
        tmpfs={},
        files={PAST: history(phases, start, random), SETTINGS: "global: {}\n"},
        memory_bytes=192 * 1024 * 1024,
    )
    running = containers.run(stack.session, spec)
    running.wait_ready("/-/ready", port=9090)
    return {"past": running.id, "since": start.isoformat()}, running


def past_of(running: Running, since: str) -> Past:
    """What such a container remembers; ``since`` as the exercise gives it."""
    start = datetime.fromisoformat(since)
    return Past(running.url(9090), start, start + timedelta(seconds=4 * PHASE_SECONDS))


def history(phases: tuple[Phase, ...], start: datetime, random: Random) -> str:
    """The counter of a service's requests over these phases, in the OpenMetrics format, with times."""
    counts: dict[tuple[str, str, str], int] = {}
    lines: dict[tuple[str, str, str], list[str]] = {}
    moment = start
    for phase in phases:
        if phase.restarted:
            counts = {}  # what a process counted goes with it
        for _ in range(PHASE_SECONDS // SCRAPE_SECONDS):
            for labels, more in _requests(phase, random).items():
                if more or labels in counts:
                    counts[labels] = counts.get(labels, 0) + more
            for labels, count in counts.items():
                lines.setdefault(labels, []).append(_sample(labels, count, moment))
            moment += timedelta(seconds=SCRAPE_SECONDS)
    text = "".join(line for series in lines.values() for line in series)
    return f"# TYPE {NAME.removesuffix('_total')} counter\n{text}# EOF\n"


def _requests(phase: Phase, random: Random) -> dict[tuple[str, str, str], int]:
    """How many requests came between two scrapes, by method, route and status. Probes come all the time, too."""
    orders, reads = random.randint(90, 110), random.randint(180, 220)
    failed_orders, failed_reads = round(orders * phase.failing), round(reads * phase.failing)
    return {
        ("POST", "/orders", "201"): orders - failed_orders,
        ("POST", "/orders", "503"): failed_orders,
        ("GET", "/orders/{order_id}", "200"): reads - failed_reads - reads // 10,
        ("GET", "/orders/{order_id}", "404"): reads // 10,  # a customer's mistake is none of ours
        ("GET", "/orders/{order_id}", "500"): failed_reads,
        ("GET", "/livez", "200"): 50,
        ("GET", "/readyz", "200"): 20,
        ("GET", "/readyz", "503"): 20,  # somebody's balancer asks an instance that is not ready
        ("GET", "/health", "503"): 20,
        ("GET", "/metrics", "200"): 1,
    }


def _sample(labels: tuple[str, str, str], count: int, moment: datetime) -> str:
    method, route, status = labels
    names = f'job="service",instance="service:8080",method="{method}",route="{route}",status="{status}"'
    return f"{NAME}{{{names}}} {count} {moment.timestamp():.3f}\n"


WATCH_SECONDS, LOOK_SECONDS = 3.0, 0.5
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
"""Keeps a core busy for a share of its time: first one share, then another, and so on."""


class Job(NamedTuple):
    """What a container does: its limit in cores, and the shares of a core that it wants in turn, each for so long."""

    cores: float
    burst: float
    light: float
    burst_seconds: float
    light_seconds: float


def at_work(stack: Stack, random: Random) -> Made:
    """Three containers: one wants more than its limit, one wants more than that and may have it, one waits."""
    burst_seconds = random.choice((0.4, 0.5, 0.6, 0.7))
    jobs = [
        Job(0.05, 1.0, 0.02, burst_seconds, 1.0 - burst_seconds),  # held back in the bursts
        Job(1.0, 0.45, 0.45, 1.0, 1.0),  # busy, below its limit
        Job(0.2, 0.02, 0.02, 1.0, 1.0),  # slow because it waits for somebody
    ]
    random.shuffle(jobs)
    running = [containers.run(stack.session, _worker(stack, job)) for job in jobs]
    return {"usage": _watched(stack, running)}, running[0]


def _worker(stack: Stack, job: Job) -> Spec:
    shares = (job.burst, job.light, job.burst_seconds, job.light_seconds)
    return Spec(
        image=images.tags(stack.root)["base"],
        command=("python3", "-I", "-S", "-c", WORK, *map(str, shares)),
        network="none",
        memory_bytes=32 * 1024 * 1024,
        cpus=job.cores,
        pids=10,
    )


def _watched(stack: Stack, running: list[Running]) -> str:
    """Watch the three, called a, b and c, for a while; return what they used as JSON, as the answer keeps it."""
    report = NotebookReport()
    with Sampler(stack.session.engine, interval_seconds=LOOK_SECONDS) as sampler:
        for name, one in zip("abc", running, strict=True):
            sampler.add(one.container, name)
        started = time.monotonic()
        while (gone := time.monotonic() - started) < WATCH_SECONDS:
            report(Step("Watch", gone / WATCH_SECONDS, "three containers at work"))
            time.sleep(0.25)
        report(Step("Watch", 1.0, done=True))
        seen = sampler.frame().dropna(subset=["cpu_percent"])
    return str(seen[USAGE_COLUMNS].to_json(orient="records", date_format="iso", date_unit="us"))


def usage_of(usage: str) -> pd.DataFrame:
    """What the three used while they were watched: a row for each half second and container.

    The columns mean what they do in `observe.stats.Usage`. The exercise and its check read the same table, so they
    speak of the same seconds.
    """
    found = pd.DataFrame(json.loads(usage), columns=USAGE_COLUMNS)
    return found.assign(time=pd.to_datetime(found["time"], utc=True, format="ISO8601"))
