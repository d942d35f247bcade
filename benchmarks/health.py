"""The speed of health probes without and with faults of dependencies.

Probes are sent as a load balancer sends them: 200 of each path on separate connections, the paths at the same time.
"""

from __future__ import annotations

import contextlib

from benchmarks._rows import Row, show
from benchmarks._workspace import own_stack
from tests.workshop_app import probes
from tests.workshop_app.probes import FAULTS, probe, wait_ready
from workshop_kit.engine.stack import Stack
from workshop_kit.reporting import Step
from workshop_kit.terminal import TerminalReport

PROBES = 200
DEEP = ("/health", "/readyz")
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


def main() -> None:
    """Measure on a stack of its own."""
    rows: list[Row] = []
    cases = (WELL, *FAULTS)
    with own_stack() as (_, stack), TerminalReport() as report:
        for number, name in enumerate(cases):
            report(Step("Health", number / len(cases), name))
            rows += measure_probes(stack, name)
    show(rows)


if __name__ == "__main__":
    main()
