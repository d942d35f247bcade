"""The sidecar agent: the same numbers from both cgroup versions, of the one service beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from images.agent.agent import exposition, read_metrics
from tests.images.conftest import assert_confined, until
from workshop_kit.engine import containers
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.containers import Running
from workshop_kit.engine.session import Session

VERSION_1 = {
    "cpu/cpu.stat": "nr_periods 40\nnr_throttled 30\nthrottled_time 2500000000\n",
    "cpuacct/cpuacct.usage": "1500000000\n",
    "memory/memory.usage_in_bytes": "1000\n",
    "memory/memory.limit_in_bytes": "4096\n",
    "memory/memory.stat": "cache 500\ninactive_file 1\ntotal_inactive_file 300\n",
    "memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
}
VERSION_2 = {
    "cgroup.controllers": "cpu memory pids\n",
    "cpu.stat": "usage_usec 1500000\nuser_usec 1\nsystem_usec 2\nnr_periods 40\nnr_throttled 30\n",
    "memory.current": "1000\n",
    "memory.max": "4096\n",
    "memory.stat": "anon 100\nfile 500\ninactive_anon 0\ninactive_file 300\n",
    "memory.events": "low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\noom_group_kill 0\n",
}
NETWORK = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier
    lo:     999      99    0    0    0     0          0         0      999      99    0    0    0     0       0
  eth0:     646       8    0    0    0     0          0         0       42       1    0    0    0     0       0
"""
NUMBERS = {
    "container_memory_working_set_bytes": 700,
    "container_memory_usage_bytes": 1000,
    "container_spec_memory_limit_bytes": 4096,
    "container_oom_events_total": 2,
    "container_cpu_usage_seconds_total": 1.5,
    "container_cpu_cfs_periods_total": 40,
    "container_cpu_cfs_throttled_periods_total": 30,
    "container_network_receive_bytes_total": 646,
    "container_network_transmit_bytes_total": 42,
}
NO_LIMITS = {"memory/memory.limit_in_bytes": "9223372036854771712\n", "memory.max": "max\n"}


def numbers(process: Path, files: dict[str, str]) -> dict[str, float | None]:
    """The metrics of a process with these files in its cgroup."""
    for name, text in files.items():
        file = process / "root/sys/fs/cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (process / "net").mkdir(parents=True)
    (process / "net/dev").write_text(NETWORK)
    return {metric.name: metric.value for metric in read_metrics(process)}


@pytest.mark.parametrize("files", [VERSION_1, VERSION_2], ids=["v1", "v2"])
def test_both_versions_give_the_same_numbers(files: dict[str, str], tmp_path: Path) -> None:
    """Names, units and meaning do not depend on the kernel's cgroup version; no limit is no number."""
    assert numbers(tmp_path / "limited", files) == NUMBERS
    unlimited = files | {name: text for name, text in NO_LIMITS.items() if name in files}
    assert numbers(tmp_path / "unlimited", unlimited)["container_spec_memory_limit_bytes"] is None
    assert "memory_limit" not in exposition(read_metrics(tmp_path / "unlimited"))


# From here on: the real thing, beside a real container.


@pytest.fixture
def service(session: Session, images: dict[str, str]) -> Iterator[Running]:
    """A container with a program, as an ordinary user."""
    with containers.run(session, Spec(images["base"], command=("sleep", "600"), user="10001:10001")) as running:
        yield running


def beside(service: Running, image: str, user: str) -> Spec:
    """The agent in the PID namespace of a service."""
    return Spec(image, user=user, ports=(9101,), more={"pid_mode": f"container:{service.id}"})


def test_it_says_what_the_engine_says_and_ends_with_its_service(
    session: Session, images: dict[str, str], service: Running
) -> None:
    """No root, no capability, no mount; memory as the engine counts it. Without its service it is gone."""
    with containers.run(session, beside(service, images["agent"], "10001:10001")) as agent:
        until(lambda: "container_memory" in scrape(agent), agent.container)
        read = dict(re.findall(r"^(\w+) (\S+)$", scrape(agent), re.M))
        engine = service.container.stats(stream=False, one_shot=True)
        assert float(read["container_spec_memory_limit_bytes"]) == engine["memory_stats"]["limit"]
        assert float(read["container_memory_usage_bytes"]) == pytest.approx(engine["memory_stats"]["usage"], rel=0.5)
        assert_confined(agent.container, 10001)
        assert agent.inspect()["Mounts"] == []
        service.remove()
        assert agent.wait_ended() != 0


def scrape(agent: Running) -> str:
    """The text of its metrics; "" while it does not answer."""
    try:
        return httpx.get(f"{agent.url(9101)}/metrics", trust_env=False, timeout=10).text
    except httpx.HTTPError:
        return ""


def test_where_it_cannot_read_it_says_so_and_ends(session: Session, images: dict[str, str], service: Running) -> None:
    """As another user than the service: one sentence with the reason and what to use instead."""
    with containers.run(session, beside(service, images["agent"], "10006:10006")) as agent:
        assert agent.wait_ended() == 1
        assert "Permission denied" in agent.log_tail()
        assert "use stats() instead" in agent.log_tail()
        assert "Traceback" not in agent.log_tail()
