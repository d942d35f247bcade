"""When customers and signals show an incident, its rows and card, and the outcome of a restart."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from tests.waiting import wait_until
from workshop_kit.display.dashboard.view import container_view
from workshop_kit.exercises.game_records import Record
from workshop_kit.gameday import after_restart, signals
from workshop_kit.gameday.customers import NO_INSTANCE, PANELS, TURNED_AWAY, Customers, ShopWatcher, Visit, joined
from workshop_kit.observe import http
from workshop_kit.observe.http import Answer
from workshop_kit.observe.scrape import Traffic
from workshop_kit.observe.stats import Usage
from workshop_kit.observe.watch import Tables, frame, with_cpu_limits

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def visits(*good: bool) -> list[Visit]:
    """A visit each second from noon on."""
    return [Visit(at(number), "shop", 200 if well else None, 0.01) for number, well in enumerate(good)]


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
    events = pd.DataFrame({"time": [at(1), at(8)], "container": "shop", "what": ["start", "oom"]})
    tables = Tables(requests=requests, health=health, events=events)
    assert signals.first_signs(logs, tables, NOON) == {
        "logs": at(5),
        "metrics": at(6),
        "health": at(7),
        "engine": at(8),
    }


def test_the_card_has_the_moments_in_their_order_and_what_took_how_long() -> None:
    """Distances count from the first symptom; signals without a sign come last."""
    record = Record("a", "monday", 1, at(0), at(10), at(13), at(20), at(33))
    rows = signals.rows(record, {"logs": at(11), "metrics": None})
    assert [name for name, _, _ in rows] == [
        "the cause was put in place",
        "first sign in: logs",
        "the first customer suffered",
        "your first own look, or repair",
        "all customers are served",
        "first sign in: metrics",
        "time to detect (TTD)",
        "time to repair (TTR)",
    ]
    assert [after for _, _, after in rows] == ["-3 s", "-2 s", "+0 s", "+7 s", "+20 s", "not seen", "7 s", "20 s"]


PER_SECOND = 10


def served(*percent: int) -> pd.DataFrame:
    """Customers of which so many percent are served in each second, the first ten of them before noon."""
    rows = [
        (NOON + timedelta(seconds=second - 10 + number / PER_SECOND), number < share * PER_SECOND / 100)
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
        ([40] * 10 + [40] * 15, "nothing"),
        ([0] * 10 + [0] * 15, "nothing"),
    ],
)
def test_every_outcome_of_a_restart_can_happen(percent: list[int], outcome: str) -> None:
    """It follows from the customers served before and after."""
    assert after_restart(served(*percent), NOON) == outcome


def test_the_outcomes_are_the_options_of_the_prediction(root: Path) -> None:
    """The lesson reveals one of them."""
    question = tomllib.loads((root / "notebooks" / "05_game_day.predictions.toml").read_text())["restart"]
    assert set(question["options"]) == {"heals", "half", "worse", "nothing"}


LIMIT_PERCENT = 20.0


def watched() -> Tables:
    """Two seconds of a service that uses a tenth of a core, of which it may use a fifth."""
    requests = [Traffic(at(second + 0.4), "production", p95_ms=8.0) for second in range(2)]
    usage = frame(Usage, ())
    rows = {"time": [at(0.2), at(1.2)], "container": "production", "cpu_percent": 10.0, "throttled_percent": 30.0}
    usage = pd.concat([usage, pd.DataFrame({**rows, "memory_bytes": 32.0, "memory_limit_bytes": 128.0})])
    usage["time"] = pd.to_datetime(usage["time"], utc=True).astype("datetime64[us, UTC]")
    limits = {"production": [(datetime.min.replace(tzinfo=UTC), LIMIT_PERCENT)]}
    return Tables(requests=frame(Traffic, requests), resources=with_cpu_limits(usage, limits))


def customers() -> Customers:
    """Ten customers a second; in the second second, four of them are served."""
    good = [True] * 10 + [True] * 4 + [False] * 6
    visits = [Visit(at(n / 10), "production", 200 if well else 503, 0.01) for n, well in enumerate(good)]
    return Customers({"production": lambda: None}, visits=visits)


def test_a_second_is_a_row() -> None:
    """Its time is the second's end; shares do not reveal the limits."""
    table = joined(watched(), customers().table())
    assert [*table["time"]] == [pd.Timestamp(at(1)), pd.Timestamp(at(2))]
    assert [*table["served_percent"]] == [100.0, 40.0]
    assert [*table["cpu_percent"]] == [50.0, 50.0]
    assert [*table["memory_percent"]] == [25.0, 25.0]
    assert [*table["p95_ms"]] == [8.0, 8.0]
    assert joined(Tables(), customers().table().iloc[:0]).empty, "before the first customer there is no row"


def test_the_dashboard_shows_customers_and_the_cpu_but_no_limit() -> None:
    """The metrics show that it is throttled, but not the limit."""
    watcher: Any = SimpleNamespace(names=("production",), tables=lambda *_, **__: watched())
    shown = ShopWatcher(watcher, customers()).tables("production")
    assert shown.resources["cpu_limit_percent"].isna().all()
    view = container_view(shown, (), "production", at(2).timestamp(), 60, PANELS)
    lines = {line.label: line.last for plot in view.plots for line in plot.lines}
    assert (lines["came"], lines["served in time"], lines["periods held back"]) == (10.0, 4.0, 30.0)
    assert all(line.limit is None for plot in view.plots for line in plot.lines)


URL = "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("url", "ready", "answer", "why"),
    [
        (URL, 200, Answer(201, 0.01), ""),
        (URL, 503, Answer(201, 0.01), TURNED_AWAY),
        (URL, 200, Answer(500, 0.01), "500"),
        (URL, 200, Answer(200, 1.2), "200"),
        (URL, 200, Answer(None, 3.0, error="no answer within 3 s"), "no answer within 3 s"),
        (None, 200, Answer(201, 0.01), NO_INSTANCE),
    ],
)
def test_a_customer_who_is_not_served_has_a_reason(
    monkeypatch: pytest.MonkeyPatch, url: str | None, ready: int, answer: Answer, why: str
) -> None:
    """Turned away by the balancer, refused by the service, served too late, or not answered; no instance."""
    monkeypatch.setattr(http, "get", lambda *_, **__: Answer(ready))
    monkeypatch.setattr(http, "request", lambda *_, **__: answer)
    customers = Customers({"shop": lambda: url}, rate_per_second=50).start()
    wait_until(lambda: len(customers.visits) >= 8)
    customers.stop()
    table = customers.table()
    assert len(table) == len(customers.visits)
    assert {*table["good"]} == {not why}
    errors = table["error"].where(table["error"] != "", table["status"].astype(str))
    assert {*errors[~table["good"]]} == ({why} if why else set())
