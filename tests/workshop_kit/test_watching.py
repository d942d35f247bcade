"""Watching the real stack: what is broken is seen, in the tables and in the picture, whatever becomes of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.conftest import LiveStack
from workshop_kit.display.live import Screens
from workshop_kit.faults.injection import fault
from workshop_kit.faults.load import load
from workshop_kit.lessons.watch import Watch, start_watch
from workshop_kit.observe.logs import read_container

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


def until(holds: Callable[[], Any], within_seconds: float = 60) -> None:
    """Wait for something that must come."""
    deadline = time.monotonic() + within_seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.1)


@pytest.fixture
def screens() -> Iterator[Screens]:
    """Of a notebook that nobody sits in front of; no thread of watching is left at the end."""
    screens = Screens(headless=True)
    yield screens
    screens.stop()
    until(lambda: not [one.name for one in threading.enumerate() if one.name.startswith("observe:")])


def states(seen: Watch, what: str) -> list[str]:
    """The states of one row of health, in the order in which they came."""
    found = seen.frames.health.query("what == @what")["state"].tolist()
    return [state for state, before in zip(found, [None, *found], strict=False) if state != before]


@pytest.mark.long
def test_a_paused_cache_under_load_shows_everywhere(live_stack: LiveStack, screens: Screens) -> None:
    """Requests are counted, the cache's row fails while it is paused, and so do orders of a paused master.

    The bands come from the journal: nobody hands them over.
    """
    stack = live_stack.stack
    seen = start_watch(stack, screens)
    began = datetime.now(UTC)
    board = seen.dashboard(seconds=30)
    with load(stack, request="POST /orders", json={"item": "tea", "quantity": 1}, rate_per_second=10, seconds=40):
        until(lambda: (seen.frames.requests["requests_per_second"] > 2).sum() >= 3)
        assert not (seen.frames.requests["errors_per_second"] > 0).any()
        with fault("pause", stack, "redis"):
            until(lambda: states(seen, "redis")[-1] in {"fail", "warn"})
        with fault("pause", stack, "master-db"):
            until(lambda: seen.frames.requests["errors_per_second"].max() > 1)
        until(lambda: states(seen, "/health")[-1] == "pass")
    assert states(seen, "redis")[0] == "pass"
    until(lambda: states(seen, "redis")[-1] == "pass")
    assert "fail" not in states(seen, "/livez")
    alive = seen.frames.health.query("what == '/livez'")["state"] == "pass"
    assert alive.mean() > 0.9  # on a busy machine an answer may come too late for whoever asks
    mine = [one for one in seen.faults if one.started >= began]
    assert [(one.fault, one.target, one.ended is not None) for one in mine] == [
        ("pause", "redis", True),
        ("pause", "master-db", True),
    ]
    shown = board.picture()
    assert "Fault pause redis from" in shown.text
    assert "Fault pause master-db from" in shown.text
    lines = read_container(stack.container("service"), since=began).assign(service="service")
    assert "Fault pause master-db from" in seen.one_clock("An incident", lines).text


def test_a_container_is_followed_through_its_restart(live_stack: LiveStack, screens: Screens) -> None:
    """It gets another port, its counters begin again, its end has a code: the rows go on under the same name."""
    seen = start_watch(live_stack.stack, screens)
    until(lambda: states(seen, "/health")[-1:] == ["pass"])
    live_stack.stack.container("service").kill()
    until(lambda: states(seen, "/livez")[-1] == "no answer")
    until(lambda: "exited" in seen.conditions["service"])
    until(lambda: "stopped" in set(seen.frames.resources["state"]))
    live_stack.stack.container("service").start()
    until(lambda: states(seen, "/health")[-1] == "pass")
    assert live_stack.url in seen.conditions["service"]
    until(lambda: seen.frames.requests["state"].iloc[-1] == "ok")
    assert not (seen.frames.requests["requests_per_second"] < 0).any()
    ended = seen.frames.events.query("what == 'die' and container == 'service'")
    assert ended["exit_code"].tolist() == [137]
    assert set(seen.frames.resources["container"]) == {"service"}
