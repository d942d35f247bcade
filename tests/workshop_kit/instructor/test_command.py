"""``./workshop desk`` as it is typed: two addresses, and an end that leaves nothing."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.workshop_kit.instructor.conftest import wait_for
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import Exit
from workshop_kit.faults.journal import Journal
from workshop_kit.workspace.folder import Workspace

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]


@pytest.fixture
def environment(clean_environment: dict[str, str], root: Path, workspace: Workspace) -> dict[str, str]:
    """The environment that the launcher makes, for the tests' workspace."""
    return {**clean_environment, "PYTHONPATH": str(root), "WORKSHOP_WORKSPACE": str(workspace.folder)}


def command(*words: str) -> list[str]:
    """The command line as the launcher runs it."""
    return [sys.executable, "-m", "workshop_kit.cli", "desk", "--no-browser", *words]


@contextmanager
def opened(environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A desk that has printed its addresses; yields it with the presenter's."""
    with subprocess.Popen(command(), stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        try:
            found = None
            while found is None:
                line = process.stderr.readline()
                assert line, "it ended too soon"
                found = re.search(r"http://127\.0\.0\.1:\d+/presenter\?token=\S+", line)
            yield process, found[0]
        finally:
            process.kill()


def press(url: str, action: str, **body: object) -> None:
    """Press a button of the desk at ``url``."""
    address, _, token = url.partition("/presenter?token=")
    headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/presenter/do/{action}", json.dumps(body).encode(), headers)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
        assert answer.status == 200


def test_the_end_of_the_desk_leaves_nothing(stack: Stack, environment: dict[str, str]) -> None:
    """Faults are undone and the load has ended, however often Ctrl-C comes."""
    with opened(environment) as (process, url):
        press(url, "load", request="GET /orders", rate_per_second=5)
        press(url, "fault", fault="latency", target="redis", parameters={"latency_ms": 50})
        press(url, "fault", fault="pause", target="replica-db")
        assert len(Journal(stack.session).entries()) == 2
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == Exit.GOOD
    assert Journal(stack.session).entries() == []
    mine = {"label": [f"workshop.session={stack.session.identity.session}", "workshop.scope=kernel"]}
    assert stack.session.engine.client.containers.list(all=True, filters=mine, ignore_removed=True) == []
    assert stack.container("replica-db").status == "running"


@pytest.mark.long
def test_a_desk_that_is_killed_is_undone_by_its_reaper(stack: Stack, environment: dict[str, str]) -> None:
    """After kill -9 the reaper reverts its faults and removes its load."""
    with opened(environment) as (process, url):
        press(url, "load", request="GET /orders", rate_per_second=5)
        press(url, "fault", fault="pause", target="redis")
        process.kill()
        process.wait()
    wait_for(lambda: Journal(stack.session).entries() == [], "the reaper")
    wait_for(lambda: stack.container("redis").status == "running", "redis")
    mine = {"label": [f"workshop.session={stack.session.identity.session}", "workshop.scope=kernel"]}
    client = stack.session.engine.client
    wait_for(lambda: client.containers.list(all=True, filters=mine, ignore_removed=True) == [], "the load's end")
