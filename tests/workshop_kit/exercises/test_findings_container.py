"""The checks of lesson 01 on recorded observations: each mistake gets its own finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import pytest

from tests.workshop_kit.exercises import check_runner
from workshop_kit.checks import container_compose, container_dockerfile, container_graceful, container_limits
from workshop_kit.checks.container_limits import LimitObservation
from workshop_kit.engine import features
from workshop_kit.host import MIB
from workshop_kit.observe.http import Answer
from workshop_kit.trials.check_api import CheckEnded
from workshop_kit.trials.result import Finding, Verdict

LIMITS = {"memory_bytes": 96 * MIB, "cpus": 0.5, "pids": 40}


def test_limits_are_read_from_the_output_of_compose() -> None:
    """The limits of a deploy count; another service's do not."""
    deploy = {"resources": {"limits": {"memory": "100663296", "cpus": 0.5, "pids": 40}}}
    read = container_compose.limits_in({"services": {"my-service": {"deploy": deploy}}})
    named = {name: value for name, value in read.items() if name != "host"}
    assert {name: value for name, value in named.items() if value} == LIMITS
    tmpfs = container_compose.limits_in({"services": {"my-service": {"tmpfs": ["/tmp", "/run:size=1m"]}}})["tmpfs"]
    assert tmpfs == {"/tmp": "", "/run": "size=1m"}
    with pytest.raises(CheckEnded) as refused:
        container_compose.limits_in({"services": {"shop": {}}})
    check_runner.assert_keys([("container.limits.file.no-service", refused.value.result.findings)])


MOST = {"memory_mib": 96, "cores": 0.5, "processes": 40}
RIGHT = LimitObservation(killed=True, process_count=38, busy_cores=0.5, read_only=True)


def limits_findings(tried: LimitObservation = RIGHT, swap_bytes: int = 0, **wanted: float | None) -> Sequence[Finding]:
    """What the check finds with these limits, and with this seen inside."""
    return container_limits.findings_in(tried, MOST, {**LIMITS, "host": {"MemorySwap": swap_bytes}, **wanted}, {})


def test_each_missing_limit_is_named() -> None:
    """None at all, too much, or one that does not hold: one finding each, and all others pass."""
    assert all(finding.passed for finding in limits_findings())
    assert all(finding.passed for finding in limits_findings(swap_bytes=96 * MIB))
    eaten = replace(RIGHT, killed=False)
    started = replace(RIGHT, process_count=41)
    cases = {
        "container.limits.memory.unlimited": limits_findings(eaten, memory_bytes=None),
        "container.limits.memory.too-high": limits_findings(memory_bytes=200 * MIB),
        "container.limits.memory.held": limits_findings(eaten),
        "container.limits.swap": limits_findings(swap_bytes=200 * MIB),
        "container.limits.processes.unlimited": limits_findings(started, pids=None),
        "container.limits.processes.too-high": limits_findings(started, pids=200),
        "container.limits.processes.held": limits_findings(started),
        "container.limits.cores.unlimited": limits_findings(cpus=None),
        "container.limits.cores.too-high": limits_findings(cpus=2.0),
        "container.limits.root": limits_findings(replace(RIGHT, read_only=False)),
    }
    check_runner.assert_keys(cases.items())
    for findings in cases.values():
        assert sum(not finding.passed for finding in findings) == 1


IGNORED = replace(RIGHT, killed=False, process_count=41)
HERE = dict.fromkeys((features.MEMORY, features.PROCESSES), "it does not hold on this rootless engine")


@pytest.mark.parametrize(
    ("ignored", "tried", "pids", "verdict"),
    [
        (HERE, IGNORED, 40, Verdict.CANNOT_JUDGE),
        (HERE, replace(IGNORED, read_only=False), 40, Verdict.WRONG),
        (HERE, IGNORED, None, Verdict.WRONG),
        ({}, IGNORED, 40, Verdict.WRONG),
    ],
)
def test_limits_that_the_engine_ignores_cannot_be_judged(
    ignored: dict[str, str], tried: LimitObservation, pids: int | None, verdict: Verdict
) -> None:
    """Right limits without effect are a mistake only where the engine's limits are known to hold."""
    alive = container_limits.FINDINGS.passed("alive", "201", status=201)
    result = container_limits.judge(tried, MOST, {**LIMITS, "pids": pids, "host": {}}, alive, ignored)
    assert result.verdict is verdict
    judged_here = "on this rootless engine: container.limits cannot be judged here." not in result.summary
    assert judged_here == (verdict is not Verdict.CANNOT_JUDGE)


@pytest.mark.parametrize(
    ("key", "finding"),
    [
        ("container.dockerfile.stops.killed", container_dockerfile._stop_finding("python app.py", 143)),
        ("container.dockerfile.stops.crashed", container_dockerfile._stop_finding("python app.py", 3)),
        ("container.dockerfile.stops.deaf", container_dockerfile._stop_finding("python app.py", None)),
        ("container.dockerfile.stops.shell", container_dockerfile._stop_finding("/bin/sh -c uvicorn", None)),
        ("container.graceful.end.deaf", container_graceful._end_finding("python app.py", None, hears=False)),
        ("container.graceful.end.held", container_graceful._end_finding("uvicorn app:app", None, hears=True)),
        ("container.graceful.end.shell", container_graceful._end_finding("sh start.sh", None, hears=False)),
        ("container.graceful.end.killed", container_graceful._end_finding("sh start.sh", 143, hears=False)),
        ("container.graceful.end.crashed", container_graceful._end_finding("sh start.sh", 1, hears=False)),
        (
            "container.graceful.order.lost",
            container_graceful._order_finding(Answer(None, 0.1, error="connection closed")),
        ),
        ("container.graceful.order.given-up", container_graceful._order_finding(Answer(503, 0.1))),
    ],
)
def test_each_bad_stop_is_named(key: str, finding: Finding) -> None:
    """By process 1, its exit code, and whether it took new orders after SIGTERM."""
    assert (finding.passed, finding.key) == (False, key)
    assert "{" not in finding.means


LAYERS = pd.DataFrame(
    [
        ("app/.env", 1, "COPY . .", False),
        ("venv/lib/uvicorn.dist-info/METADATA", 2, "RUN pip install -r requirements.txt", True),
    ],
    columns=["path", "layer", "instruction", "visible"],
)


def test_what_a_layer_holds_is_named() -> None:
    """A secret that a later step deletes, one that is there, packages that were installed again, and newer ones."""
    visible = LAYERS.assign(visible=True)
    cases = {
        "container.dockerfile.secrets.deleted": container_dockerfile._secrets_finding(LAYERS),
        "container.dockerfile.secrets.visible": container_dockerfile._secrets_finding(visible),
        "container.dockerfile.cached": container_dockerfile._cache_finding(LAYERS, ["a", "b"], ["a", "b", "c"]),
        "container.dockerfile.pinned": container_dockerfile._pins_finding("click==8.5.1.post999\nuvicorn==0.54.0"),
    }
    check_runner.assert_keys((key, [finding]) for key, finding in cases.items())
