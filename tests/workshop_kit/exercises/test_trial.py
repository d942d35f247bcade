"""A trial: its confinement, its answers and its log; and why no image was built, or why a program ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.workshop_kit.exercises import check_runner
from workshop_kit.engine.containers import Spec
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises import registry, service_trial, start_failure
from workshop_kit.exercises.check_api import Context
from workshop_kit.exercises.start_failure import crash_reason
from workshop_kit.paths import CHECKOUT

PRINTS = "from pathlib import Path\nfor path in Path('/run/secrets').iterdir():\n    print(path.read_text(), '!')\n"


@pytest.fixture(scope="module")
def context(participant: Stack) -> Iterator[Context]:
    """The context of a check whose folder is solved."""
    with check_runner.solved_folder({}) as folder:
        yield Context(registry.find(registry.load(CHECKOUT), "config.env"), participant, 1, folder=folder)


@pytest.fixture(scope="module")
def image(context: Context) -> Iterator[str]:
    """The image of that folder."""
    with service_trial.build(context) as image:
        yield image


def test_it_is_confined_bounded_and_serves_a_customer(context: Context, image: str) -> None:
    """No bind mounts, not even for the passwords; limits on memory, processes and log; no rights, no writable root.

    The stack's own database takes the order.
    """
    with service_trial.run_with_stack(context, image) as trial:
        assert trial.wait_answer("/readyz", within_seconds=60), trial.lines()
        attributes = trial.running.inspect()
        host = attributes["HostConfig"]
        assert not host["Binds"]
        assert [(mount["Type"], mount["Destination"]) for mount in attributes["Mounts"]] == [("volume", "/run/secrets")]
        assert host["Memory"] == host["MemorySwap"] == Spec.memory_bytes
        assert host["PidsLimit"] == Spec.pids
        assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}}
        assert (host["ReadonlyRootfs"], host["CapDrop"], host["Privileged"]) == (True, ["ALL"], False)
        assert attributes["Config"]["Healthcheck"]["Test"] == ["NONE"]
        assert list(attributes["NetworkSettings"]["Networks"]) == [f"{context.stack.project}_default"]
        assert trial.get("/livez", headers={"X-Request-ID": "mine"}).headers["x-request-id"] == "mine"
        order = trial.post("/orders", {"item": "one trial", "quantity": 2})
        assert (order.status, order.json()["quantity"]) == (201, 2)
        assert trial.exit_code() is None
        trial.signal("SIGTERM")
        assert trial.wait_ended(10) == 0
        assert str(trial.get("/livez")) == "connection refused"


def test_secrets_are_read_in_the_stacks_folder(tmp_path: Path) -> None:
    """Docker Desktop tells sources in a machine of its own, which are no paths here."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "redis_password").write_text("a password")
    place = "/run/host_mount/home/ann/workshop/workspace/.workshop/secrets/redis_password"
    mounts = [
        {"Type": "bind", "Source": place, "Destination": "/run/secrets/redis_password"},
        {"Type": "volume", "Source": "/var/lib/docker/volumes/orders/_data", "Destination": "/run/secrets"},
    ]
    service = SimpleNamespace(attrs={"Mounts": mounts})
    stack: Any = SimpleNamespace(secrets_folder=tmp_path / "secrets", container=lambda _name: service)
    assert service_trial.secrets_of(stack) == {"/run/secrets/redis_password": "a password"}


def test_log_lines_mask_the_passwords(context: Context, image: str) -> None:
    """The tail of a log is shown on a projector."""
    with service_trial.run_with_stack(context, image, command=("python", "-c", PRINTS)) as trial:
        assert trial.wait_ended(20) == 0
        lines = trial.lines()
        said = trial.running.log_tail()
    secrets = [path.read_text() for path in (context.stack.folder / "secrets").iterdir()]
    assert any(secret in said for secret in secrets)
    assert not any(secret in lines for secret in secrets)
    assert "(secret) !" in lines


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
