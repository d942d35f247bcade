"""Ask a container for its probes and its metrics, and say what an orchestrator would conclude from the answers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from workshop_kit.observe import http
from workshop_kit.observe.http import Answer
from workshop_kit.observe.watch.traffic import NO_ANSWER, NO_METRICS, Counters, Traffic, parse, traffic_between
from workshop_kit.screen import visible

PROBE_PATHS = ("/livez", "/readyz", "/health")
PASS, WARN, FAIL = "pass", "warn", "fail"
STATES = (PASS, WARN, FAIL, NO_ANSWER)
MOST_DEPENDENCIES = 12
MOST_CHARACTERS = 120
METRICS_PATH = "/metrics"
USER_AGENT = {"User-Agent": "workshop-watch"}


@dataclass(frozen=True)
class Health:
    """The state of one probe or dependency: ``what`` is the probe's path, or the dependency's name in ``/health``.

    ``state``: ``pass`` and ``warn`` are answers from 200 to 399, told apart by the body; ``fail`` any other answer;
    ``no answer`` is none within the time limit. ``status`` is the HTTP status, missing for a dependency and without an
    answer; ``milliseconds`` how long the answer took, for a dependency its ping; ``detail`` the reason in a few words.
    """

    time: datetime
    container: str
    what: str
    state: str
    status: int | None = None
    milliseconds: float = math.nan
    detail: str = ""


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
        seen = traffic_between(before, counters, name)
    else:
        seen = Traffic(asked, name, NO_ANSWER if metrics.status is None else NO_METRICS)
    health = [of_probe(one, path, name, asked) for one, path in zip(answers, PROBE_PATHS, strict=True)]
    health += of_dependencies(answers[-1], counters.dependencies if counters else {}, name, asked)
    return Scrape(seen, tuple(health), counters or before)


def without_answer(name: str, why: str, before: Counters | None) -> Scrape:
    """Return the scrape of a container that does not run."""
    now = datetime.now(tz=UTC)
    health = tuple(of_probe(Answer(None, error=why), path, name, now) for path in PROBE_PATHS)
    return Scrape(Traffic(now, name, NO_ANSWER), health, before)


def of_probe(answer: Answer, path: str, container: str, time: datetime) -> Health:
    """Return the state that follows from a probe's answer: the status decides, as it does for an orchestrator."""
    milliseconds = round(answer.seconds * 1000, 1)
    if answer.status is None:
        return Health(time, container, path, NO_ANSWER, None, milliseconds, answer.error)
    told = answer.json()
    body = told if isinstance(told, Mapping) else {}
    said = body.get("status")
    state = (WARN if said == WARN else PASS) if answer.ok else FAIL
    detail = str(body.get("output", ""))
    if said in STATES and said != state:
        detail = f"says {said} with {answer.status}. {detail}".strip()
    return Health(time, container, path, state, answer.status, milliseconds, visible(detail, MOST_CHARACTERS))


def of_dependencies(answer: Answer, up: Mapping[str, bool], container: str, time: datetime) -> Iterator[Health]:
    """Yield the state of each dependency in ``/health`` (draft-inadarei-api-health-check-06), else in ``/metrics``.

    A service without an answer gives no row.
    """
    found = {
        **{name: (PASS if is_up else FAIL, math.nan) for name, is_up in up.items()},
        **dict(_checks(answer.json())),
    }
    for name, (state, milliseconds) in list(found.items())[:MOST_DEPENDENCIES]:
        yield Health(time, container, visible(name, 40), state, None, milliseconds)


def _checks(body: Any) -> Iterator[tuple[str, tuple[str, float]]]:
    checks = body.get("checks") if isinstance(body, Mapping) else None
    for key, entries in checks.items() if isinstance(checks, Mapping) else ():
        entry = entries[0] if isinstance(entries, list) and entries else entries
        state = entry.get("status") if isinstance(entry, Mapping) else None
        if state not in (PASS, WARN, FAIL):
            continue
        took = entry.get("observedValue") if entry.get("observedUnit") == "ms" else None
        yield str(key).partition(":")[0], (state, float(took) if isinstance(took, int | float) else math.nan)
