"""The sidecar agent: the engine's own numbers without the engine's socket, of its group and of nobody else."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from images.agent import neighbors
from images.agent.cgroups import Account, accounts
from images.agent.exposition import METRICS, Seen, exposition
from images.agent.neighbors import Neighbors, Traffic
from tests.conftest import LiveStack
from tests.images.seen import confinement
from workshop_kit.engine import cgroups, containers
from workshop_kit.engine.containers import Running
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.stack import Stack

ONE, OTHER = "a1" * 32, "b2" * 32
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
    """One container's cgroup in a tree of version 2, which is mounted four times."""
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
    """Whatever the kernel's version, the numbers have the same names, units and meaning."""
    version_1(tmp_path / "one", ONE, VERSION_1)
    version_2(tmp_path / "two", ONE, VERSION_2)
    assert list(accounts(tmp_path / "one")) == [ACCOUNT]
    assert list(accounts(tmp_path / "two")) == [ACCOUNT]


@pytest.mark.parametrize("name", [ONE, f"docker-{ONE}.scope"])
def test_both_drivers_name_a_container(tmp_path: Path, name: str) -> None:
    """The engine's cgroup drivers name the same folder differently."""
    version_2(tmp_path, name, VERSION_2)
    assert [one.container for one in accounts(tmp_path)] == [ONE]


def test_what_is_no_container_is_left_out(tmp_path: Path) -> None:
    """Other groups below ours are nobody's account."""
    version_2(tmp_path, ONE, VERSION_2)
    for name in ("init.scope", "buildkit", "a1a1"):
        version_2(tmp_path, name, VERSION_2)
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


def test_what_the_kernel_does_not_count_is_not_known(tmp_path: Path) -> None:
    """A controller that is switched off leaves numbers out; the others are there."""
    version_2(tmp_path, ONE, {"cpu.stat": "usage_usec 1500000\n"})
    assert list(accounts(tmp_path)) == [Account(ONE, cpu_seconds=1.5)]


def test_working_set_is_never_negative(tmp_path: Path) -> None:
    """The two files are read one after the other: more idle cache than memory in use is a matter of time."""
    version_2(tmp_path, ONE, VERSION_2 | {"memory.current": "200\n"})
    assert next(iter(accounts(tmp_path))).memory_bytes == 200


def test_exposition_leaves_out_what_is_not_known() -> None:
    """A number that is not known has no line; a zero has one; every line has both labels."""
    text = exposition([Seen("we", Account(ONE, oom_kills=0), None)], 0.001)
    assert [line for line in text.splitlines() if not line.startswith("#")] == [
        'container_oom_events_total{service="we",container="a1a1a1a1a1a1"} 0',
        "agent_look_seconds 0.001000",
    ]


def test_exposition_has_every_number_under_its_name() -> None:
    """Each field of account and traffic is exported once, in order, with help and type."""
    text = exposition([Seen("we", ACCOUNT, Traffic(11, 22, 33, 44))], 0)
    values = dict(re.findall(r"^(container_\w+)\{.*\} (.+)$", text, re.MULTILINE))
    assert list(values) == [metric.name for metric in METRICS]
    assert values["container_memory_working_set_bytes"] == "700"
    assert values["container_network_receive_bytes_total"] == "11"
    assert values["container_network_transmit_packets_total"] == "44"
    for metric in METRICS:
        assert text.count(f"# TYPE {metric.name} {metric.kind}\n") == 1
        assert metric.kind == ("counter" if metric.name.endswith("_total") else "gauge")


def test_names_become_labels_unharmed() -> None:
    """Whatever a container is called, a label stays one label."""
    line = exposition([Seen('a"\\\n', Account(ONE, processes=1), None)], 0).splitlines()
    assert 'container_threads{service="a\\"\\\\\\n",container="a1a1a1a1a1a1"} 1' in line


def test_service_in_a_name() -> None:
    """Compose's names give the service, any number of it; other names stay as they are."""
    assert neighbors.service_in("mine-master-db-1.mine_default", "mine") == "master-db"
    assert neighbors.service_in("mine-service-12.mine_default", "mine") == "service"
    assert neighbors.service_in("happy_turing.mine_default", "mine") == "happy_turing"
    assert neighbors.service_in("yours-service-1.net", "mine") == "yours-service-1"


def test_dns_messages_of_the_engine() -> None:
    """Recorded: an address and a name; nobody of that name; cut short, or in circles, it is no answer."""
    head = bytes.fromhex("000781800001000100000000")
    question = b"\x0ca1a1a1a1a1a1\0\0\x01\0\x01"
    address = bytes.fromhex("c00c000100010000025800") + b"\x04\xac\x14\0\x02"
    assert neighbors.answer_in(head + question + address, 12 + len(question)) == "172.20.0.2"
    pointer = bytes.fromhex("c00c000c000100000258000b") + b"\x05web-1\x03net\0"
    assert neighbors.answer_in(head + question + pointer, 12 + len(question)) == "web-1.net"
    nobody = bytes.fromhex("000781830001000000000000") + question
    assert neighbors.answer_in(nobody, len(nobody)) is None
    with pytest.raises(IndexError):
        neighbors.answer_in(head + question, 12 + len(question))
    assert neighbors.name_at(b"\xc0\x00", 0) == ("", 2)


def test_arp_table() -> None:
    """A neighbor's hardware address counts once it is complete."""
    table = (
        "IP address       HW type     Flags       HW address            Mask     Device\n"
        "172.20.0.2       0x1         0x2         02:42:ac:14:00:02     *        eth0\n"
        "172.20.0.3       0x1         0x0         00:00:00:00:00:00     *        eth0\n"
    )
    assert neighbors.in_arp_table(table, "172.20.0.2") == "02:42:ac:14:00:02"
    assert neighbors.in_arp_table(table, "172.20.0.3") is None
    assert neighbors.in_arp_table(table, "172.20.0.4") is None


def bridge(root: Path, name: str, ports: dict[str, str]) -> None:
    """A switch as sysfs shows it: its ports by name, each with the hardware address behind it."""
    (root / name / "brif").mkdir(parents=True)
    table = bytes.fromhex("ffffffffffff") + bytes([1, 1]) + bytes(8)  # the switch's own address
    for number, (port, address) in enumerate(ports.items(), start=1):
        (root / name / "brif" / port).mkdir()
        (root / name / "brif" / port / "port_no").write_text(hex(number) + "\n")
        table += bytes.fromhex(address.replace(":", "")) + bytes([number, 0]) + bytes(8)
        write(
            root / port / "statistics", dict.fromkeys(("rx_bytes", "tx_packets", "rx_packets"), "1") | {"tx_bytes": "9"}
        )
    (root / name / "brforward").write_bytes(table)


def test_port_is_found_on_our_own_switch(tmp_path: Path) -> None:
    """The same hardware address on another network's switch is somebody else's."""
    bridge(tmp_path, "br-other", {"veth0": "02:00:00:00:00:05"})
    bridge(tmp_path, "br-ours", {"veth1": "02:00:00:00:00:01", "veth2": "02:00:00:00:00:05"})
    assert neighbors.port_of(tmp_path, "02:00:00:00:00:05", "02:00:00:00:00:01") == "veth2"
    assert neighbors.port_of(tmp_path, "02:00:00:00:00:09", "02:00:00:00:00:01") is None


def test_a_switch_that_goes_meanwhile_is_nobodys(tmp_path: Path) -> None:
    """Another network is removed while the agent looks: what is listed cannot be read any more."""
    (tmp_path / "br-gone" / "brforward").mkdir(parents=True)  # is found, and then cannot be read
    bridge(tmp_path, "br-ours", {"veth1": "02:00:00:00:00:01", "veth2": "02:00:00:00:00:05"})
    assert neighbors.port_of(tmp_path, "02:00:00:00:00:05", "02:00:00:00:00:01") == "veth2"
    assert neighbors.port_of(tmp_path, "02:00:00:00:00:09", "02:00:00:00:00:01") is None


def test_who_is_not_on_our_network_is_not_asked_for_all_the_time(tmp_path: Path) -> None:
    """The engine passes an unknown name on to the outside: one question in five seconds, not one a scrape."""
    asked, now = [], [0.0]

    def nobody(name: str, kind: int) -> None:
        asked.append((name, kind))

    known = Neighbors(tmp_path, "mine", ask=nobody, clock=lambda: now[0], own_address=tmp_path / "address")
    (tmp_path / "address").write_text("02:00:00:00:00:01\n")
    for _ in range(3):
        assert (known.service(ONE), known.traffic(ONE)) == ("", None)
    assert len(asked) == 2
    now[0] = 6.0
    assert (known.service(ONE), known.traffic(ONE)) == ("", None)
    assert len(asked) == 4


def test_who_is_gone_is_forgotten(tmp_path: Path) -> None:
    """However many containers come and go, only those that are there are remembered."""
    known = Neighbors(tmp_path, "mine", ask=lambda _, kind: "1.2.3.4" if kind == 1 else "mine-web-1.net")
    assert known.service(ONE) == "web"
    assert known.service(OTHER) == "web"
    known.forget_others([ONE])
    assert set(known.names) == {ONE}
    assert {container for container, _ in known.asked} == {ONE}


# From here on: the real thing, beside the real stack.


@pytest.fixture
def agent(live_stack: LiveStack) -> Iterator[Running]:
    """The stack's agent, started and removed again."""
    live_stack.stack.up("agent")
    running = Running(live_stack.stack.session, live_stack.stack.container("agent"))
    yield running
    running.remove()


def look(agent: Running) -> dict[str, dict[str, float]]:
    """One scrape: what is exported, by container (12 hex) and metric; the name as ``service:NAME``."""
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
    memory, throttling = said["memory_stats"], said["cpu_stats"]["throttling_data"]
    detail = memory["stats"]
    return {
        "container_cpu_usage_seconds_total": said["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9,
        "container_cpu_cfs_throttled_periods_total": throttling["throttled_periods"],
        "container_network_receive_bytes_total": sum(one["rx_bytes"] for one in said["networks"].values()),
        "container_network_transmit_bytes_total": sum(one["tx_bytes"] for one in said["networks"].values()),
        "container_memory_usage_bytes": memory["usage"],
        "container_memory_working_set_bytes": memory["usage"]
        - detail.get("total_inactive_file", detail.get("inactive_file", 0)),
        "container_spec_memory_limit_bytes": memory["limit"],
        "container_threads": said["pids_stats"]["current"],
    }


@pytest.fixture
def in_group(stack: Stack, session: Session, images: dict[str, str]) -> Iterator[Callable[..., Running]]:
    """Start containers in the stack's group and network; all are removed at the end."""
    parent = cgroups.variables(session.engine.client.info(), session.who.session)["WORKSHOP_CGROUP_PARENT"]
    made: list[Running] = []

    def start(code: str, **more: Any) -> Running:
        more = {"network": f"{stack.project}_default", "host": {"CgroupParent": parent}} | more
        made.append(containers.run(session, Spec(images["base"], command=("python3", "-c", code), **more)))
        return made[-1]

    yield start
    for running in made:
        running.remove()


def until(holds: Callable[[], bool], within_seconds: float = 30) -> None:
    """Return once it holds; fail if it does not in time."""
    deadline = time.monotonic() + within_seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.engine
def test_numbers_are_the_engines(agent: Running, live_stack: LiveStack) -> None:
    """Counters lie between what the engine says before and after; limits are equal."""
    ids = {name: live_stack.stack.container(name).id[:12] for name in ("service", "master-db", "replica-db", "redis")}
    until(lambda: all(known(look(agent).get(one, {}), f"service:{name}") for name, one in ids.items()))
    for _ in range(20):
        httpx.get(f"{live_stack.url}/health", trust_env=False)
    for name in ("service", "master-db", "replica-db", "redis"):
        container = live_stack.stack.container(name)
        before, seen, after = of_engine(container), look(agent)[container.id[:12]], of_engine(container)
        assert f"service:{name}" in seen
        for metric in (metric for metric in before if metric.endswith("_total")):
            assert before[metric] <= seen[metric] <= after[metric], (name, metric)
        assert seen["container_spec_memory_limit_bytes"] == before["container_spec_memory_limit_bytes"]
        assert abs(seen["container_threads"] - after["container_threads"]) <= 10  # a health check may be under way


def known(seen: Mapping[str, float], name: str) -> bool:
    """Whether the agent has found out who a container is, and where its traffic is counted."""
    return {name, "container_network_receive_bytes_total"} <= set(seen)


@pytest.mark.engine
def test_memory_is_the_engines(agent: Running, in_group: Callable[..., Running]) -> None:
    """Of a container that holds what it has, and in which no health check comes and goes."""
    guest = in_group("import time; held = bytes(range(256)) * 120_000; print('held', flush=True); time.sleep(600)")
    guest.wait_until(lambda: "held" in guest.log_tail())
    seen, told = look(agent)[guest.id[:12]], of_engine(guest.container)
    for metric in ("container_memory_usage_bytes", "container_memory_working_set_bytes"):
        assert seen[metric] > 25 * MIB
        assert abs(seen[metric] - told[metric]) <= 2 * MIB, metric


@pytest.mark.engine
def test_restarted_container_is_followed(agent: Running, live_stack: LiveStack) -> None:
    """After a restart its counters begin again, under the same name, network included: nothing is stale."""
    container = live_stack.stack.container("redis")
    before = look(agent)[container.id[:12]]
    container.restart(timeout=5)
    until(lambda: "container_network_receive_bytes_total" in look(agent).get(container.id[:12], {}))
    seen = look(agent)[container.id[:12]]
    assert "service:redis" in seen
    assert seen["container_cpu_usage_seconds_total"] < before["container_cpu_usage_seconds_total"] + 1
    live_stack.start("redis")
    for _ in range(5):
        httpx.get(f"{live_stack.url}/health", trust_env=False)
    first, seen, last = of_engine(container), look(agent)[container.id[:12]], of_engine(container)
    for metric in ("container_network_receive_bytes_total", "container_network_transmit_bytes_total"):
        assert first[metric] <= seen[metric] <= last[metric], metric


@pytest.mark.engine
def test_container_comes_and_goes(agent: Running, in_group: Callable[..., Running]) -> None:
    """A new container of the group is there with its name at the next look; a removed one is not."""
    guest = in_group("import time; time.sleep(600)")
    until(lambda: f"service:{guest.name}" in look(agent)[guest.id[:12]])
    guest.container.remove(force=True)
    assert guest.id[:12] not in look(agent)


@pytest.mark.engine
def test_oom_and_throttling_are_counted(agent: Running, in_group: Callable[..., Running]) -> None:
    """A child killed for memory counts, and so do the periods in which the CPU limit held the container back."""
    code = (
        "import os, subprocess, sys\n"
        "subprocess.run([sys.executable, '-c', 'x = bytearray(200 << 20)'])\n"
        "while True: pass\n"
    )
    guest = in_group(code, memory_bytes=64 * MIB, cpus=0.1)
    until(lambda: look(agent)[guest.id[:12]]["container_oom_events_total"] == 1)
    until(lambda: look(agent)[guest.id[:12]]["container_cpu_cfs_throttled_periods_total"] > 5)
    assert look(agent)[guest.id[:12]]["container_cpu_limit_cores"] == 0.1


@pytest.mark.engine
def test_sees_its_group_and_nobody_else(
    agent: Running, live_stack: LiveStack, in_group: Callable[..., Running]
) -> None:
    """A container on the same engine that is not of the group is not seen, even on the same network."""
    stranger = in_group("import time; time.sleep(600)", host={})
    seen = look(agent)
    assert stranger.id[:12] not in seen
    assert {live_stack.stack.container(name).id[:12] for name in ("service", "redis")} <= seen.keys()


@pytest.mark.engine
def test_container_without_our_network_has_no_name_and_no_traffic(
    agent: Running, in_group: Callable[..., Running]
) -> None:
    """What cannot be known is left out: its CPU and memory are there, its traffic is not."""
    loner = in_group("import time; time.sleep(600)", network="none")
    seen = look(agent)[loner.id[:12]]
    assert "service:" in seen
    assert seen["container_memory_usage_bytes"] > 0
    assert not any("network" in metric for metric in seen)


@pytest.mark.engine
def test_agent_has_no_power(agent: Running) -> None:
    """No root, no capability, no socket, no shared namespace, nothing writable: it reads counters, and that is all."""
    first = confinement(agent.container)
    assert set(first["Uid"].split()) == {"10006"}
    assert int(first["CapEff"], 16) == 0
    assert first["NoNewPrivs"] == "1"
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


@pytest.mark.engine
def test_agent_is_cheap(agent: Running) -> None:
    """Asked a hundred times it stays below 20 MiB and 50 ms a look (loosely; benchmarks/health has the figures)."""
    own = agent.id[:12]
    before = look(agent)[own]["container_cpu_usage_seconds_total"]
    for _ in range(100):
        look(agent)
    seen = look(agent)[own]
    assert seen["container_memory_working_set_bytes"] < 20 * MIB
    assert (seen["container_cpu_usage_seconds_total"] - before) / 100 < 0.05


@pytest.mark.engine
@pytest.mark.parametrize(
    ("request_", "status"),
    [(b"GET / HTTP/1.1\r\n\r\n", b"404"), (b"POST /metrics HTTP/1.1\r\n\r\n", b"404"), (b"\x00\xff\n\n", b"")],
)
def test_only_metrics_are_served(agent: Running, request_: bytes, status: bytes) -> None:
    """Anything else is refused, and nonsense gets no answer; the agent goes on."""
    where = urlsplit(agent.url(9101))
    with socket.create_connection((where.hostname, where.port or 0), timeout=10) as client:
        client.sendall(request_)
        client.shutdown(socket.SHUT_WR)
        answer = client.makefile("rb").readline()
    assert status in answer
    assert bool(answer) == bool(status)
    assert look(agent)


@pytest.mark.engine
def test_a_silent_client_keeps_nobody_waiting(agent: Running) -> None:
    """Somebody who connects and says nothing does not delay a scrape."""
    where = urlsplit(agent.url(9101))
    silent = [socket.create_connection((where.hostname, where.port or 0)) for _ in range(10)]
    started = time.monotonic()
    assert look(agent)
    assert time.monotonic() - started < 5
    for client in silent:
        client.close()


@pytest.mark.engine
def test_agent_stops_at_once(agent: Running) -> None:
    """SIGTERM ends it with exit code 0, long before anybody loses patience."""
    agent.container.stop(timeout=60)
    assert agent.wait_ended().code == 0
