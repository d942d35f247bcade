"""The reason why no image was built, or why a program ended, from the end of its log."""

from __future__ import annotations

import json

import pytest

from workshop_kit.errors import WorkshopError
from workshop_kit.exercises import service_trial, start_failure
from workshop_kit.exercises.start_failure import crash_reason

STACK = """Traceback (most recent call last):
  File "<frozen runpy>", line 198, in _run_module_as_main
  File "/app/workshop_app/__main__.py", line 33, in main
    settings = config.load(environ)
  File "/app/workshop_app/config.py", line 41, in read
    return environ["HTTP_PORT"]
           ~~~~~~~^^^^^^^^^^^^^
  File "/usr/lib/python3.13/os.py", line 700, in __getitem__
    raise KeyError(key) from None
KeyError: 'HTTP_PORT'
"""
IN_JSON = {"level": "error", "msg": "cannot start", "error": "KeyError: 'HTTP_PORT'", "stack": STACK}
READY = json.dumps({"level": "info", "msg": "listening"})
PROBLEMS = [
    {"variable": "MASTER_DB_HOST", "purpose": "where orders go", "wrong": "is not set"},
    {"variable": "HTTP_PORT", "purpose": "where it listens", "wrong": "is not a whole number"},
]
REFUSED = {"level": "error", "msg": "configuration refused", "problems": PROBLEMS}


RAISED = "KeyError: 'HTTP_PORT' (config.py, line 41)"
LOGS = {
    "uvicorn": (f"ERROR:    {STACK}\nERROR:    Exiting.\n", RAISED),
    "JSON": (f"{READY}\n{json.dumps(IN_JSON)}\n", RAISED),
    "problems": (json.dumps(REFUSED), "2 problems: MASTER_DB_HOST is not set; HTTP_PORT is not a whole number"),
    "deeply nested": ("[" * 5000, ""),
    "odd": ('{"problems": 3, "stack": 4}\n' + "  \n" * 30_000 + "!", ""),
}


@pytest.mark.parametrize(("log", "said"), LOGS.values(), ids=LOGS)
def test_the_end_of_a_log_has_the_reason(log: str, said: str) -> None:
    """The exception with its place in the program, or the list of problems; nothing for any other log."""
    assert crash_reason(log) == said


NO_FILE = """#0 building with "default" instance using docker driver
#7 [2/5] COPY requirments.txt .
------
 > [2/5] COPY requirments.txt .:
------
Dockerfile:4
--------------------
   3 |     WORKDIR /app
   4 | >>> COPY requirments.txt .
--------------------
ERROR: failed to solve: failed to calculate checksum of ref 0428: "/requirments.txt": not found
"""


def test_a_broken_dockerfile_is_named() -> None:
    """The finding has step, line, instruction, the last lines of the step, and what they mean."""
    finding = start_failure.build_finding(NO_FILE)
    assert finding.called.startswith("docker build: step 2 of 5, line 4: COPY requirments.txt .")
    assert finding.got.startswith("ERROR: failed to solve: ")
    assert "COPY names requirments" in finding.means


def test_an_account_that_does_not_exist_is_named() -> None:
    """In the participant's words, not in the engine's."""
    refused = WorkshopError("The engine refused to start a container: unable to find user app: no matching entries.")
    summary = service_trial.not_started("Start it", refused, "What?").summary
    assert "USER names app, and the image has no account" in summary
