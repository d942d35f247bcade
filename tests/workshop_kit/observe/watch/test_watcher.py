"""The watcher finds a target's container through restarts and replacements."""

from __future__ import annotations

from typing import Any

import pandas as pd

from workshop_kit.observe.watch import WatchTarget
from workshop_kit.observe.watch.tables import cpu_limit_percent

COMPOSE = "com.docker.compose"


def listed(identifier: str, state: str = "running", port: int | None = 32768, created: int = 1, **more: Any) -> Any:
    """A container as the engine lists it."""
    ports = [{"PrivatePort": 9000, "Type": "tcp"}]
    ports += [{"PrivatePort": 8080, "PublicPort": port, "Type": "tcp", "IP": "127.0.0.1"}] if port else []
    labels = {f"{COMPOSE}.project": "p", f"{COMPOSE}.service": "service"}
    return {
        "Id": identifier,
        "State": state,
        "Created": created,
        "Labels": labels,
        "Ports": ports,
        "Names": ["/p-s-1"],
        **more,
    }


def test_a_service_is_followed_to_its_new_container_and_port() -> None:
    """The one that runs wins over the newer one that does not; one that was replaced is forgotten."""
    target = WatchTarget("service", "p", "service")
    before = target.find([listed("a", port=1), listed("x", Labels={})])
    assert before is not None
    assert (before.id, before.url) == ("a", "http://127.0.0.1:1")
    after = target.find(
        [listed("a", "exited", None, 1), listed("b", port=2, created=5), listed("c", "created", None, 9)]
    )
    assert after is not None
    assert (after.id, after.url) == ("b", "http://127.0.0.1:2")
    gone = target.find([listed("a", "exited", None)])
    assert gone is not None
    assert not gone.is_running
    assert target.find([]) is None


def test_a_cpu_limit_is_read_in_both_of_its_spellings() -> None:
    """NanoCpus, or quota over period; nothing of either is no limit."""
    assert cpu_limit_percent({"NanoCpus": 500_000_000}) == 50
    assert cpu_limit_percent({"CpuQuota": 20_000, "CpuPeriod": 100_000}) == 20
    assert pd.isna(cpu_limit_percent({"NanoCpus": 0, "CpuQuota": -1}))
