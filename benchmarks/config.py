"""The time to read the configuration: its share of the service's start, and the time to a refusal.

The aim is a share of at most 15 %. Each start is in a container that is hardened as in compose.yaml; the
time to create the container does not count.
"""

from __future__ import annotations

import statistics
from datetime import UTC, datetime

from benchmarks._rows import Row, show
from benchmarks._workspace import own_stack
from workshop_kit.engine.containers import Running, run
from workshop_kit.engine.spec import Spec, like
from workshop_kit.engine.stack import Stack

RUNS = 10
PYTHON = "/venv/bin/python"
# Each program prints milliseconds; ADDED first imports the packages that the rest of the service needs.
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


def milliseconds(service: Running, program: str) -> float:
    """Run a program in the container of the service and return the milliseconds that it prints."""
    said = service.exec(PYTHON, "-c", program)
    return float(said.output.strip().splitlines()[-1])


def start_seconds(stack: Stack, spec: Spec) -> float:
    """Measure from the start of the process to the first 200 of ``/readyz``."""
    with run(stack.session, spec) as running:
        running.wait_ready("/readyz")
        return (datetime.now(UTC) - running.started).total_seconds()


def refusal_seconds(service: Running) -> float:
    """Measure from the start of the process to its end in an empty environment."""
    program = (
        "import subprocess, sys, time; began = time.perf_counter()\n"
        "code = subprocess.run([sys.executable, '-m', 'workshop_app'], env={}, capture_output=True).returncode\n"
        "assert code == 1; print((time.perf_counter() - began) * 1000)"
    )
    return milliseconds(service, program) / 1000


def measure(stack: Stack) -> list[Row]:
    """Return all rows; the measurements take turns, so that a changing machine affects all alike."""
    container = stack.container("service")
    service = Running(stack.session, container)
    rounds = [
        (
            start_seconds(stack, like(container)),
            milliseconds(service, ADDED) / 1000,
            milliseconds(service, LOADING) / 1000,
            refusal_seconds(service),
        )
        for _ in range(RUNS + 1)
    ][1:]
    start, added, loading, refusal = (statistics.median(column) for column in zip(*rounds, strict=True))
    beside = "the service's start, process to ready"
    return [
        Row("what the configuration adds to the start", added, RUNS, "≤ 0.15 of the start", beside, start),
        Row("the same alone: with pydantic and asyncio, which the rest needs too", loading, RUNS, "", beside, start),
        Row("refuse an empty environment, process to exit", refusal, RUNS, "≤ 1 s"),
    ]


def main() -> None:
    """Measure on a stack of its own."""
    with own_stack() as (_, stack):
        show(measure(stack))


if __name__ == "__main__":
    main()
