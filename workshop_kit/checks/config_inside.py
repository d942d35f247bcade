"""Runs inside a trial, with the participant's modules, and prints as JSON what they did.

Arguments: the mark of the line in the log, the name of a function below, and its arguments.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import SecretStr

ABSENT = "WORKSHOP_ABSENT"
PRESENT = "WORKSHOP_PRESENT"


def main(mark: str, function: str, *arguments: str) -> None:
    """Print one line: the mark, and what the function returned. The modules are in the image's working directory."""
    sys.path.insert(0, str(Path.cwd()))
    outcome = FUNCTIONS[function](*arguments)
    sys.stdout.write(f"\n{mark}{json.dumps(outcome)}\n")


def read_group(variables: str, group: str) -> dict[str, str] | None:
    """Return the variables of a group, as the participant's function reads them; None if there is no such function."""
    os.environ.update(json.loads(variables))

    import config  # the participant's

    read = getattr(config, "read_group", None)
    if read is None:
        return None
    try:
        return {name.upper(): text_of(value) for name, value in read(group).items()}
    except Exception as error:
        return {"raised": f"{type(error).__name__}: {error}"[:200]}


def text_of(value: Any) -> str:
    """Return a setting as text, also a secret."""
    reveal = getattr(value, "get_secret_value", lambda: value)
    return str(reveal())


def ask_nobody() -> str | None:
    """Return what answer_to() raises if nothing listens where Redis should be; None if there is no such function."""
    import cache
    from config import RedisSettings

    answer_to = getattr(cache, "answer_to", None)
    if answer_to is None:
        return None
    nowhere = RedisSettings(host="127.0.0.1", port=1, user="default", password=SecretStr("none"))

    async def ask() -> str:
        """Ask, and return the name of the error, or what came back."""
        try:
            answer = await answer_to(cache.connect(nowhere), "GET", "order:1")
        except Exception as error:
            return type(error).__name__
        return f"nothing: it returned {answer!r}"

    return asyncio.run(ask())


def restored() -> dict[str, Any]:
    """Return for each situation whether the block was as asked, and the two variables afterwards."""
    from restoring import environment  # type: ignore[import-not-found]

    seen: dict[str, Any] = {}
    for situation in (plain, raising, nested):
        os.environ.pop(ABSENT, None)
        os.environ[PRESENT] = "before"
        try:
            within = "as asked" if situation(environment) else "not as asked"
        except Exception as error:
            within = type(error).__name__
        seen[situation.__name__] = [within, os.environ.get(ABSENT), os.environ.get(PRESENT)]
    return seen


def plain(environment: Callable[..., Any]) -> bool:
    """Return whether a test has the variables that it sets."""
    with environment(**{ABSENT: "within", PRESENT: "within"}):
        return os.environ.get(ABSENT) == os.environ.get(PRESENT) == "within"


def raising(environment: Callable[..., Any]) -> bool:
    """Return whether the failure of a test within its block comes through."""
    try:
        with environment(**{ABSENT: "within", PRESENT: "within"}):
            raise ZeroDivisionError
    except ZeroDivisionError:
        return True
    return False


def nested(environment: Callable[..., Any]) -> bool:
    """Return whether a block within a block puts back what the outer one has set."""
    with environment(**{ABSENT: "outer", PRESENT: "outer"}):
        plain(environment)
        return os.environ.get(ABSENT) == os.environ.get(PRESENT) == "outer"


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "read_group": read_group,
    "ask_nobody": ask_nobody,
    "restored": restored,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
