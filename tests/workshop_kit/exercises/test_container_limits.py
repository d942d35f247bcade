"""container.limits: how a wrong answer is told apart from another one."""

from __future__ import annotations

from typing import Any

import pytest

from workshop_kit.exercises.checks import container_limits
from workshop_kit.exercises.result import Finding

MIB = 1024 * 1024
MOST = {"memory_mib": 96, "cores": 0.5, "processes": 40}
SEEN: dict[str, Any] = {
    "kernel": {"memory_bytes": 96 * MIB, "processes": 40, "cores": 0.5},
    "eaten_mib": 80,
    "eater_killed": True,
    "started": 38,
    "refused": True,
    "busy_cores": 0.5,
    "read_only": True,
}


def limits_findings(seen: dict[str, Any]) -> list[Finding]:
    """What the check finds in what was seen inside."""
    parts = (container_limits._memory, container_limits._processes, container_limits._cores)
    return [*(part(seen, MOST) for part in parts), container_limits._root(seen)]


@pytest.mark.parametrize(
    ("kernel", "also", "says"),
    [
        ({"memory_bytes": None}, {"eater_killed": False}, "nobody stopped it: its neighbors"),
        ({"memory_bytes": 200 * MIB}, {}, "may use 200 MiB"),
        ({"processes": None}, {"refused": False}, "fork bomb"),
        ({"cores": None}, {}, "two busy loops"),
        ({"cores": 2.0}, {}, "may use 2 cores"),
        ({}, {"read_only": False}, "can change the code that runs"),
    ],
)
def test_limits_that_do_not_do_are_told_apart(kernel: dict[str, Any], also: dict[str, Any], says: str) -> None:
    """None at all, or too much: one finding each, and all others pass."""
    assert all(finding.passed for finding in limits_findings(SEEN))
    findings = limits_findings({**SEEN, **also, "kernel": {**SEEN["kernel"], **kernel}})
    (wrong,) = (finding for finding in findings if not finding.passed)
    assert says in wrong.means


def test_the_numbers_of_the_task_come_from_the_seed() -> None:
    """The same for the same seed, and not the same for everybody."""
    assert container_limits.given(3) == container_limits.given(3)
    assert len({tuple(container_limits.given(seed).values()) for seed in range(30)}) > 10
