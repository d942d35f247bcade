"""Ask one container everything at once, once a second, as anybody outside could: four requests, nothing kept open."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from workshop_kit.observe.probes import Answer
from workshop_kit.observe.watch.health import PROBE_PATHS, Health, of_dependencies, of_probe
from workshop_kit.observe.watch.traffic import NO_ANSWER, NO_METRICS, Counters, Traffic, parse, traffic

TIMEOUT_SECONDS = 2.0
"""Longer than the second that a health check may take; no answer by then is none."""
MOST_BYTES = 1 << 20
METRICS = "/metrics"
WHO = {"User-Agent": "workshop-watch"}


@dataclass(frozen=True)
class Round:
    """What one round of questions found."""

    traffic: Traffic
    health: tuple[Health, ...]
    counters: Counters | None


def client() -> httpx.AsyncClient:
    """A client that opens a connection for each question, as probes do: a kept one can be stale, and tells less."""
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_SECONDS, limits=limits, headers=WHO)


async def ask_round(
    web: httpx.AsyncClient, url: str, name: str, before: Counters | None, *, metrics_too: bool = True
) -> Round:
    """Ask the three probes and the metrics, all at once; ``before`` is what the metrics said the last time.

    A service without metrics logs a line for every question: ask it ``metrics_too`` only now and then.
    """
    asked = datetime.now(tz=UTC)
    paths = (*PROBE_PATHS, METRICS) if metrics_too else PROBE_PATHS
    answers = await asyncio.gather(*(_ask(web, url, path) for path in paths))
    metrics = answers.pop() if metrics_too else Answer(f"GET {METRICS}", 404, "", 0.0)
    told = asked + timedelta(seconds=metrics.seconds)  # not when the last answer came: the slow ones come later
    counters = parse(metrics.body, told) if metrics.ok else None
    if counters is not None:
        seen = traffic(before, counters, name)
    else:
        seen = Traffic(asked, name, NO_ANSWER if metrics.status is None else NO_METRICS)
    return Round(seen, tuple(_health(answers, counters, name, asked)), counters or before)


def silent_round(name: str, why: str, before: Counters | None) -> Round:
    """The same for a container that does not run: there is nobody to ask."""
    now = datetime.now(tz=UTC)
    nothing = (Answer(f"GET {path}", None, None, 0.0, why) for path in PROBE_PATHS)
    health = tuple(of_probe(one, path, name, now) for one, path in zip(nothing, PROBE_PATHS, strict=True))
    return Round(Traffic(now, name, NO_ANSWER), health, before)


def _health(answers: list[Answer], counters: Counters | None, name: str, asked: datetime) -> list[Health]:
    rows = [of_probe(one, path, name, asked) for one, path in zip(answers, PROBE_PATHS, strict=True)]
    rows += of_dependencies(answers[-1], counters.dependencies if counters else {}, name, asked)
    return rows


async def _ask(web: httpx.AsyncClient, url: str, path: str) -> Answer:
    started = time.monotonic()
    asked = f"GET {path}"
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS), web.stream("GET", url + path) as response:
            body = b""
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > MOST_BYTES:
                    break
    except (httpx.TimeoutException, TimeoutError):
        return Answer(asked, None, None, time.monotonic() - started, "no answer in time")
    except httpx.HTTPError as error:
        reason = (
            "connection refused" if isinstance(error, httpx.ConnectError) else f"no answer ({type(error).__name__})"
        )
        return Answer(asked, None, None, time.monotonic() - started, reason)
    text = body.decode(errors="replace")
    return Answer(asked, response.status_code, text if path == METRICS else _parsed(text), time.monotonic() - started)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
