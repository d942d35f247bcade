"""Answers of ``/livez``, ``/readyz`` and ``/health`` → states: what an orchestrator would conclude, and why. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workshop_kit.observe.http import Answer
from workshop_kit.screen import visible

PROBE_PATHS = ("/livez", "/readyz", "/health")
PASS, WARN, FAIL, NO_ANSWER = "pass", "warn", "fail", "no answer"
STATES = (PASS, WARN, FAIL, NO_ANSWER)
MOST_DEPENDENCIES = 12
MOST_CHARACTERS = 120


@dataclass(frozen=True)
class Health:
    """How one thing was when it was asked: ``what`` is a probe's path, or a dependency's name as ``/health`` says it.

    ``state``: ``pass`` and ``warn`` are answers from 200 to 399, told apart by the body; ``fail`` any other answer;
    ``no answer`` is none within the time limit. ``status`` is the HTTP status, missing for a dependency and without an
    answer; ``milliseconds`` how long the answer took, for a dependency its ping; ``detail`` why, in a few words.
    """

    time: datetime
    container: str
    what: str
    state: str
    status: int | None = None
    milliseconds: float = math.nan
    detail: str = ""


def of_probe(answer: Answer, path: str, container: str, time: datetime) -> Health:
    """The state that follows from a probe's answer: the status decides, as it does for who acts on it."""
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
    """What ``/health`` says of each dependency (draft-inadarei-api-health-check-06), else what ``/metrics`` says of it.

    A service that says nothing gives no row: that it does not answer is no news of its database.
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
