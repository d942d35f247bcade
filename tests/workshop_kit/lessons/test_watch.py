"""``w.watch`` on the real stack: tables and dashboard show failures and recovery."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.conftest import LiveStack
from tests.workshop_kit.lessons.waiting import wait_until
from workshop_kit.display.live import Screens
from workshop_kit.faults.injection import fault
from workshop_kit.faults.load import load
from workshop_kit.lessons.watch import Watch, start_watch
from workshop_kit.observe.logs import read_container

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


@pytest.fixture
def screens() -> Iterator[Screens]:
    """Live displays of a headless notebook; no thread of a watcher is left at the end."""
    screens = Screens(headless=True)
    yield screens
    screens.stop()
    wait_until(lambda: not [one.name for one in threading.enumerate() if one.name.startswith("observe:")])


def states(seen: Watch, what: str) -> list[str]:
    """The states of one row of health in order of time."""
    found = seen.tables().health.query("what == @what")["state"].tolist()
    return [state for state, before in zip(found, [None, *found], strict=False) if state != before]


@pytest.mark.long
def test_a_paused_cache_under_load_shows_everywhere(live_stack: LiveStack, screens: Screens) -> None:
    """Requests are counted, the cache's row fails while it is paused, and so do orders of a paused master.

    The dashboard reads the faults from the journal.
    """
    stack = live_stack.stack
    seen = start_watch(stack, screens)
    began = datetime.now(UTC)
    board = seen.dashboard(seconds=30)
    with load(stack, request="POST /orders", json={"item": "tea", "quantity": 1}, rate_per_second=10, seconds=40):
        wait_until(lambda: (seen.tables().requests["requests_per_second"] > 2).sum() >= 3)
        assert not (seen.tables().requests["errors_per_second"] > 0).any()
        with fault("pause", stack, "redis"):
            wait_until(lambda: states(seen, "redis")[-1] in {"fail", "warn"})
        with fault("pause", stack, "master-db"):
            wait_until(lambda: seen.tables().requests["errors_per_second"].max() > 1)
        wait_until(lambda: states(seen, "/health")[-1] == "pass")
    assert states(seen, "redis")[0] == "pass"
    wait_until(lambda: states(seen, "redis")[-1] == "pass")
    assert "fail" not in states(seen, "/livez")
    alive = seen.tables().health.query("what == '/livez'")["state"] == "pass"
    assert alive.mean() > 0.9  # on a busy machine an answer may come too late
    mine = [one for one in seen.faults() if one.started >= began]
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
    """Its port and counters change, its end has an exit code, and the rows go on under the same name."""
    seen = start_watch(live_stack.stack, screens)
    wait_until(lambda: states(seen, "/health")[-1:] == ["pass"])
    live_stack.stack.container("service").kill()
    wait_until(lambda: states(seen, "/livez")[-1] == "no answer")
    wait_until(lambda: "exited" in seen.watcher.conditions["service"])
    wait_until(lambda: "stopped" in set(seen.tables().resources["state"]))
    live_stack.stack.container("service").start()
    wait_until(lambda: states(seen, "/health")[-1] == "pass")
    assert live_stack.url in seen.watcher.conditions["service"]
    wait_until(lambda: seen.tables().requests["state"].iloc[-1] == "ok")
    assert not (seen.tables().requests["requests_per_second"] < 0).any()
    ended = seen.tables().events.query("what == 'die' and container == 'service'")
    assert ended["exit_code"].tolist() == [137]
    assert set(seen.tables().resources["container"]) == {"service"}
