"""The sidecar agent: the same numbers from both cgroup versions, of its own group only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from images.agent.cgroups import Account, accounts
from tests.images.conftest import assert_confined, run, until
from workshop_kit.engine import containers
from workshop_kit.engine.containers import Running, Spec
from workshop_kit.engine.dialect import cgroup_variables
from workshop_kit.engine.session import Session
from workshop_kit.engine.stack import Stack

ONE = "a1" * 32

VERSION_1 = {
    "cpu": {
        "cpu.stat": "nr_periods 40\nnr_throttled 30\nthrottled_time 2500000000\n",
        "cpu.cfs_quota_us": "50000\n",
        "cpu.cfs_period_us": "100000\n",
    },
    "cpuacct": {"cpuacct.usage": "1500000000\n"},
    "memory": {
        "memory.usage_in_bytes": "1000\n",
        "memory.limit_in_bytes": "4096\n",
        "memory.stat": "cache 500\ninactive_file 1\ntotal_inactive_file 300\n",
        "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    },
    "pids": {"pids.current": "7\n", "pids.max": "100\n"},
}
VERSION_2 = {
    "cpu.stat": "usage_usec 1500000\nuser_usec 1\nsystem_usec 2\nnr_periods 40\nnr_throttled 30\n"
    "throttled_usec 2500000\nnr_bursts 0\nburst_usec 0\n",
    "cpu.max": "50000 100000\n",
    "memory.current": "1000\n",
    "memory.max": "4096\n",
    "memory.stat": "anon 100\nfile 500\ninactive_anon 0\ninactive_file 300\n",
    "memory.events": "low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\noom_group_kill 0\n",
    "pids.current": "7\n",
    "pids.max": "100\n",
}
ACCOUNT = Account(ONE, 1.5, 0.5, 40, 30, 2.5, 700, 1000, 4096, 2, 7, 100)


def write(folder: Path, files: dict[str, str]) -> None:
    """Write the files of one cgroup."""
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def version_1(root: Path, files: dict[str, dict[str, str]]) -> list[Account]:
    """The accounts in the trees of version 1, one tree for each controller."""
    for controller, texts in files.items():
        write(root / controller / ONE, texts)
    return list(accounts(root))


def version_2(root: Path, files: dict[str, str], name: str = ONE) -> list[Account]:
    """The accounts in a tree of version 2, which is mounted four times; other groups of the engine are beside them."""
    for group in (name, "init.scope", "buildkit", "a1a1"):
        write(root / "tree" / group, files)
    (root / "tree" / "cgroup.controllers").write_text("cpu memory pids\n")
    for controller in ("memory", "cpu", "cpuacct", "pids"):
        (root / controller).symlink_to(root / "tree")
    return list(accounts(root))


def test_both_versions_give_the_same_account(tmp_path: Path) -> None:
    """Names, units and meaning depend neither on the kernel's cgroup version nor on the engine's cgroup driver."""
    assert version_1(tmp_path / "one", VERSION_1) == [ACCOUNT]
    assert version_2(tmp_path / "two", VERSION_2) == [ACCOUNT]
    assert version_2(tmp_path / "systemd", VERSION_2, f"docker-{ONE}.scope") == [ACCOUNT]


# From here on: the real thing, beside the real stack.


@pytest.fixture(scope="module")
def agent(stack: Stack) -> Iterator[Running]:
    """The stack's agent, started and removed again."""
    stack.up("agent")
    running = Running(stack.session, stack.container("agent"))
    yield running
    running.remove()


def look(agent: Running) -> dict[str, dict[str, float]]:
    """Scrape the agent: values by container (12 hex) and metric; the name as ``service:NAME``."""
    text = httpx.get(f"{agent.url(9101)}/metrics", trust_env=False, timeout=10).raise_for_status().text
    by_container: dict[str, dict[str, float]] = {}
    for metric, service, container, value in re.findall(
        r'^(\w+)\{service="(.*)",container="(\w+)"\} (\S+)$', text, re.M
    ):
        by_container.setdefault(container, {f"service:{service}": 1.0})[metric] = float(value)
    return by_container


def test_sees_its_group_and_nothing_else(agent: Running, stack: Stack, images: dict[str, str]) -> None:
    """The next scrape has a new container of the group, not a removed one, and never one of another group."""
    session = stack.session
    parent = cgroup_variables(session.engine.client.info(), session.identity.workspace_id)["WORKSHOP_CGROUP_PARENT"]
    network = f"{stack.project}_default"
    host = {"CgroupParent": parent}
    sleep = Spec(images["base"], command=("sleep", "600"), network=network, host=host)
    with (
        containers.run(session, replace(sleep, host={})) as stranger,
        containers.run(session, sleep) as guest,
    ):
        until(lambda: f"service:{guest.name}" in look(agent)[guest.id[:12]], agent.container)
        accounts = look(agent)
        assert stranger.id[:12] not in accounts
        assert stack.container("service").id[:12] in accounts
    assert guest.id[:12] not in look(agent)


def test_without_a_cgroup_it_starts_and_says_so(session: Session, images: dict[str, str], open_path: Path) -> None:
    """On a rootless engine an empty folder is mounted: healthy, one line in the log, and no container."""
    binds = [f"{open_path}:/host/cgroup/{controller}:ro" for controller in ("memory", "cpu", "cpuacct", "pids")]
    spec = Spec(images["agent"], ports=(9101,), host={"Binds": binds})
    with containers.run(session, spec) as running:
        until(lambda: running.inspect()["State"]["Health"]["Status"] == "healthy", running.container)
        assert look(running) == {}
        assert "shows no cgroup" in running.log_tail()


def test_agent_has_no_power(agent: Running) -> None:
    """No root, no capability, no socket, nothing writable: it reads counters, and that is all."""
    assert_confined(agent.container, 10006)
    assert {mount["Destination"]: mount["RW"] for mount in agent.inspect()["Mounts"] if mount["Type"] == "bind"} == {
        **{f"/host/cgroup/{controller}": False for controller in ("memory", "cpu", "cpuacct", "pids")},
        "/host/net": False,
    }
    output = run(agent.container, "echo 1 > /host/cgroup/memory/cgroup.procs; echo 1 > /host/net/lo/mtu")[1]
    assert output.count("Read-only file system") == 2
