"""Runs inside a trial, with the participant's config.py: calls load() for each case, and prints the outcomes as JSON.

Arguments: a word that marks the line in the log, and the cases as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any


def main(word: str, cases: str) -> None:
    """Print one line: the word, and a list with the outcome of each case."""
    found = [outcome(**case) for case in json.loads(cases)]
    sys.stdout.write(f"\n{word}{json.dumps(found)}\n")


def outcome(environ: dict[str, str], files: dict[str, str], without: list[str]) -> dict[str, Any]:
    """Return the ``password`` that load() read, or the ``refused`` variables, or the exception that it ``raised``.

    ``texts`` are the printed settings, or the printed error.
    """
    from my_service import config  # type: ignore[import-not-found]  # the participant's

    for path, text in files.items():
        Path(path).write_text(text, encoding="utf-8")
    given = {name: value for name, value in {**os.environ, **environ}.items() if name not in without}
    try:
        settings = config.load(given)
        password = settings.master_db.password.get_secret_value()
    except config.ConfigError as error:
        refused = [str(problem.variable) for problem in error.problems]
        return {"refused": refused, "said": str(error), "texts": shown(error)}
    except Exception as error:
        return {"raised": type(error).__name__, "texts": shown(error)}
    group = settings.master_db
    texts = {"print(config)": f"{settings} {settings!r}", "print(config.master_db)": f"{group} {group!r}"}
    return {"password": None if password is None else str(password), "texts": texts}


def shown(error: Exception) -> dict[str, str]:
    """Return the texts of an exception, and of its traceback with all causes."""
    chain = "".join(traceback.format_exception(error))
    return {"the error": f"{error} {error!r} {getattr(error, 'problems', '')!r}", "its traceback": chain}


if __name__ == "__main__":
    main(*sys.argv[1:])
