"""The checks of lesson 01 on recorded observations: each mistake gets its own finding, and its first hint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.workshop_kit.exercises import check_runner
from workshop_kit.engine import features
from workshop_kit.exercises.check_api import CheckEnded
from workshop_kit.exercises.checks import container_limits
from workshop_kit.exercises.checks.container_limits import LimitObservation
from workshop_kit.exercises.result import Finding, Verdict
from workshop_kit.machine import MIB

LIMITS = {"memory_bytes": 96 * MIB, "cpus": 0.5, "pids": 40}


def test_limits_are_read_from_the_output_of_compose() -> None:
    """The limits of a deploy count; another service's do not."""
    deploy = {"resources": {"limits": {"memory": "100663296", "cpus": 0.5, "pids": 40}}}
    read = container_limits.limits_in({"services": {"my-service": {"deploy": deploy}}})
    assert {name: value for name, value in read.items() if value and name != "host"} == LIMITS
    with pytest.raises(CheckEnded, match="no service my-service"):
        container_limits.limits_in({"services": {"shop": {}}})


MOST = {"memory_mib": 96, "cores": 0.5, "processes": 40}
RIGHT = LimitObservation(killed=True, started=38, busy_cores=0.5, read_only=True)


def limits_findings(tried: LimitObservation = RIGHT, swap_bytes: int = 0, **wanted: float | None) -> Sequence[Finding]:
    """What the check finds with these limits, and with this seen inside."""
    return container_limits.findings_in(tried, MOST, {**LIMITS, "host": {"MemorySwap": swap_bytes}, **wanted}, {})


def test_each_missing_limit_is_named() -> None:
    """None at all, or too much: one finding each, and all others pass."""
    assert all(finding.passed for finding in limits_findings())
    assert all(finding.passed for finding in limits_findings(swap_bytes=96 * MIB))
    eaten, started, writable = replace(RIGHT, killed=False), replace(RIGHT, started=41), replace(RIGHT, read_only=False)
    cases = [
        ("no limit stopped it: other containers", limits_findings(eaten, memory_bytes=None)),
        ("may use 200 MiB", limits_findings(eaten, memory_bytes=200 * MIB)),
        ("it goes on in swap", limits_findings(swap_bytes=200 * MIB)),
        ("processes inside", limits_findings(started, pids=None)),
        ("fork bomb", limits_findings(started, pids=None)),
        ("loops busy", limits_findings(cpus=None)),
        ("root file system", limits_findings(writable)),
    ]
    check_runner.assert_named("container.limits", cases, without=["docker compose config"])
    assert all(sum(not finding.passed for finding in findings) == 1 for _, findings in cases)


IGNORED = replace(RIGHT, killed=False, started=41)
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
    alive = Finding(True, "POST /orders, after all that", "201", "201")
    result = container_limits.judge(tried, MOST, {**LIMITS, "pids": pids, "host": {}}, alive, ignored)
    assert result.verdict is verdict
    judged_here = "on this rootless engine: container.limits cannot be judged here." not in result.summary
    assert judged_here == (verdict is not Verdict.CANNOT_JUDGE)
