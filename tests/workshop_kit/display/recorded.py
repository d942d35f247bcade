"""Recorded tables and log lines of two minutes of a service: its cache is paused, then it is killed for memory."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pandas as pd

from workshop_kit.display.panels import PANELS
from workshop_kit.display.timeline import Timeline
from workshop_kit.observe import events, stats
from workshop_kit.observe.scrape import Health, Traffic
from workshop_kit.observe.watcher import Tables, frame

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
SECONDS = 120
EDGE = (NOON + timedelta(seconds=SECONDS)).timestamp()
PAUSED = range(50, 75)
DEAD = range(90, 97)


@dataclass
class Broken:
    """A fault, as a timeline takes it."""

    fault: str
    target: str
    started: datetime
    ended: datetime | None


def at(seconds: float) -> datetime:
    """That many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


FAULT = Broken("pause", "redis", at(PAUSED.start), at(PAUSED.stop))


def tables(dependency: str = "redis") -> Tables:
    """The watcher's tables of one container."""
    name = "service"
    requests = []
    usage = []
    health = []
    for second in range(SECONDS):
        moment = at(second)
        bad = second in PAUSED
        if second in DEAD:
            requests.append(Traffic(moment, name))
            usage.append(stats.Usage(moment, name, "stopped"))
            health += [Health(moment, name, what, "no answer") for what in ("/livez", "/health")]
            continue
        took = (800, 2000, 2300) if bad else (4, 12, 30)
        requests.append(Traffic(moment, name, 20, 12 if bad else 0, 1, 60 if bad else 0, *took))
        usage.append(
            stats.Usage(moment, name, "running", 25, 0, (60 + second) * 2**20, 256 * 2**20, cpu_limit_percent=50)
        )
        for what in ("/livez", "/health", dependency):
            health.append(Health(moment, name, what, "fail" if bad and what != "/livez" else "pass"))
    happened = [
        events.Event(at(61), "redis", "r", "health_status", "unhealthy"),
        events.Event(at(89.9), "service", "s", "oom"),
        events.Event(at(90), "service", "s", "die", "", 137),
        events.Event(at(96), "service", "s", "start"),
        events.Event(at(97), "a load generator", "l", "die", "", 0),
        events.Event(at(98), "service", "s", "pause"),
    ]
    return Tables(
        frame(Traffic, requests),
        frame(stats.Usage, usage),
        frame(Health, health),
        frame(events.Event, happened),
    )


def lines() -> pd.DataFrame:
    """Its log lines: one a second, a warning each while the cache is paused, and an error in capitals."""
    rows: list[tuple[datetime, str | None]] = [(at(second + 0.25), "info") for second in range(SECONDS)]
    rows += [(at(second + 0.5), "warning") for second in PAUSED]
    rows += [(at(89.8), "ERROR"), (at(89.9), None)]
    return pd.DataFrame(rows, columns=["ts", "level"])


def recorded_now() -> Timeline:
    """The recording as a figure, as if it had just ended."""
    shift = timedelta(seconds=time.time() - EDGE)
    moved = Tables(*(table.assign(time=table["time"] + shift) for table in vars(tables()).values()))
    fault = Broken(FAULT.fault, FAULT.target, FAULT.started + shift, at(PAUSED.stop) + shift)
    now = at(SECONDS) + shift
    return Timeline(
        "Live", "service", moved.measurements(), at(0) + shift, now, PANELS, moved.health, moved.events, [fault]
    )
