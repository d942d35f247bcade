"""``./workshop desk`` as it is typed: two addresses, and an end that leaves nothing."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from tests.workshop_kit.engine.kernels import own_containers
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import Exit
from workshop_kit.faults import active_fault
from workshop_kit.observe.http import request
from workshop_kit.patience import wait_for
from workshop_kit.workspace.folder import Workspace
from workshop_room.desk.demo import load_script

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]


@pytest.fixture
def environment(environment: dict[str, str], workspace: Workspace) -> dict[str, str]:
    """The environment that the launcher makes, for the tests' workspace."""
    return {**environment, "WORKSHOP_WORKSPACE": str(workspace.folder)}


@contextmanager
def opened(environment: dict[str, str], *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A desk that has printed its addresses; yields it with the presenter's."""
    command = [sys.executable, "-m", "workshop_kit.cli", "desk", "--no-browser", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        try:
            match = None
            while match is None:
                line = process.stderr.readline()
                assert line, "it ended too soon"
                match = re.search(r"http://127\.0\.0\.1:\d+/presenter\?token=\S+", line)
            yield process, match[0]
        finally:
            process.kill()


def number_of(fault: str) -> int:
    """The place of a fault among those that take one click."""
    return next(number for number, action in enumerate(load_script().faults) if str(action).startswith(fault))


def press(url: str, action: str, **body: object) -> None:
    """Press a button of the desk at ``url``."""
    address, _, token = url.partition("/presenter?token=")
    headers = {"Authorization": f"token {token}"}
    assert request("POST", f"{address}/presenter/do/{action}", json_body=body, headers=headers, timeout_seconds=60).ok


def listening(process: subprocess.Popen[str]) -> set[str]:
    """The addresses on which a process listens."""
    connections = psutil.Process(process.pid).net_connections("tcp")
    return {connection.laddr.ip for connection in connections if connection.status == psutil.CONN_LISTEN}


def test_the_end_of_the_desk_leaves_nothing(stack: Stack, environment: dict[str, str]) -> None:
    """Faults are undone and the load has ended, however often Ctrl-C comes, and when the terminal closes meanwhile."""
    with opened(environment) as (process, url):
        assert listening(process) == {"127.0.0.1"}, "nothing is open to the network"
        press(url, "play")  # the first step starts the load
        press(url, "fault", number=number_of("latency redis"))
        press(url, "fault", number=number_of("pause master-db"))
        assert len(active_fault.find(stack.session)) == 2
        for number in (signal.SIGINT, signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            process.send_signal(number)
        assert process.wait(60) == Exit.GOOD
    assert active_fault.find(stack.session) == []
    assert own_containers(stack.session) == set()
    assert stack.container("master-db").status == "running"


@pytest.mark.long
def test_a_desk_that_is_killed_is_undone_by_its_reaper(stack: Stack, environment: dict[str, str]) -> None:
    """After kill -9 the reaper reverts its faults and removes its load."""
    with opened(environment) as (process, url):
        press(url, "play")
        press(url, "fault", number=number_of("pause redis"))
        process.kill()
        process.wait()
    assert wait_for(lambda: active_fault.find(stack.session) == [], 60)
    assert wait_for(lambda: stack.container("redis").status == "running", 60)
    assert wait_for(lambda: own_containers(stack.session) == set(), 60)
