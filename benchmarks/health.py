"""What the promises of health come to: while all is well and in each fault of a dependency, after it, and the agent's.

Probes are asked as a load balancer asks, 200 of each path on connections of their own, the paths at once. What else
the machine does meanwhile counts into the figures. A "second" of the agent is CPU in one second of being scraped.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from benchmarks._rows import Memory, Row, show
from tests.workshop_app import probing
from tests.workshop_app.probing import FAULTS, probe, wait_ready
from workshop_kit.engine import cleanup, monitoring, reach
from workshop_kit.engine.stack import Stack
from workshop_kit.faults.injection import fault, undo_all
from workshop_kit.observe import stats
from workshop_kit.observe.wire import asker
from workshop_kit.progress import Report, Step
from workshop_kit.terminal import TerminalReport
from workshop_kit.workspace import provision
from workshop_kit.workspace.folder import Workspace

PROBES = 200
DEEP = ("/health", "/readyz")
RECOVERIES = 5
AGENT_RUNS = 3
AGENT_SECONDS = 30
SETTLED_SECONDS = 20  # Prometheus has asked everybody ten times
MIB = 2**20
WELL = "all is well"


@contextlib.contextmanager
def own_stack() -> Iterator[Stack]:
    """A stack of a workspace of its own; removed afterwards, whatever happened."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(Path(folder) / "workspace")
        stack = provision.stack_of(workspace, provision.session_of(workspace, reach.connect()))
        try:
            stack.up()
            yield stack
        finally:
            undo_all(stack.session, spare_the_living=False)
            cleanup.remove(stack.session, {"kernel", "workspace"})


def probed(stack: Stack, name: str) -> list[Row]:
    """The slowest deep probe, and what 99 of 100 liveness probes stay below, in one fault; every answer is right."""
    wait_ready(stack.url())
    with FAULTS[name](stack) if name in FAULTS else contextlib.nullcontext(stack.url()) as url:
        truth = 503 if name in FAULTS else 200
        probing.wait_until(lambda: probe(url, "/readyz").status == truth, f"readiness says {truth}")
        found = probing.probes(url, PROBES)
    assert {one.status for path in DEEP for one in found[path]} == {truth}, name
    assert {one.status for one in found["/livez"]} == {200}, name
    slowest = max(probing.slowest_seconds(found[path]) for path in DEEP)
    live = probing.p99_seconds(found["/livez"])
    return [
        Row(f"{name}: /health and /readyz", slowest, len(DEEP) * PROBES, "≤ 1.0 s", taken="slowest"),
        Row(f"{name}: /livez", live, PROBES, "≤ 0.1 s", taken="p99"),
    ]


def recoveries(stack: Stack, report: Report) -> list[Row]:
    """How soon it is ready again when its database goes on, or has been restarted; nobody restarts the service."""
    unpaused, restarted = [], []
    for number in range(RECOVERIES):
        report(Step("Health", number / RECOVERIES, "how soon it is ready again"))
        unpaused.append(after_unpause(stack))
        restarted.append(after_restart(stack))
    assert stack.container("service").attrs["RestartCount"] == 0
    return [
        *both("ready after the database was unpaused", unpaused, "≤ 5 s"),
        *both("ready after the database was stopped and started", restarted, "≤ 15 s"),
    ]


def after_unpause(stack: Stack) -> float:
    """Seconds from when the database goes on; that it stood still was noticed."""
    wait_ready(stack.url())
    with fault("pause", stack, "master-db"):
        wait_refused(stack)
    return wait_ready(stack.url())


def after_restart(stack: Stack) -> float:
    """Seconds from when the database is told to start.

    That it was away was noticed before: a good answer is kept for two seconds, in which a quick restart goes unseen.
    """
    wait_ready(stack.url())
    database = stack.container("master-db")
    database.stop()
    wait_refused(stack)
    began = time.monotonic()
    database.start()
    wait_ready(stack.url())
    return time.monotonic() - began


def wait_refused(stack: Stack) -> None:
    """Until readiness says no."""
    probing.wait_until(lambda: probe(stack.url(), "/readyz").status == 503, "readiness says no")


def both(work: str, seconds: Sequence[float], aim: str) -> list[Row]:
    """The median and the worst of some runs."""
    median = Row(work, statistics.median(seconds), len(seconds), aim)
    return [median, replace(median, ours_seconds=max(seconds), taken="worst")]


def agent(stack: Stack, report: Report) -> list[Row | Memory]:
    """What the sidecar takes while Prometheus scrapes it as in every lesson, by the engine's own account."""
    watched = monitoring.start(stack, report)
    ask, path = asker(stack.session.engine), f"/containers/{stack.container('agent').id}/stats?stream=0&one-shot=1"
    time.sleep(SETTLED_SECONDS)
    mib, shares = [], []
    for number in range(AGENT_RUNS):
        report(Step("Health", number / AGENT_RUNS, "what the agent takes"))
        before, began = cpu_seconds(ask(path)), time.monotonic()
        time.sleep(AGENT_SECONDS)
        after = ask(path)
        shares.append((cpu_seconds(after) - before) / (time.monotonic() - began))
        mib.append((stats.working_set(after["memory_stats"]) or 0) / MIB)
    query = {"query": f'up{{job="agent"}}[{AGENT_SECONDS}s]'}
    answer = httpx.get(f"{watched.prometheus_url()}/api/v1/query", params=query, trust_env=False).json()
    scrapes = [value for _, value in answer["data"]["result"][0]["values"]]
    assert set(scrapes) == {"1"}, scrapes
    scraped = f"scraped {len(scrapes)} times in {AGENT_SECONDS} s"
    return [
        Memory(f"the agent, {scraped}", statistics.median(mib), AGENT_RUNS, "≤ 20 MiB"),
        Row(f"CPU a second of the agent, {scraped}", statistics.median(shares), AGENT_RUNS, "≤ 0.01 s (1 % of a core)"),
    ]


def cpu_seconds(answer: dict[str, Any]) -> float:
    """What a container has used of the processor, as the engine tells."""
    return float(answer["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9)


def main() -> None:
    """All rows, on a stack of their own, which is removed."""
    os.environ.setdefault("NO_PROXY", "127.0.0.1")
    rows: list[Row | Memory] = []
    cases = (WELL, *FAULTS)
    with own_stack() as stack, TerminalReport() as report:
        for number, name in enumerate(cases):
            report(Step("Health", number / len(cases), name))
            rows += probed(stack, name)
        rows += recoveries(stack, report)
        rows += agent(stack, report)
    show(rows)


if __name__ == "__main__":
    main()
