"""Runs inside a trial, with the participant's modules, and prints as JSON what they did.

Arguments: the mark of the line in the log; and the cases for load() as JSON, or nothing for environment().
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ABSENT, PRESENT = "WORKSHOP_ABSENT", "WORKSHOP_PRESENT"


def main(mark: str, cases: str = "") -> None:
    """Print one line: the mark, and the outcomes."""
    outcomes = [outcome(*case) for case in json.loads(cases)] if cases else restored()
    sys.stdout.write(f"\n{mark}{json.dumps(outcomes)}\n")


def outcome(environ: dict[str, str | None], files: dict[str, str]) -> dict[str, Any]:
    """Return the ``password`` that load() read, and the printed settings; or what was ``refused`` or ``raised``.

    ``environ`` has changes of this process's own: None takes a variable away.
    """
    from my_service import config  # type: ignore[import-not-found]  # the participant's

    for path, text in files.items():
        Path(path).write_text(text, encoding="utf-8")
    changed = {**os.environ, "MASTER_DB_PASSWORD_FILE": None, **environ}
    given = {name: value for name, value in changed.items() if value is not None}
    try:
        settings = config.load(given)
        password = settings.master_db.password.get_secret_value()
    except config.ConfigError as error:
        refused = [str(problem.variable) for problem in error.problems]
        return {"refused": refused}
    except Exception as error:
        return {"raised": type(error).__name__}
    group = settings.master_db
    printed = f"{settings} {settings!r} {group} {group!r}"
    return {"password": None if password is None else str(password), "printed": printed}


def restored() -> dict[str, Any]:
    """Return for each situation whether the block was as asked, and the two variables afterwards."""
    from my_service.restoring import environment  # type: ignore[import-not-found]

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


if __name__ == "__main__":
    main(*sys.argv[1:])
