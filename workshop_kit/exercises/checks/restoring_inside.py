"""Runs inside a trial, with the participant's restoring.py: sets variables, and prints as JSON how they are afterwards.

The argument is a word that marks the line in the log.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any

ABSENT, PRESENT, OPTIONAL = "WORKSHOP_ABSENT", "WORKSHOP_PRESENT", "HTTP_DRAIN_SECONDS"


class Failed(Exception):
    """A test that fails."""


def main(word: str) -> None:
    """Print one line: the word, and what each situation left behind."""
    seen = {one.__name__: outcome(one) for one in (plain, raising, nested, deleted)}
    sys.stdout.write(f"\n{word}{json.dumps({**seen, 'settings': settings()})}\n")


def outcome(situation: Any) -> dict[str, Any]:
    """Run a situation; return its value, and the two variables afterwards."""
    os.environ.pop(ABSENT, None)
    os.environ[PRESENT] = "before"
    try:
        within = situation()
    except Exception as error:
        within = f"{type(error).__name__}"
    return {"within": within, "absent": os.environ.get(ABSENT), "present": os.environ.get(PRESENT)}


def plain() -> Any:
    """A block that just ends; returns the values within."""
    from my_service.restoring import environment  # type: ignore[import-not-found]  # the participant's

    with environment(**{ABSENT: "within", PRESENT: "within"}):
        return [os.environ.get(ABSENT), os.environ.get(PRESENT)]


def raising() -> Any:
    """A test that fails within its block: the failure has to come through."""
    from my_service.restoring import environment

    try:
        with environment(**{ABSENT: "within", PRESENT: "within"}):
            raise Failed
    except Failed:
        return "came through"
    return "was swallowed"


def nested() -> Any:
    """A block within a block; returns the values in the outer one, after the inner one."""
    from my_service.restoring import environment

    with environment(**{ABSENT: "outer", PRESENT: "outer"}):
        with environment(**{ABSENT: "inner", PRESENT: "inner"}):
            pass
        return [os.environ.get(ABSENT), os.environ.get(PRESENT)]


def deleted() -> Any:
    """A test that deletes the variables itself."""
    from my_service.restoring import environment

    with environment(**{ABSENT: "within", PRESENT: "within"}):
        del os.environ[ABSENT], os.environ[PRESENT]
    return "went on"


def settings() -> str:
    """Return the service's error after a test of an optional setting; empty if there is none."""
    from my_service import config  # type: ignore[import-not-found]
    from my_service.restoring import environment

    os.environ.pop(OPTIONAL, None)
    with contextlib.suppress(Exception), environment(**{OPTIONAL: "0.5"}):
        pass
    try:
        config.load(os.environ)
    except config.ConfigError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    main(*sys.argv[1:])
