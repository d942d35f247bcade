"""The checks of lesson 01 on recorded observations: each mistake gets its own finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.workshop_kit.exercises import check_runner
from workshop_kit.checks import container_compose, container_limits
from workshop_kit.checks.container_limits import LimitObservation
from workshop_kit.engine import features
from workshop_kit.host import MIB
from workshop_kit.trials.check_api import CheckEnded
from workshop_kit.trials.result import Finding, Verdict

LIMITS = {"memory_bytes": 96 * MIB, "cpus": 0.5, "pids": 40}


def test_limits_are_read_from_the_output_of_compose() -> None:
    """The limits of a deploy count; another service's do not."""
    deploy = {"resources": {"limits": {"memory": "100663296", "cpus": 0.5, "pids": 40}}}
    read = container_compose.limits_in({"services": {"my-service": {"deploy": deploy}}})
    named = {name: value for name, value in read.items() if name != "more"}
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
    return container_limits.findings_in(tried, MOST, {**LIMITS, "more": {"memswap_limit": swap_bytes}, **wanted}, {})


def test_each_missing_limit_is_named() -> None:
    """None at all, too much, or one that does not hold: one finding each, and all others pass."""
    assert all(finding.passed for finding in limits_findings())
    assert all(finding.passed for finding in limits_findings(swap_bytes=96 * MIB))
    eaten = replace(RIGHT, killed=False)
    started = replace(RIGHT, process_count=41)
    cases = {
        "container.limits.memory.too-high": limits_findings(memory_bytes=200 * MIB),
        "container.limits.memory.held": limits_findings(eaten),
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
    result = container_limits.judge(tried, MOST, {**LIMITS, "pids": pids, "more": {}}, alive, ignored)
    assert result.verdict is verdict
    judged_here = "on this rootless engine: container.limits cannot be judged here." not in result.summary
    assert judged_here == (verdict is not Verdict.CANNOT_JUDGE)
