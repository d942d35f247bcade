"""The reason why a program ended, from the end of its log."""

from __future__ import annotations

import json

import pytest

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
CHAINED = f"""{STACK}
During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/app.py", line 7, in <module>
    start()
app.StartFailed
"""
SYNTAX = """  File "/app/app.py", line 3
    def (
        ^
SyntaxError: invalid syntax
"""
SEVERAL_LINES = """Traceback (most recent call last):
  File "/app/my_service/config.py", line 12, in <module>
    Settings()
  File "/venv/lib/python3.13/site-packages/pydantic_settings/main.py", line 194, in __init__
    super().__init__()
pydantic_core._pydantic_core.ValidationError: 1 validation error for Settings
http.port
  Input should be a valid integer
"""
PROBLEMS = [
    {"variable": "MASTER_DB_HOST", "purpose": "where orders go", "wrong": "is not set"},
    {"variable": "HTTP_PORT", "purpose": "where it listens", "wrong": "is not a whole number"},
]
REFUSED = {"level": "error", "msg": "configuration refused", "problems": PROBLEMS}


@pytest.mark.parametrize(
    ("log", "said"),
    [
        pytest.param(
            f"ERROR:    {STACK}\nERROR:    Exiting.\n", "KeyError: 'HTTP_PORT' (config.py, line 41)", id="uvicorn"
        ),
        pytest.param(f"{READY}\n{json.dumps(IN_JSON)}\n", "KeyError: 'HTTP_PORT' (config.py, line 41)", id="JSON"),
        pytest.param(CHAINED, "StartFailed (app.py, line 7)", id="chained"),
        pytest.param(SYNTAX, "SyntaxError: invalid syntax (app.py, line 3)", id="syntax"),
        pytest.param(
            f"{SEVERAL_LINES}{READY}",
            "ValidationError: 1 validation error for Settings http.port Input should be a valid integer "
            "(config.py, line 12)",
            id="several lines",
        ),
        pytest.param(
            json.dumps(REFUSED),
            "2 problems: MASTER_DB_HOST is not set; HTTP_PORT is not a whole number",
            id="problems",
        ),
        pytest.param(
            json.dumps({"level": "error", "msg": "cannot listen", "error": "address in use"}),
            "cannot listen: address in use",
            id="an error without a stack",
        ),
        pytest.param(f"hello\n{READY}\n", "", id="nothing useful"),
        pytest.param("[" * 5000, "", id="deeply nested"),
        pytest.param('{"problems": 3, "stack": 4}\n' + "  \n" * 30_000 + "!", "", id="odd"),
    ],
)
def test_the_end_of_a_log_has_the_reason(log: str, said: str) -> None:
    """The exception with its place in the program, or the list of problems; nothing for any other log."""
    assert crash_reason(log) == said


def test_a_place_in_a_participants_file_is_preferred() -> None:
    """A colleague's module that fails deeper down is not where the participant looks."""
    assert crash_reason(STACK, ["workshop_app/__main__.py"]) == "KeyError: 'HTTP_PORT' (__main__.py, line 33)"
    assert crash_reason(STACK, ["workshop_app/health.py"]) == "KeyError: 'HTTP_PORT' (config.py, line 41)"
