"""What the checks of health share: read an answer of /health."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from workshop_kit.observe.http import Answer
from workshop_kit.trials.dependency_proxies import HOST_VARIABLES
from workshop_kit.trials.trial import Reply, Trial

ORDERS_PATH = "/orders"
"""A path that answers 200 once the service works, whatever /health says."""
SETTLE_SECONDS = 7.0
START_SECONDS = 20.0
WELL_WORDS = {"alive", "available", "healthy", "ok", "pass", "up", "well"}
"""Words that say in a body that a dependency is well."""
AWAY_WORDS = {"away", "down", "error", "fail", "failed", "unavailable", "unhealthy", "warn"}
"""Words that say that it is not."""


Leaf = tuple[tuple[str, ...], Any]
"""A value in a body that is no list and no object, after the keys that lead to it."""


def leaves(answer: Answer) -> list[Leaf]:
    """Return the values in a body of JSON, with their keys; of any other body the parts of its text, without keys."""
    content = answer.json()
    if content is None:
        return [((), piece) for piece in re.split(r"[,;\n]", answer.body)]
    return [*_leaves_below((), content)]


def _leaves_below(keys: tuple[str, ...], content: Any) -> Iterator[Leaf]:
    """Yield the values in a part of a body; ``keys`` lead to that part."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _leaves_below((*keys, key), value)
    elif isinstance(content, list):
        for value in content:
            yield from _leaves_below(keys, value)
    else:
        yield keys, content


def away_dependencies(answer: Answer) -> set[str]:
    """Return the dependencies that an answer of /health reports as away, whatever the shape of its body.

    A dependency that is only named, and nowhere said to be well, counts as away.
    """
    names = set()
    for name in HOST_VARIABLES:
        statements = {_statement_on(name, keys, value) for keys, value in leaves(answer)}
        if "away" in statements or ("named" in statements and "well" not in statements):
            names.add(name)
    return names


def _statement_on(name: str, keys: tuple[str, ...], value: Any) -> str:
    """Return what a value says of a dependency: "well", "away", "named" (only its name), or "" for nothing."""
    text = str(value)
    is_named = name in text or any(name in key for key in keys)
    if not is_named:
        return ""
    if value is None:
        return "well"  # no error
    if isinstance(value, bool):
        return _statement_of_flag(name, keys[-1], value)
    if isinstance(value, (int, float)):
        return ""  # milliseconds

    word = text.replace(name, "").strip(" :=-.()'\"").lower()
    if word in WELL_WORDS:
        return "well"
    return "away" if word in AWAY_WORDS else "named"


def _statement_of_flag(name: str, key: str, flag: bool) -> str:
    """Return what a boolean says of a dependency: nothing ("") unless its key names it, or is a word for well."""
    if name not in key and key.lower() not in WELL_WORDS:
        return ""
    return "well" if flag else "away"


def wait_health(trial: Trial, names: set[str]) -> Reply:
    """Ask /health until it names exactly these dependencies, or the time is up; return the last answer."""

    def ask() -> Reply:
        return trial.get("/health")

    def is_settled(answer: Answer) -> bool:
        return away_dependencies(answer) == names

    missing = f"/health did not name {' and '.join(sorted(names)) or 'nothing'}"
    return trial.poll(ask, is_settled, SETTLE_SECONDS, missing=missing)
