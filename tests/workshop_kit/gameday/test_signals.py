"""When customers and signals first show an incident, its card, and the outcome of a restart."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from workshop_kit.exercises.game_records import Record
from workshop_kit.gameday import after_restart, signals
from workshop_kit.gameday.customers import Visit
from workshop_kit.observe.watch import Tables

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
