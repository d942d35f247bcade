"""Why no image was built, and why a service did not start, from recorded outputs: each cause has its own finding."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from workshop_kit.errors import WorkshopError
from workshop_kit.host import MIB
from workshop_kit.trials import start_failure
from workshop_kit.trials.build_failure import build_finding, endless_build
from workshop_kit.trials.result import Finding
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


APT = "RUN apt-get install -y curl"
NO_PACKAGE = "E: Unable to locate package curl"
NO_WHEEL = "ERROR: Could not find a version that satisfies the requirement starlete (from versions: none)"
BUILDS = {
    "start.build.copy": build_output("COPY a.txt .", error='checksum of ref 0428: "/a.txt": not found'),
    "start.build.permission": build_output("RUN pip install x", "ERROR: [Errno 13] Permission denied: '/venv/lib'"),
    "start.build.no-update": build_output(APT, "Reading package lists...", NO_PACKAGE),
    "start.build.package": build_output(f"RUN apt-get update && {APT[4:]}", NO_PACKAGE),
    "start.build.no-from": "ERROR: failed to solve: no build stage in current context",
    "start.build.registry": build_output("RUN pip install -r requirements.txt", NO_WHEEL),
    "start.build.unknown": build_output("RUN false"),
}


@pytest.mark.parametrize(("key", "output"), BUILDS.items(), ids=BUILDS)
def test_why_an_image_is_not_built(key: str, output: str) -> None:
    """The finding has the place in its title, and the last lines of the step."""
    finding = build_finding(output)
    assert finding.key == key
    assert finding.got


def test_a_build_without_an_end_is_named() -> None:
    """With the step that it was in."""
    finding = endless_build("#7 [2/5] RUN sleep 600\n", 61.0)
    assert (finding.key, finding.called) == ("start.build.endless", "docker build: step 2 of 5: RUN sleep 600")
    assert "61 s" in finding.means


CREATE = "OCI runtime create failed: runc create failed: unable to start container process"
REFUSALS = {
    "start.refused.user": "unable to find user app: no matching entries in passwd file",
    "start.refused.program": f'{CREATE}: exec: "uvicorn": executable file not found in $PATH: unknown',
    "start.refused.permission": f'{CREATE}: exec: "/app/start.sh": permission denied: unknown',
    "start.refused.limit": "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available",
    "start.refused.other": "something that nobody has seen",
}


@pytest.mark.parametrize(("key", "reason"), REFUSALS.items(), ids=REFUSALS)
def test_why_the_engine_starts_no_container(key: str, reason: str) -> None:
    """In the participant's words, not in those of the engine's layers."""
    error = WorkshopError(f"The engine refused to start a container of localhost/check:0a1b: {reason}.")
    result = start_failure.refusal_result(error)
    assert [finding.key for finding in result.findings] == [key]
    assert "OCI runtime" not in result.summary


def trial_of(log: str, state: dict[str, Any] | None = None, config: dict[str, Any] | None = None) -> Trial:
    """A container with this log, which has ended with exit code 1 unless ``state`` says otherwise."""
    image = {"Env": ["HTTP_PORT=8080"], "Entrypoint": None, "Cmd": ["uvicorn"], **(config or {})}
    attributes = {
        "State": {"Status": "exited", "ExitCode": 1, "OOMKilled": False, **(state or {})},
        "HostConfig": {"Memory": 64 * MIB},
        "Config": {**image},
        "NetworkSettings": {"Ports": {}},
    }
    container = SimpleNamespace(image=SimpleNamespace(attrs={"Config": image}))
    running: Any = SimpleNamespace(
        inspect=lambda: attributes, log_tail=lambda lines=20: "\n".join(log.split("\n")[-lines:]), container=container
    )
    return Trial(running)


def why(log: str, state: dict[str, Any] | None = None, config: dict[str, Any] | None = None) -> Finding:
    """The finding on such a container."""
    return start_failure.start_failure_result(trial_of(log, state, config), "POST /orders").findings[0]


def raised(kind: str, line: str = "value = settings") -> str:
    """A traceback that ends with this."""
    return f'Traceback (most recent call last):\n  File "/app/config.py", line 4, in read\n    {line}\n{kind}\n'


EMPTY = {"msg": "configuration refused", "problems": ["REDIS_USER: Input should be a valid string"]}
JOINED = {"Entrypoint": ["python3"], "Cmd": ["uvicorn", "app:app"]}
IN_SHELL = {"Entrypoint": ["/bin/sh", "-c", "uvicorn"], "Cmd": ["app:app"]}
RUNS = {"Status": "running"}
ENDS = {
    "start.answer.memory": why("", {"OOMKilled": True}),
    "start.answer.killed": why("starting", {"ExitCode": 137}),
    "start.answer.program": why("start.sh: 3: curl: not found"),
    "start.answer.module": why(raised("ModuleNotFoundError: No module named 'structlog'")),
    "start.answer.not-set": why(raised("KeyError: 'REDIS_USER'")),
    "start.answer.get": why(json.dumps(EMPTY)),
    "start.answer.none": why(raised("AttributeError: 'NoneType' object has no attribute 'strip'")),
    "start.answer.raised": why(raised("KeyError: 'HTTP_PORT'")),
    "start.answer.settings": why(json.dumps(REFUSED)),
    "start.answer.app-module": why('ERROR: Error loading ASGI app. Could not import module "main".'),
    "start.answer.app": why('ERROR: Error loading ASGI app. Attribute "application" not found in module "app".'),
    "start.answer.no-list": why("/bin/sh: 1: [uvicorn,: not found"),
    "start.answer.address": why("INFO: Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)", RUNS),
    "start.answer.file": why("sh: 0: cannot open run.sh: No such file"),
    "start.answer.entrypoint-shell": why("Error: Missing argument 'APP'.", config=IN_SHELL),
    "start.answer.joined": why("python3: can't open file '/app/uvicorn': [Errno 2] No such file", config=JOINED),
    "start.answer.ended": why("bye"),
    "start.answer.silent": why(""),
    "start.answer.port": why("", RUNS),
}


@pytest.mark.parametrize(("key", "finding"), ENDS.items(), ids=ENDS)
def test_why_a_service_does_not_start(key: str, finding: Finding) -> None:
    """Each cause has its own words, and its place in them."""
    assert finding.key == key
    assert finding.means
    assert "{" not in finding.means


@pytest.mark.parametrize(
    "problem",
    [
        "REDIS: PASSWORD and PASSWORD_FILE are both set: keep one of the two",
        "REDIS_PORT: Input should be a valid integer",
    ],
)
def test_other_problems_are_no_missing_values(problem: str) -> None:
    """A variable that is said to be missing, a group of variables, one that is set, and words of the participant."""
    environment = ["REDIS_PORT=abc", "REDIS_PASSWORD=a", "REDIS_PASSWORD_FILE=b"]
    finding = why(json.dumps({"problems": [problem]}), config={"Env": environment})
    assert finding.key == "start.answer.settings"
    assert problem in finding.means


def test_a_program_that_is_not_there_comes_first() -> None:
    """A script that goes on without it, and never starts the service, too; each shell has words of its own."""
    log = "start.sh: 2: curl: not found\nwaiting for the database"
    assert why(log, RUNS).key == "start.answer.program"
    for output in (
        "/bin/sh: 1: curl: not found",
        "start.sh: line 1: curl: command not found",
        'OCI runtime exec failed: exec failed: exec: "curl": executable file not found in $PATH: unknown',
    ):
        assert missing_program(output) == "curl"
    assert missing_program("GET /orders/7: 404: not found") == ""
