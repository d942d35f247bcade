"""What the checks on health.py share: a trial behind doors, and what an answer of /health says."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from workshop_kit.exercises import dependency_proxies, service_trial, trial_settings
from workshop_kit.exercises.check_api import Context
from workshop_kit.exercises.dependency_proxies import Doors
from workshop_kit.exercises.service_image import ServiceImage
from workshop_kit.exercises.trial import Trial
from workshop_kit.observe.http import Answer

WORKS = "/orders"
"""Answers 200 once the service works, and is asked without asking about health."""
SETTLE_SECONDS = 7.0  # far longer than the service keeps a report, for a machine on which pings come late
LOOK_SECONDS = 0.1
START_SECONDS = 20.0
DEADLINE_SECONDS = 60.0
"""Generous: a busy machine starts several containers for one check. On an idle one nothing waits for either."""


@contextlib.contextmanager
def behind(context: Context, *names: str) -> Iterator[tuple[Trial, Doors, ServiceImage]]:
    """Run the participant's health.py in a service that finds these dependencies behind doors."""
    trial_settings.ensure_up(context.stack, context.report)
    with (
        service_trial.built(context) as image,
        dependency_proxies.between(context.stack, *names) as between,
        service_trial.beside_stack(
            context, image, environment=between.environment, deadline_seconds=DEADLINE_SECONDS
        ) as tried,
    ):
        yield tried, between, image


def away(answer: Answer) -> set[str]:
    """The dependencies that an answer of /health names as not well, however it does."""
    body = answer.json()
    if not isinstance(body, dict):
        return set()
    checks = body.get("checks")
    entries = checks.items() if isinstance(checks, dict) else ()
    named = {str(key).partition(":")[0] for key, entry in entries if not _is_well(entry)}
    return {name for name in dependency_proxies.VARIABLES if name in named or name in str(body.get("output", ""))}


def status_of(answer: Answer) -> str:
    """The word that an answer of /health has for it all; empty if it has none."""
    body = answer.json()
    return str(body.get("status", "")) if isinstance(body, dict) else ""


def settled(tried: Trial, names: set[str], *, within_seconds: float = SETTLE_SECONDS) -> Answer:
    """The answer of /health once it names just these, or the last one when the time is up."""
    ends_at = time.monotonic() + min(within_seconds, tried.left_seconds)
    while away(answer := tried.get("/health")) != names and time.monotonic() < ends_at:
        time.sleep(LOOK_SECONDS)
    return answer


def _is_well(entry: object) -> bool:
    first = entry[0] if isinstance(entry, list) and entry else entry
    return isinstance(first, dict) and first.get("status") == "pass"
