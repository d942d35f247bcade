"""Why no image was built, and why a service did not start, from recorded outputs: each cause has its own finding."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from workshop_kit.errors import WorkshopError
from workshop_kit.host import MIB
from workshop_kit.trials import start_failure
from workshop_kit.trials.result import Finding
from workshop_kit.trials.service_image import build_finding, endless_build
from workshop_kit.trials.start_failure import crash_reason, missing_program
from workshop_kit.trials.trial import Trial

STACK = """Traceback (most recent call last):
  File "<frozen runpy>", line 198, in _run_module_as_main
  File "/app/main.py", line 33, in read_settings
    settings = config.load(environ)
  File "/app/config.py", line 41, in read
    return environ["HTTP_PORT"]
           ~~~~~~~^^^^^^^^^^^^^
  File "/usr/lib/python3.13/os.py", line 700, in __getitem__
    raise KeyError(key) from None
KeyError: 'HTTP_PORT'
"""
IN_JSON = {"level": "error", "msg": "cannot start", "error": "KeyError: 'HTTP_PORT'", "stack": STACK}
READY = json.dumps({"level": "info", "msg": "listening"})
PROBLEMS = ["MASTER_DB_HOST: Field required", "HTTP_PORT: Input should be a valid integer"]
REFUSED = {"level": "error", "msg": "configuration refused", "problems": PROBLEMS}


RAISED = "KeyError: 'HTTP_PORT' (config.py, line 41)"
LOGS = {
    "uvicorn": (f"ERROR:    {STACK}\nERROR:    Exiting.\n", RAISED),
    "JSON": (f"{READY}\n{json.dumps(IN_JSON)}\n", RAISED),
    "problems": (json.dumps(REFUSED), f"2 problems: {'; '.join(PROBLEMS)}"),
    "one problem": (f"configuration refused: {PROBLEMS[0]}\n", PROBLEMS[0]),
    "deeply nested": ("[" * 5000, ""),
    "odd": ('{"problems": 3, "stack": 4}\n' + "  \n" * 30_000 + "!", ""),
}


@pytest.mark.parametrize(("log", "reason"), LOGS.values(), ids=LOGS)
def test_the_end_of_a_log_has_the_reason(log: str, reason: str) -> None:
    """The exception with its place in the program, or the list of problems; nothing for any other log."""
    assert crash_reason(log) == reason


def build_output(instruction: str, *log: str, error: str = "process did not complete successfully") -> str:
    """What BuildKit writes of a step that fails."""
    lines = "".join(f"0.2{number} {line}\n" for number, line in enumerate(log))
    return f"""#0 building with "default" instance using docker driver
#7 [2/5] {instruction}
------
 > [2/5] {instruction}:
{lines}------
Dockerfile:4
--------------------
   3 |     WORKDIR /app
   4 | >>> {instruction}
--------------------
ERROR: failed to solve: {error}
"""


NO_WHEEL = "ERROR: Could not find a version that satisfies the requirement starlete (from versions: none)"
BUILDS = {
    "COPY names a.txt": build_output("COPY a.txt .", error='checksum of ref 0428: "/a.txt": not found'),
    "starlete": build_output("RUN pip install -r requirements.txt", NO_WHEEL),
    "stopped at this instruction": build_output("RUN false", "no luck"),
}


@pytest.mark.parametrize(("words", "output"), BUILDS.items(), ids=BUILDS)
def test_why_an_image_is_not_built(words: str, output: str) -> None:
    """The finding has the place in its title, and the last lines of the step."""
    finding = build_finding(output)
    assert words in finding.means
    assert "step 2 of 5, line 4: " in finding.called
    assert finding.got


def test_a_build_without_an_end_is_named() -> None:
    """With the step that it was in."""
    finding = endless_build("#7 [2/5] RUN sleep 600\n", 61.0)
    assert finding.called == "docker build: step 2 of 5: RUN sleep 600"
    assert "61 s" in finding.means


CREATE = "OCI runtime create failed: runc create failed: unable to start container process"
REFUSALS = {
    "The image has no program `uvicorn`.": f'{CREATE}: exec: "uvicorn": executable file not found in $PATH: unknown',
    'exec: "/app/start.sh": permission denied.': f'{CREATE}: exec: "/app/start.sh": permission denied: unknown',
    "Range of CPUs is from 0.01": "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available",
}


@pytest.mark.parametrize(("words", "reason"), REFUSALS.items(), ids=REFUSALS)
def test_why_the_engine_starts_no_container(words: str, reason: str) -> None:
    """In the participant's words, not in those of the engine's layers."""
    error = WorkshopError(f"The engine refused to start a container of localhost/check:0a1b: {reason}.")
    result = start_failure.refusal_result(error)
    assert words in result.summary
    assert "OCI runtime" not in result.summary


def why(log: str, **state: Any) -> Finding:
    """The finding on a container with this log, which has ended with exit code 1 unless its state says otherwise."""
    attributes = {
        "State": {"Status": "exited", "ExitCode": 1, "OOMKilled": False, **state},
        "HostConfig": {"Memory": 64 * MIB},
        "NetworkSettings": {"Ports": {}},
        "Path": "sh",
        "Args": ["start.sh"],
    }
    running: Any = SimpleNamespace(inspect=lambda: attributes, log_tail=lambda _lines=20: log)
    return start_failure.start_failure_result(Trial(running), "POST /orders", "201").findings[0]


ENDS = {
    "64 MiB of memory": why("", OOMKilled=True),
    "more than its 64": why("starting", ExitCode=137),
    RAISED: why(STACK),
    "2 problems": why(json.dumps(REFUSED)),
    "start.sh: 3: curl: not found": why("start.sh: 3: curl: not found"),
    "it said nothing": why(""),
    "http://127.0.0.1:8000": why("INFO: Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C)", Status="running"),
    "does not listen on port 8080": why("", Status="running"),
}


@pytest.mark.parametrize(("words", "finding"), ENDS.items(), ids=ENDS)
def test_why_a_service_does_not_start(words: str, finding: Finding) -> None:
    """Each finding has the command that was run, and says what is known of the cause."""
    assert words in finding.means
    assert finding.called.startswith("Start it (`sh start.sh`), and POST /orders on port 8080")


def test_a_program_that_is_not_there_is_named() -> None:
    """Each shell has words of its own."""
    for output in (
        "/bin/sh: 1: curl: not found",
        "start.sh: line 1: curl: command not found",
        'OCI runtime exec failed: exec failed: exec: "curl": executable file not found in $PATH: unknown',
    ):
        assert missing_program(output) == "curl"
    assert missing_program("GET /orders/7: 404: not found") == ""
