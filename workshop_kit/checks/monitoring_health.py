"""What the checks of health share: a service behind fault proxies, and what an answer of /health says."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from workshop_kit.observe.http import Answer
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import Context
from workshop_kit.trials.dependency_proxies import HOST_VARIABLES, DependencyProxies, start_proxies
from workshop_kit.trials.trial import Trial

WORKS = "/orders"
"""Answers 200 once the service works, and asks nothing about health."""
SETTLE_SECONDS = 7.0
START_SECONDS = 20.0
WELL_WORDS = {"alive", "available", "healthy", "ok", "pass", "up", "well"}
AWAY_WORDS = {"away", "down", "error", "fail", "failed", "unavailable", "unhealthy", "warn"}
"""How a body may say that a dependency is well, or is not."""


@contextlib.contextmanager
def run_behind_proxies(context: Context, *names: str) -> Iterator[tuple[Trial, DependencyProxies, str]]:
    """Run the participant's service with a proxy before each of these dependencies."""
    service_trial.ensure_up(context.stack, context.report)
    with (
        service_trial.build(context) as image,
        start_proxies(context.stack, *names) as proxies,
        service_trial.run_with_stack(context, image, environment=proxies.environment) as trial,
    ):
        yield trial, proxies, image


Leaf = tuple[tuple[str, ...], Any]
"""A value of a body that holds no others, and the keys that lead to it."""


def leaves(answer: Answer) -> list[Leaf]:
    """Return the values in a body of JSON; the parts of another text."""
    content = answer.json()
    if content is None:
        return [((), piece) for piece in re.split(r"[,;\n]", answer.body)]
    return [*_leaves_below((), content)]


def _leaves_below(keys: tuple[str, ...], content: Any) -> Iterator[Leaf]:
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _leaves_below((*keys, key), value)
    elif isinstance(content, list):
        for value in content:
            yield from _leaves_below(keys, value)
    else:
        yield keys, content


def away(answer: Answer) -> set[str]:
    """Return the dependencies that an answer of /health names as not well, whatever the shape of its body."""
    names = set()
    for name in HOST_VARIABLES:
        statements = {_statement_on(name, keys, value) for keys, value in leaves(answer)}
        if "away" in statements or ("named" in statements and "well" not in statements):
            names.add(name)
    return names


def _statement_on(name: str, keys: tuple[str, ...], value: Any) -> str:
    """Return what a value says of a dependency: that it is well or away, only its name, or nothing ("")."""
    text = str(value)
    if name not in text and not any(name in key for key in keys):
        return ""
    if value is None:
        return "well"  # no error
    if isinstance(value, bool):
        is_about_it = name in keys[-1] or keys[-1].lower() in WELL_WORDS
        state = "well" if value else "away"
        return state if is_about_it else ""
    if isinstance(value, (int, float)):
        return ""  # milliseconds

    word = text.replace(name, "").strip(" :=-.()'\"").lower()
    if word in WELL_WORDS:
        return "well"
    return "away" if word in AWAY_WORDS else "named"


def settled(trial: Trial, names: set[str]) -> Answer:
    """Return the answer of /health once it names exactly these dependencies, or the last one when the time is up."""

    def look() -> Answer:
        return trial.get("/health")

    def is_settled(answer: Answer) -> bool:
        return away(answer) == names

    missing = f"/health did not name {' and '.join(sorted(names)) or 'nothing'}"
    return trial.poll(look, is_settled, SETTLE_SECONDS, missing=missing)
