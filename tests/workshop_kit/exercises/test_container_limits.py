"""The limits in compose.yaml as container.limits reads them, and an engine that ignores them."""

from __future__ import annotations

from typing import Any

import pytest

from workshop_kit.checks import container_compose, container_limits
from workshop_kit.engine.containers import CommandResult
from workshop_kit.host import MIB
from workshop_kit.trials.expect import collected

LIMITS = {"memory_bytes": 96 * MIB, "cpus": 0.5, "pids": 40}
RUNNING: Any = None


def test_limits_are_read_from_the_output_of_compose() -> None:
    """Those of a deploy count, and so does a quota of the processor."""
    deploy = {"resources": {"limits": {"memory": "100663296", "cpus": 0.5, "pids": 40}}}
    read = container_compose.limits_of({"deploy": deploy})
    assert {name: read[name] for name in LIMITS} == LIMITS
    more = container_compose.limits_of({"cpu_quota": 12500, "cpu_period": "50000"})["more"]
    assert (more["cpu_quota"], more["cpu_period"]) == (12500, 50000)
    tmpfs = container_compose.limits_of({"tmpfs": ["/tmp", "/run:size=1m"]})["tmpfs"]
    assert tmpfs == {"/tmp": "", "/run": "size=1m"}


@pytest.mark.parametrize(("bytes_of_both", "passes"), [(None, True), (96 * MIB, True), (-1, False), (300 * MIB, False)])
def test_swap_is_as_large_as_memory_at_most(bytes_of_both: int | None, passes: bool) -> None:
    """That is what an engine allows where nothing is said."""
    more = {"memswap_limit": bytes_of_both} if bytes_of_both else {}
    with collected() as findings:
        container_limits.limits_swap({**LIMITS, "more": more})
    assert [finding.passed for finding in findings] == [passes]


def test_right_limits_that_the_engine_ignores_are_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that is too high is one, there too."""
    monkeypatch.setattr(container_limits, "run_inside", lambda *_, **_options: CommandResult(0, "41"))
    with collected() as findings:
        assert not container_limits.limits_memory(RUNNING, LIMITS, 96)
        assert not container_limits.limits_processes(RUNNING, 40, 40)
        assert findings == []
        assert container_limits.limits_memory(RUNNING, LIMITS, 64)
        assert container_limits.limits_processes(RUNNING, 0, 40)
    assert [finding.passed for finding in findings] == [False, False]
