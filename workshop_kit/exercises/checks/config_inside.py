"""Runs inside a trial, with the participant's config.py: loads it for each case, and tells what came of it as JSON.

Arguments: a word that marks our line of the log, and the cases as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any


def main(word: str, cases: str) -> None:
    """Print one line: the word, and a list with what came of each case."""
    found = [outcome(**case) for case in json.loads(cases)]
    sys.stdout.write(f"\n{word}{json.dumps(found)}\n")


def outcome(environ: dict[str, str], files: dict[str, str], without: list[str]) -> dict[str, Any]:
    """What `load` makes of an environment: a ``password``, or ``refused`` variables, or what it ``raised``.

    ``texts`` is what somebody sees who prints it.
    """
    from my_service import config  # type: ignore[import-not-found]  # the participant's

    for path, text in files.items():
        Path(path).write_text(text, encoding="utf-8")
    given = {name: value for name, value in {**os.environ, **environ}.items() if name not in without}
    try:
        settings = config.load(given)
        password = settings.master_db.password.get_secret_value()
    except config.ConfigError as error:
        return {"refused": [problem.variable for problem in error.problems], "said": str(error), "texts": shown(error)}
    except Exception as error:
        return {"raised": type(error).__name__, "texts": shown(error)}
    group = settings.master_db
    texts = {"print(config)": f"{settings} {settings!r}", "print(config.master_db)": f"{group} {group!r}"}
    return {"password": password, "texts": texts}


def shown(error: Exception) -> dict[str, str]:
    """What an exception shows: itself, and all that hangs on to it."""
    chain = "".join(traceback.format_exception(error))
    return {"the error": f"{error} {error!r} {getattr(error, 'problems', '')!r}", "its traceback": chain}


if __name__ == "__main__":
    main(*sys.argv[1:])
