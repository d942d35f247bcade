"""Ask one container for its probes and its metrics, all at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from workshop_kit.observe import http
from workshop_kit.observe.http import Answer
from workshop_kit.observe.watch.health import PROBE_PATHS, Health, of_dependencies, of_probe
from workshop_kit.observe.watch.traffic import NO_ANSWER, NO_METRICS, Counters, Traffic, parse, traffic

METRICS_PATH = "/metrics"
USER_AGENT = {"User-Agent": "workshop-watch"}


@dataclass(frozen=True)
class Scrape:
    """The answers of one container at one time."""

    traffic: Traffic
    health: tuple[Health, ...]
    counters: Counters | None


def scrape(
    pool: ThreadPoolExecutor, url: str, name: str, before: Counters | None, *, with_metrics: bool = True
) -> Scrape:
    """Ask the three probes and the metrics; ``before`` are the counters of the scrape before.

    A service without metrics logs a line for every request to them: ask it ``with_metrics`` only now and then.
    """
    asked = datetime.now(tz=UTC)
    paths = (*PROBE_PATHS, METRICS_PATH) if with_metrics else PROBE_PATHS
    answers = list(pool.map(lambda path: http.get(url + path, headers=USER_AGENT), paths))
    metrics = answers.pop() if with_metrics else Answer(404)
    counters = parse(metrics.body, asked + timedelta(seconds=metrics.seconds)) if metrics.ok else None
    if counters is not None:
        seen = traffic(before, counters, name)
    else:
        seen = Traffic(asked, name, NO_ANSWER if metrics.status is None else NO_METRICS)
    health = [of_probe(one, path, name, asked) for one, path in zip(answers, PROBE_PATHS, strict=True)]
    health += of_dependencies(answers[-1], counters.dependencies if counters else {}, name, asked)
    return Scrape(seen, tuple(health), counters or before)


def without_answer(name: str, why: str, before: Counters | None) -> Scrape:
    """The scrape of a container that does not run."""
    now = datetime.now(tz=UTC)
    health = tuple(of_probe(Answer(None, error=why), path, name, now) for path in PROBE_PATHS)
    return Scrape(Traffic(now, name, NO_ANSWER), health, before)
