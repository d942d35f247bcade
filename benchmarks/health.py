"""The speed of health probes without and with faults of dependencies, and of recovery.

Probes are sent as a load balancer sends them: 200 of each path on separate connections, the paths at the same time.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace

from benchmarks._rows import Row, show
from benchmarks._workspace import own_stack
from tests.workshop_app import probes
from tests.workshop_app.probes import FAULTS, probe, wait_ready
from workshop_kit.engine.stack import Stack
from workshop_kit.faults.injection import fault
from workshop_kit.reporting import Report, Step
from workshop_kit.terminal import TerminalReport

PROBES = 200
DEEP = ("/health", "/readyz")
RECOVERIES = 5
WELL = "all is well"


def measure_probes(stack: Stack, name: str) -> list[Row]:
    """Measure the slowest deep probe and the 99th percentile of liveness in one fault, or if all is well.

    All answers must have the status that is true then.
    """
    wait_ready(stack.url())
    expected_status = 503 if name in FAULTS else 200
    fault_block = FAULTS[name](stack) if name in FAULTS else contextlib.nullcontext(stack.url())
    with fault_block as url:
        probes.wait_answer(lambda: probe(url, "/readyz").status == expected_status)
        answers = probes.probe_paths(url, PROBES)

    deep_statuses = {answer.status for path in DEEP for answer in answers[path]}
    live_statuses = {answer.status for answer in answers["/livez"]}
    assert deep_statuses == {expected_status}, name
    assert live_statuses == {200}, name

    slowest = max(probes.slowest_seconds(answers[path]) for path in DEEP)
    p99_of_liveness = probes.p99_seconds(answers["/livez"])
    return [
        Row(f"{name}: /health and /readyz", slowest, len(DEEP) * PROBES, "≤ 1.0 s", taken="slowest"),
        Row(f"{name}: /livez", p99_of_liveness, PROBES, "≤ 0.1 s", taken="p99"),
    ]


def recoveries(stack: Stack, report: Report) -> list[Row]:
    """Measure the time to readiness after the database was unpaused or restarted; the service is not restarted."""
    seconds_after_unpause = []
    seconds_after_restart = []
    for number in range(RECOVERIES):
        report(Step("Health", number / RECOVERIES, "how soon it is ready again"))
        seconds_after_unpause.append(after_unpause(stack))
        seconds_after_restart.append(after_restart(stack))

    assert stack.container("service").attrs["RestartCount"] == 0
    return [
        *median_and_worst("ready after the database was unpaused", seconds_after_unpause, "≤ 5 s"),
        *median_and_worst("ready after the database was stopped and started", seconds_after_restart, "≤ 15 s"),
    ]


def after_unpause(stack: Stack) -> float:
    """Return the seconds from unpausing the database to readiness."""
    wait_ready(stack.url())
    with fault("pause", stack, "master-db"):
        wait_refused(stack)
    return wait_ready(stack.url())


def after_restart(stack: Stack) -> float:
    """Return the seconds from starting the stopped database to readiness."""
    wait_ready(stack.url())
    database = stack.container("master-db")
    database.stop()
    wait_refused(stack)
    began = time.monotonic()
    database.start()
    wait_ready(stack.url())
    return time.monotonic() - began


def wait_refused(stack: Stack) -> None:
    """Wait until readiness is 503."""
    probes.wait_answer(lambda: probe(stack.url(), "/readyz").status == 503)


def median_and_worst(work: str, seconds: Sequence[float], aim: str) -> list[Row]:
    """Return a row for the median of some runs, and one for the worst."""
    median_row = Row(work, statistics.median(seconds), len(seconds), aim)
    worst_row = replace(median_row, ours=max(seconds), taken="worst")
    return [median_row, worst_row]


def main() -> None:
    """Measure on a stack of its own."""
    rows: list[Row] = []
    cases = (WELL, *FAULTS)
    with own_stack() as (_, stack), TerminalReport() as report:
        for number, name in enumerate(cases):
            report(Step("Health", number / len(cases), name))
            rows += measure_probes(stack, name)
        rows += recoveries(stack, report)
    show(rows)


if __name__ == "__main__":
    main()
