"""The sidecar agent: numbers equal to the engine's, without the engine's socket, of its own group only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from images.agent.cgroups import Account, accounts
from images.agent.exposition import METRICS, Observation, exposition
from images.agent.neighbors import Traffic
from tests.images.container_state import assert_confined, until
from workshop_kit.engine import containers
from workshop_kit.engine.containers import Running
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.stack import Stack, cgroup_variables

ONE = "a1" * 32
MIB = 1 << 20

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
ACCOUNT = Account(
    ONE,
    cpu_seconds=1.5,
    cpu_limit_cores=0.5,
    periods=40,
    throttled_periods=30,
    throttled_seconds=2.5,
    memory_bytes=700,
    memory_used_bytes=1000,
    memory_limit_bytes=4096,
    oom_kills=2,
    processes=7,
    processes_limit=100,
)


def write(folder: Path, files: dict[str, str]) -> None:
    """Write the files of one cgroup."""
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def version_2(root: Path, name: str, files: dict[str, str]) -> None:
    """Create a container's cgroup in a tree of version 2, which is mounted four times."""
    tree = root / "tree"
    write(tree / name, files)
    (tree / "cgroup.controllers").write_text("cpu memory pids\n")
    for controller in ("memory", "cpu", "cpuacct", "pids"):
        if not (root / controller).is_symlink():
            (root / controller).symlink_to(tree)


def version_1(root: Path, name: str, files: dict[str, dict[str, str]]) -> None:
    """One container's cgroups in the trees of version 1, one for each controller."""
    for controller, texts in files.items():
        write(root / controller / name, texts)


def test_both_versions_give_the_same_account(tmp_path: Path) -> None:
    """Names, units and meaning do not depend on the kernel's cgroup version."""
    version_1(tmp_path / "one", ONE, VERSION_1)
    version_2(tmp_path / "two", ONE, VERSION_2)
    assert list(accounts(tmp_path / "one")) == [ACCOUNT]
    assert list(accounts(tmp_path / "two")) == [ACCOUNT]


@pytest.mark.parametrize("name", [ONE, f"docker-{ONE}.scope"])
def test_only_cgroups_of_containers_count(tmp_path: Path, name: str) -> None:
    """Both cgroup drivers of the engine name a container; other cgroups are left out."""
    for one in (name, "init.scope", "buildkit", "a1a1"):
        version_2(tmp_path, one, VERSION_2)
    assert [one.container for one in accounts(tmp_path)] == [ONE]


def test_no_limit_is_no_number(tmp_path: Path) -> None:
    """Without a limit there is none, rather than a huge number, a negative one, or the machine's size."""
    free_1 = VERSION_1["memory"] | {"memory.limit_in_bytes": "9223372036854771712\n"}
    free_cpu = VERSION_1["cpu"] | {"cpu.cfs_quota_us": "-1\n"}
    version_1(tmp_path / "one", ONE, VERSION_1 | {"memory": free_1, "cpu": free_cpu, "pids": {"pids.max": "max\n"}})
    version_2(
        tmp_path / "two", ONE, VERSION_2 | {"memory.max": "max\n", "cpu.max": "max 100000\n", "pids.max": "max\n"}
    )
    for version in ("one", "two"):
        (account,) = accounts(tmp_path / version)
        assert (account.memory_limit_bytes, account.cpu_limit_cores, account.processes_limit) == (None, None, None)


def test_exposition_has_every_number_under_its_name() -> None:
    """Each field of account and traffic is exported once, in order, with help and type."""
    text = exposition([Observation("we", ACCOUNT, Traffic(11, 22, 33, 44))], 0)
    values = dict(re.findall(r"^(container_\w+)\{.*\} (.+)$", text, re.MULTILINE))
    assert list(values) == [metric.name for metric in METRICS]
    assert values["container_memory_working_set_bytes"] == "700"
    assert values["container_network_receive_bytes_total"] == "11"
    assert values["container_network_transmit_packets_total"] == "44"
    for metric in METRICS:
        assert text.count(f"# TYPE {metric.name} {metric.kind}\n") == 1
        assert metric.kind == ("counter" if metric.name.endswith("_total") else "gauge")


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
    found: dict[str, dict[str, float]] = {}
    for metric, service, container, value in re.findall(
        r'^(\w+)\{service="(.*)",container="(\w+)"\} (\S+)$', text, re.M
    ):
        found.setdefault(container, {f"service:{service}": 1.0})[metric] = float(value)
    return found


def of_engine(container: Any) -> dict[str, float]:
    """The same numbers from the engine's statistics."""
    said = container.client.api.stats(container.id, stream=False, one_shot=True)
    throttling = said["cpu_stats"]["throttling_data"]
    return {
        "container_cpu_usage_seconds_total": said["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9,
        "container_cpu_cfs_throttled_periods_total": throttling["throttled_periods"],
        "container_network_receive_bytes_total": sum(one["rx_bytes"] for one in said["networks"].values()),
        "container_network_transmit_bytes_total": sum(one["tx_bytes"] for one in said["networks"].values()),
        "container_spec_memory_limit_bytes": said["memory_stats"]["limit"],
    }


@pytest.fixture
def in_group(stack: Stack, session: Session, images: dict[str, str]) -> Iterator[Callable[..., Running]]:
    """Start containers in the stack's group and network; all are removed at the end."""
    parent = cgroup_variables(session.engine.client.info(), session.identity.session)["WORKSHOP_CGROUP_PARENT"]
    made: list[Running] = []

    def start(code: str, **more: Any) -> Running:
        more = {"network": f"{stack.project}_default", "host": {"CgroupParent": parent}} | more
        made.append(containers.run(session, Spec(images["base"], command=("python3", "-c", code), **more)))
        return made[-1]

    yield start
    for running in made:
        running.remove()


def knows(agent: Running, container: str, name: str) -> bool:
    """Whether the agent exports a container's name and traffic."""
    return {f"service:{name}", "container_network_receive_bytes_total"} <= set(look(agent).get(container, {}))


@pytest.mark.engine
def test_numbers_are_the_engines(agent: Running, stack: Stack) -> None:
    """Counters lie between the engine's values before and after; limits are equal."""
    for name in ("service", "redis"):
        container = stack.container(name)
        until(partial(knows, agent, container.id[:12], name), agent.container)
        httpx.get(f"{stack.url()}/health", trust_env=False)
        before, seen, after = of_engine(container), look(agent)[container.id[:12]], of_engine(container)
        for metric in (metric for metric in before if metric.endswith("_total")):
            assert before[metric] <= seen[metric] <= after[metric], (name, metric)
        assert seen["container_spec_memory_limit_bytes"] == before["container_spec_memory_limit_bytes"]


@pytest.mark.engine
@pytest.mark.long
def test_oom_and_throttling_are_counted(agent: Running, in_group: Callable[..., Running]) -> None:
    """A child killed for memory counts, and so do the periods in which the CPU limit held the container back."""
    code = (
        "import os, subprocess, sys\n"
        "subprocess.run([sys.executable, '-c', 'x = bytearray(200 << 20)'])\n"
        "while True: pass\n"
    )
    guest = in_group(code, memory_bytes=64 * MIB, cpus=0.1)
    until(lambda: look(agent)[guest.id[:12]]["container_oom_events_total"] == 1, agent.container)
    until(lambda: look(agent)[guest.id[:12]]["container_cpu_cfs_throttled_periods_total"] > 5, agent.container)
    assert look(agent)[guest.id[:12]]["container_cpu_limit_cores"] == 0.1


@pytest.mark.engine
def test_sees_its_group_and_nothing_else(agent: Running, stack: Stack, in_group: Callable[..., Running]) -> None:
    """The next scrape has a new container of the group, not a removed one, and never one of another group.

    A container on another network has no traffic and no name.
    """
    stranger, loner = (
        in_group("import time; time.sleep(600)", host={}),
        in_group("import time; time.sleep(600)", network="none"),
    )
    guest = in_group("import time; time.sleep(600)")
    until(lambda: f"service:{guest.name}" in look(agent)[guest.id[:12]], agent.container)
    seen = look(agent)
    assert stranger.id[:12] not in seen
    assert stack.container("service").id[:12] in seen
    assert "service:" in seen[loner.id[:12]]
    assert not any("network" in metric for metric in seen[loner.id[:12]])
    guest.container.remove(force=True)
    assert guest.id[:12] not in look(agent)


@pytest.mark.engine
def test_agent_has_no_power(agent: Running) -> None:
    """No root, no capability, no socket, no shared namespace, nothing writable: it reads counters, and that is all."""
    assert_confined(agent.container, 10006)
    attrs = agent.inspect()
    assert {mount["Destination"]: mount["RW"] for mount in attrs["Mounts"] if mount["Type"] == "bind"} == {
        **{f"/host/cgroup/{controller}": False for controller in ("memory", "cpu", "cpuacct", "pids")},
        "/host/net": False,
    }
    host = attrs["HostConfig"]
    assert (host["PidMode"], host["Privileged"], host["ReadonlyRootfs"]) == ("", False, True)
    assert host["NetworkMode"].endswith("_default")
    said = agent.exec("sh", "-c", "echo 1 > /host/cgroup/memory/cgroup.procs; echo 1 > /host/net/lo/mtu")
    assert said.output.count("Read-only file system") == 2
