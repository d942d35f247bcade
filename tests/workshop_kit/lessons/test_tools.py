"""``w.watch`` on the real stack: tables and dashboard show failures and recovery."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.waiting import wait_until
from workshop_kit.display.live import Screens
from workshop_kit.engine.stack import Stack
from workshop_kit.faults.injection import fault
from workshop_kit.lessons.tools import Watch, start_watch

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


def test_a_container_is_followed_through_its_restart(live_stack: Stack, screens: Screens) -> None:
    """Its port and counters change, its end has an exit code, and the rows go on under the same name.

    Dashboard and clock read the faults from the journal.
    """
    seen = start_watch(live_stack, screens)
    board = seen.dashboard(seconds=30)
    wait_until(lambda: states(seen, "/health")[-1:] == ["pass"])
    with fault("kill", live_stack, "service"):
        wait_until(lambda: states(seen, "/livez")[-1] == "no answer")
        wait_until(lambda: "stopped" in set(seen.tables().resources["state"]))
    wait_until(lambda: states(seen, "/health")[-1] == "pass")
    wait_until(lambda: seen.tables().requests["state"].iloc[-1] == "ok")
    assert not (seen.tables().requests["requests_per_second"] < 0).any()
    ended = seen.tables().events.query("what == 'die' and container == 'service'")
    assert ended["exit_code"].tolist() == [137]
    assert set(seen.tables().resources["container"]) == {"service"}
    for shown in (board.picture(), seen.one_clock("An incident")):
        assert "Fault kill service from" in shown.text
