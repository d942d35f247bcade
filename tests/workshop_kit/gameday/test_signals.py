"""When customers and signals show an incident, and the outcome of a restart."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from tests.workshop_kit.display.recorded import NOON, at
from workshop_kit.gameday import CAUSES, after_restart, customer_watch, incident_card, signals
from workshop_kit.gameday.customers import Customers, ShopWatcher, Visit
from workshop_kit.lessons.predictions import load_questions
from workshop_kit.observe.events import Event
from workshop_kit.observe.watcher import Tables, frame
from workshop_kit.trials.game_records import Record


def visits(*good: bool) -> list[Visit]:
    """A visit each second from noon on."""
    return [Visit(at(number), "shop", 200 if well else 503, 0.01) for number, well in enumerate(good)]


def test_one_failed_request_is_no_symptom() -> None:
    """Several within a few requests are one, from the first of them on."""
    assert signals.first_symptom(visits(True, False, True, True, True, True, True), NOON) is None
    assert signals.first_symptom(visits(True, True, False, True, False, False, True), NOON) == at(2)
    assert signals.first_symptom(visits(*[False] * 9), at(3)) == at(3), "nothing from before it was done counts"


def test_a_symptom_is_that_of_one_environment() -> None:
    """Five customers in a row of one environment, however many of another come in between."""
    staging = [replace(visit, environment="staging") for visit in visits(*[True] * 9)]
    mixed = sorted([*visits(True, True, *[False] * 7), *staging], key=lambda visit: visit.time)
    assert signals.first_symptom(mixed, NOON) == at(2)


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
    question = load_questions("05_game_day", root / "notebooks")["restart"]
    assert outcome in question.options


@pytest.fixture
def watcher() -> ShopWatcher:
    """Two seconds: 80 % of a core with a limit of one, then 5 % with a limit of 5 %."""
    measured = {"throttled_percent": 30.0, "memory_bytes": 32.0, "memory_limit_bytes": 128.0}
    cpu = {"cpu_percent": [80.0, 5.0], "cpu_limit_percent": [100.0, 5.0]}
    times = pd.to_datetime([at(0.2), at(1.2)], utc=True).astype("datetime64[us, UTC]")
    rows = pd.DataFrame({"time": times, "container": "production", **cpu, **measured})
    recorded: Any = SimpleNamespace(tables=lambda *_, **__: Tables(resources=rows))
    shop: Any = None  # its customers have not come yet
    return ShopWatcher(recorded, Customers(shop))


def test_the_figure_shows_no_limit_but_shares_of_the_one_in_force(watcher: ShopWatcher) -> None:
    """The metrics show that it is throttled, second by second, but not the limit."""
    shown = watcher.tables("production")
    assert shown.resources["throttled_percent"].eq(30.0).all()
    assert shown.resources["cpu_limit_percent"].isna().all()
    assert [*shown.requests["cpu_percent"]] == [80.0, 100.0]
    assert not set(shown.requests) & {"cpu_ms", "cpu_limit_ms"}


def test_the_card_shows_used_and_allowed_once_the_incident_is_over(watcher: ShopWatcher) -> None:
    """Both in milliseconds of each second; before that the limit would be the answer."""
    record = Record("1", "tuesday", 1, NOON, NOON)
    for fixed, shows in ((None, "CPU 100"), (at(9), "used 50 ms (max 800), limit in force 50 ms (max 1,000)")):
        card = incident_card.card(
            replace(record, fixed=fixed),
            CAUSES["tuesday"],
            visits(True, True),
            pd.DataFrame(),
            watcher.with_limits("production") if fixed else watcher.tables("production"),
        )
        assert shows in card.text
        assert ("limit in force" in card.text) is (fixed is not None)


def test_card_and_charts_have_the_same_first_customer(watcher: ShopWatcher) -> None:
    """The moment is that of the visits that the charts count; what the record has from an earlier look does not win."""
    came = visits(True, True, *[False] * 7)
    record = Record("1", "monday", 1, NOON, NOON, first_symptom=at(5), fixed=at(9))
    card = incident_card.card(record, CAUSES["monday"], came, pd.DataFrame(), watcher.with_limits("production"))
    assert re.search(r"the first customer suffered\W+12:00:02\W+\+0 s", card.text)
    assert "customers suffer from 12:00:02" in card.text.replace("Fault ", "")


def test_customers_are_looked_at_before_the_cause() -> None:
    """The environment in which the fewest were served counts, in the seconds before, and none after."""
    came = visits(*[False] * 2, *[True] * 3, False, True, *[False] * 9)
    crowd: Any = SimpleNamespace(since=lambda moment, name: [visit for visit in came if visit.time >= moment])
    shop: Any = SimpleNamespace(environments=("shop",))
    assert customer_watch.served_before(shop, crowd, at(7)) == pytest.approx(80)
