"""Call the participant's ``run_task`` in a process of its own, which has the credentials of one reader.

As a program it reads its `Task` from stdin, and calls the function.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workshop_kit.engine import reach
from workshop_kit.engine.aws import REGION, Access
from workshop_kit.engine.client import WorkspaceClient
from workshop_kit.engine.containers import Running
from workshop_kit.engine.labels import Identity, Scope
from workshop_kit.engine.session import GivenLabels, Session
from workshop_kit.paths import CHECKOUT
from workshop_kit.patience import patient
from workshop_kit.trials.check_context import CheckEnded, Context
from workshop_kit.trials.result import Result

SECONDS = 20.0
TASK = "workshop.task"
"""The label of what one call of ``run_task`` has started."""
FUNCTION = "run_task"
NO_FUNCTION = f"has no attribute '{FUNCTION}'"


class TaskError(Exception):
    """Why no container appeared: the last line of what ``run_task`` wrote, or a sentence."""


@dataclass(frozen=True)
class TaskSession(Session):
    """The session of the process: what it makes belongs to the check's process, and carries the task's name."""

    task: str = ""

    def labels(self, scope: Scope, given: GivenLabels = None) -> dict[str, str]:
        """Return the labels for one new thing."""
        return {**super().labels(scope, given), TASK: self.task}


@contextlib.contextmanager
def run(context: Context, definition: Mapping[str, Any], reader: Access) -> Iterator[Running]:
    """Call the participant's ``run_task`` with a definition; yield the container that appeared, and remove it.

    The process has the credentials of ``reader`` and no others. Raises TaskError if there is not one container, and
    CheckEnded if tools.py has no such function.
    """
    session = context.stack.session
    task = secrets.token_hex(8)
    try:
        _call(context, task, definition, reader)
        started = _started_by(session, task)
        if len(started) != 1:
            raise TaskError(f"{FUNCTION} started {len(started)} containers")
        yield started[0]
    finally:
        for running in _started_by(session, task):
            running.remove()


def _call(context: Context, task: str, definition: Mapping[str, Any], reader: Access) -> None:
    """Start the process and wait for its end. Raises TaskError if it fails or takes too long."""
    session = context.stack.session
    request = {
        "identity": session.identity.workspace_id,
        "hidden": str(session.folder),
        "maker": session.maker,
        "task": task,
        "folder": str(context.tools.parent),
        "definition": definition,
    }
    limit_seconds = patient(SECONDS)
    try:
        process = subprocess.run(
            [sys.executable, "-P", "-m", __name__],
            input=json.dumps(request),
            env=_environment(reader),
            capture_output=True,
            text=True,
            check=False,
            timeout=limit_seconds,
        )
    except subprocess.TimeoutExpired:
        context.waits.add(f"no end of {FUNCTION}", limit_seconds)
        raise TaskError(f"{FUNCTION} did not return within {limit_seconds:.0f} s") from None

    if NO_FUNCTION in process.stderr or not context.tools.is_file():
        sentence = f"notebooks/{context.tools.name} has no {FUNCTION}: run the cell of 02c that brings it."
        raise CheckEnded(Result.not_started(sentence))
    if process.returncode:
        last_line = process.stderr.strip().rpartition("\n")[2]
        raise TaskError(last_line or f"{FUNCTION} ended the process with exit code {process.returncode}")


def _environment(reader: Access) -> dict[str, str]:
    """Return the variables of the process: this one's, with the reader's access in place of all settings of AWS."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **variables,
        "AWS_ENDPOINT_URL": reader.endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": reader.key_id,
        "AWS_SECRET_ACCESS_KEY": reader.secret_key,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1",
        "PYTHONPATH": str(CHECKOUT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _started_by(session: Session, task: str) -> list[Running]:
    """Return the containers that one call has started, running or not."""
    filters = {"label": f"{TASK}={task}"}
    found = session.engine.client.containers.list(all=True, filters=filters, ignore_removed=True)
    return [Running(session, container) for container in found]


def main() -> None:
    """Call the function with the definition and the workspace's Docker client."""
    request = json.load(sys.stdin)
    identity = Identity(request["identity"])
    hidden = Path(request["hidden"])
    session = TaskSession(reach.connect(), identity, hidden, request["maker"], request["task"])

    sys.path.insert(0, request["folder"])
    tools = importlib.import_module("tools")
    tools.run_task(request["definition"], WorkspaceClient(session, scope="kernel"))


if __name__ == "__main__":
    main()
