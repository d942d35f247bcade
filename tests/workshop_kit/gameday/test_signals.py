"""When customers and signals show an incident, and the outcome of a restart."""

from __future__ import annotations

import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from tests.workshop_kit.display.recorded import NOON, at
from workshop_kit.gameday import after_restart, signals
from workshop_kit.gameday.customers import Customers, ShopWatcher, Visit
from workshop_kit.observe.events import Event
from workshop_kit.observe.watch import Tables, frame


def visits(*good: bool) -> list[Visit]:
    """A visit each second from noon on."""
    return [Visit(at(number), "shop", 200 if well else 503, 0.01) for number, well in enumerate(good)]


def test_one_failed_request_is_no_symptom() -> None:
    """Several within a few requests are one, from the first of them on."""
    assert signals.first_symptom(visits(True, False, True, True, True, True, True), NOON) is None
    assert signals.first_symptom(visits(True, True, False, True, False, False, True), NOON) == at(2)
    assert signals.first_symptom(visits(*[False] * 9), at(3)) == at(3), "nothing from before it was done counts"


def test_each_signal_has_its_first_sign() -> None:
    """A warning in the log, customers turned away, three failed probes in a row, a kill by the kernel."""
    logs = pd.DataFrame(
        {
            "ts": [at(1), at(4), at(5), at(9)],
            "level": ["info", "warning", "warning", "error"],
            "route": [None, "/readyz", None, "/orders"],
            "duration_ms": [3.0, 1.0, None, 2.0],
        }
    )
    requests = pd.DataFrame(
        {"time": [at(2), at(6)], "container": "shop", "error_percent": [0.0, 0.0], "p95_ms": [10.0, 20.0],
         "served_percent": [100.0, 40.0]}
    )  # fmt: skip
    health = pd.DataFrame(
        {"time": [at(1), at(3), at(4), at(5), at(6), at(7)], "container": "shop",
         "what": ["/health", "redis", "/readyz", "/readyz", "/readyz", "/readyz"],
         "state": ["warn", "fail", "pass", "fail", "fail", "fail"]}
    )  # fmt: skip
    events = frame(Event, [Event(at(1), "shop", "a", "start"), Event(at(8), "shop", "a", "oom")])
    tables = Tables(requests=requests, health=health, events=events)
    assert signals.first_signs(logs, tables, NOON) == {
        "logs": at(5),
        "metrics": at(6),
        "health": at(7),
        "engine": at(8),
    }


PER_SECOND = 10


def served(*percent: int) -> pd.DataFrame:
    """Customers of which so many percent are served in each second, the first ten of them before noon."""
    rows = [
        (at(second - 10 + number / PER_SECOND), number < share * PER_SECOND / 100)
        for second, share in enumerate(percent)
        for number in range(PER_SECOND)
    ]
    return pd.DataFrame(rows, columns=["time", "good"])


@pytest.mark.parametrize(
    ("percent", "outcome"),
    [
        ([40] * 10 + [0] * 3 + [100] * 12, "heals"),
        ([40] * 10 + [0] * 2 + [100] * 6 + [30] * 7, "half"),
        ([40] * 10 + [0] * 15, "worse"),
        ([0] * 10 + [0] * 15, "nothing"),
    ],
)
def test_every_outcome_of_a_restart_can_happen(root: Path, percent: list[int], outcome: str) -> None:
    """It follows from the customers served before and after, and is an option of the lesson's prediction."""
    assert after_restart(served(*percent), NOON) == outcome
    question = tomllib.loads((root / "notebooks" / "05_game_day.predictions.toml").read_text())["restart"]
    assert outcome in question["options"]


def test_the_dashboard_shows_no_limit() -> None:
    """The metrics show that it is throttled, but not the limit."""
    measured = {"cpu_percent": 10.0, "throttled_percent": 30.0, "memory_bytes": 32.0, "memory_limit_bytes": 128.0}
    times = pd.to_datetime([at(0.2), at(1.2)], utc=True).astype("datetime64[us, UTC]")
    rows = pd.DataFrame({"time": times, "container": "production", "cpu_limit_percent": 20.0, **measured})
    watcher: Any = SimpleNamespace(tables=lambda *_, **__: Tables(resources=rows))
    shop: Any = None  # its customers have not come yet
    shown = ShopWatcher(watcher, Customers(shop)).tables("production").resources
    assert shown["throttled_percent"].eq(30.0).all()
    assert shown["cpu_limit_percent"].isna().all()
