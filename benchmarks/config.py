"""What reading the configuration costs: its share of the service's start, and the time to a refusal.

The aim is a share of at most 15 %. Each start is a container of the service's own image, hardened as compose.yaml has
it, or inside one: what counts is the time there, without what the engine takes to make a container.
"""

from __future__ import annotations

import statistics
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks._rows import Row, show
from workshop_kit.engine import cleanup, reach
from workshop_kit.engine.containers import Running, run
from workshop_kit.engine.spec import Spec, like
from workshop_kit.engine.stack import Stack
from workshop_kit.workspace import provision
from workshop_kit.workspace.folder import Workspace

RUNS = 10
PYTHON = "/venv/bin/python"
# Each prints milliseconds. What the rest of the service loads anyway is loaded first, or not: share, and whole price.
LOADING = """
import time; began = time.perf_counter()
import os
from workshop_app import config
config.load(os.environ)
print((time.perf_counter() - began) * 1000)
"""
ANYWAY = (
    "import asyncio, orjson, pydantic, redis.asyncio, sqlalchemy.ext.asyncio, starlette.routing, structlog, uvicorn"
)
ADDED = f"{ANYWAY}\nclass Order(pydantic.BaseModel): item: str\n{LOADING}"
AGAIN = (
    LOADING.replace("began = time.perf_counter()", "began = 0")
    .replace(
        "config.load(os.environ)\n",
        "config.load(os.environ); began = time.perf_counter()\nfor _ in range(10): config.load(os.environ)\n",
    )
    .replace("* 1000", "* 100")
)
OTHERS = "os.environ.update({f'SOME_{chr(65 + n % 26) * (1 + n // 26)}_HOST': 'x' for n in range(300)})"
CROWDED = AGAIN.replace("from workshop_app", f"{OTHERS}\nfrom workshop_app")


def milliseconds(service: Running, program: str) -> float:
    """What a program prints when it runs in the container of the service."""
    said = service.exec(PYTHON, "-c", program)
    return float(said.output.strip().splitlines()[-1])


def start_seconds(stack: Stack, spec: Spec) -> float:
    """From the start of the process to the first 200 of ``/readyz``: it listens, and its databases answer."""
    with run(stack.session, spec) as running:
        running.wait_ready("/readyz")
        return (datetime.now(UTC) - running.last_start()).total_seconds()


def refusal_seconds(service: Running) -> float:
    """From the start of the process in a container to its end, when nothing is set that has to be."""
    program = (
        "import subprocess, sys, time; began = time.perf_counter()\n"
        "code = subprocess.run([sys.executable, '-m', 'workshop_app'], env={}, capture_output=True).returncode\n"
        "assert code == 1; print((time.perf_counter() - began) * 1000)"
    )
    return milliseconds(service, program) / 1000


def measure(stack: Stack) -> list[Row]:
    """All rows; the pieces of work take turns, so that a drifting machine hits all alike."""
    container = stack.container("service")
    service = Running(stack.session, container)
    rounds = [
        (
            start_seconds(stack, like(container)),
            milliseconds(service, ADDED) / 1000,
            milliseconds(service, LOADING) / 1000,
            refusal_seconds(service),
            milliseconds(service, AGAIN) / 1000,
            milliseconds(service, CROWDED) / 1000,
        )
        for _ in range(RUNS + 1)
    ][1:]
    start, added, loading, refusal, again, crowded = (statistics.median(column) for column in zip(*rounds, strict=True))
    beside = "the service's start, process to ready"
    return [
        Row("what the configuration adds to the start", added, RUNS, "≤ 0.15 of the start", beside, start),
        Row("the same alone: with pydantic and asyncio, which the rest needs too", loading, RUNS, "", beside, start),
        Row("refuse an empty environment, process to exit", refusal, RUNS, "≤ 1 s"),
        Row("load it again, everything imported", again, RUNS, "", beside, start),
        Row("the same among 300 variables of others", crowded, RUNS, "", beside, start),
    ]


def main() -> None:
    """Rows, on a stack of their own that is cleaned up."""
    with tempfile.TemporaryDirectory() as scratch:
        workspace = Workspace.open(Path(scratch) / "workspace")
        session = provision.session_of(workspace, reach.connect())
        stack = provision.stack_of(workspace, session)
        try:
            stack.up()
            show(measure(stack))
        finally:
            cleanup.remove(session, {"kernel", "workspace"})


if __name__ == "__main__":
    main()
