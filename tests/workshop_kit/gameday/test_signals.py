"""When customers and signals show an incident."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from tests.workshop_kit.display.recorded import NOON, at
from workshop_kit.gameday import CAUSES, customer_watch, incident_card, signals
from workshop_kit.gameday.customers import Customers, ShopWatcher, Visit
from workshop_kit.observe.events import Event
from workshop_kit.observe.watcher import Tables, frame
from workshop_kit.trials.game_records import GameRecord


def visits(*good: bool) -> list[Visit]:
    """A visit each second from noon on."""
    return [Visit(at(number), 200 if well else 503, 0.01) for number, well in enumerate(good)]


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


@pytest.fixture
def watcher() -> ShopWatcher:
    """Two seconds of a container."""
    measured = {"throttled_percent": 30.0, "memory_bytes": 32.0, "memory_limit_bytes": 128.0}
    cpu = {"cpu_percent": [80.0, 5.0], "cpu_limit_percent": [100.0, 5.0]}
    times = pd.to_datetime([at(0.2), at(1.2)], utc=True).astype("datetime64[us, UTC]")
    rows = pd.DataFrame({"time": times, "container": "production", **cpu, **measured})
    recorded: Any = SimpleNamespace(tables=lambda *_, **__: Tables(resources=rows))
    shop: Any = None  # its customers have not come yet
    return ShopWatcher(recorded, Customers(shop))


def test_card_and_charts_have_the_same_first_customer(watcher: ShopWatcher) -> None:
    """The moment is that of the visits that the charts count; what the record has from an earlier look does not win."""
    came = visits(True, True, *[False] * 7)
    record = GameRecord("1", "monday", 1, NOON, NOON, first_symptom=at(5), fixed=at(9))
    card = incident_card.card(record, CAUSES["monday"], came, pd.DataFrame(), watcher.tables())
    assert re.search(r"the first customer suffered\W+12:00:02\W+\+0 s", card.text)
    assert "customers suffer from 12:00:02" in card.text.replace("Fault ", "")


def test_customers_are_looked_at_before_the_cause() -> None:
    """Those in the seconds before count, and none after."""
    came = visits(*[False] * 2, *[True] * 3, False, True, *[False] * 9)
    crowd: Any = SimpleNamespace(since=lambda moment: [visit for visit in came if visit.time >= moment])
    assert customer_watch.served_before(crowd, at(7)) == pytest.approx(80)


def test_the_metrics_have_a_row_for_each_second(watcher: ShopWatcher) -> None:
    """Customers, and usage as a share of the limit in force; a second without a measurement has the one before."""
    watcher.customers.visits.extend(visits(True, False, True, True))
    requests = watcher.tables().requests
    assert [*requests["served_percent"]] == [100.0, 0.0, 100.0, 100.0]
    assert [*requests["cpu_percent"].dropna()] == [80.0, 5.0, 5.0]
    assert [*requests["memory_percent"].dropna()] == [25.0, 25.0, 25.0]
