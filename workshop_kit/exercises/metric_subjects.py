"""What ``monitoring.throttled`` is about: three containers at work."""

from __future__ import annotations

import json
import time
from random import Random
from typing import NamedTuple

import pandas as pd

from workshop_kit.display.notebook_progress import NotebookReport
from workshop_kit.engine import containers, images
from workshop_kit.engine.containers import Running
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.stack import Stack
from workshop_kit.observe.sampler import Sampler
from workshop_kit.progress import Step

Made = tuple[dict[str, str], Running]
"""The names by which a check finds it, and the container that it is about."""

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
            sampler.add(one.container.id, name)
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
