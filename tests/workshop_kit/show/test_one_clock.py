"""An incident on one clock, and the story of one request: from tables to a picture, whatever the lines say."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from tests.workshop_kit.show.recorded import FAULT, at, lines, tables
from workshop_kit.errors import WrongUsage
from workshop_kit.observe.watching import Tables
from workshop_kit.show.one_clock import follow_request, one_clock


def test_everything_stands_on_one_axis() -> None:
    """Lines by level, errors, p95, states, events and the fault; half a minute before it and after."""
    shown = one_clock("The cache stands still", logs=lines(), tables=tables(), faults=[FAULT])
    assert "85 seconds until 12:01:45" in shown.text
    for words in (
        "of all requests 0 (at most 60)",
        "p95 12 (at most 2,000)",
        "Fault pause redis",
        "service ended (137)",
        "redis: pass",
    ):
        assert words in shown.text
    assert "85 info, 25 warning, 1 error, 1 other in all" in shown.text
    assert "Warnings and errors: 26 lines, 2 different" in shown.html
    assert shown.html.count('<th scope="row">') == 2  # the one error does not drown


def test_what_a_line_says_stays_text() -> None:
    """Markup and control characters of a message are shown, not obeyed."""
    html = one_clock("T", logs=lines(), tables=tables(), faults=[FAULT]).html
    assert "&lt;b&gt;cache&lt;/b&gt;\\x1b[31m $x$" in html
    assert "<b>" not in html


def test_each_table_is_optional_but_something_there_must_be() -> None:
    """Lines alone, or what was watched alone; without a fault all the time there is data of."""
    assert "119 seconds until" in one_clock("T", logs=lines()).text
    assert "lines" not in one_clock("T", tables=tables()).text
    with pytest.raises(WrongUsage, match="nothing to show"):
        one_clock("T", logs=lines().iloc[:0], tables=Tables())
    with pytest.raises(WrongUsage, match="ends before it starts"):
        one_clock("T", logs=lines(), start=at(60), end=at(30))


READ = {
    "method": "GET",
    "path": "/orders/1",
    "status": 200,
    "duration_ms": 205.0,
    "redis_ms": 150.2,
    "replica_db_ms": 31.0,
}
PLACED = {"method": "POST", "path": "/orders", "status": 503, "duration_ms": 40.0}
STORY: list[dict[str, Any]] = [
    {"ts": at(0), "service": "shop", "level": "info", "msg": "order <b>taken</b>"},
    {"ts": at(0.142), "service": "orders", "level": "warning", "msg": "cache not available", "error": "TimeoutError"},
    {
        "ts": at(0.21),
        "service": "orders",
        "level": "info",
        "msg": "request",
        **READ,
        "redis_ms": 150.2,
        "replica_db_ms": 31.0,
    },
    {"ts": at(0.26), "service": "invoices", "level": "warning", "msg": "request", **PLACED, "master_db_ms": 33.3},
]


def story() -> pd.DataFrame:
    """The lines of one request, backwards, among those of others."""
    table = pd.DataFrame([*STORY, {"ts": at(0.1), "msg": "request", "request_id": "other"}])
    table["request_id"] = table.get("request_id", pd.Series(dtype="str")).fillna("abc-1")
    return table.iloc[::-1].assign(ts=pd.to_datetime(table["ts"], utc=True), status=table["status"].astype("Int64"))


def test_a_request_is_followed_through_all_services() -> None:
    """In the order in which it happened, from its beginning, with how long each dependency was waited for."""
    shown = follow_request(story(), "abc-1")
    table = shown.text.split("\n")
    assert "Request abc-1: 4 lines of 3 services" in table
    assert " ".join(table[-2].split()) == "210.0 orders info GET /orders/1 200 205.0 replica-db 31.0 ms, redis 150.2 ms"
    assert "orders: the request from 5.00 to 210.00" in shown.text
    assert "invoices: master-db" in shown.text
    assert "<b>" not in shown.html
    assert "data:image/png" in shown.html


def test_an_id_that_nobody_logged_is_said() -> None:
    """So is a table without ids; the id itself may be hostile."""
    with pytest.raises(WrongUsage, match="No line has the request id"):
        follow_request(story(), "nobody\x1b")
    with pytest.raises(WrongUsage):
        follow_request(lines().drop(columns="request_id"), "a")


@pytest.mark.parametrize("given", [float("nan"), None, 7])
def test_a_line_that_belongs_to_no_request_is_said(given: Any) -> None:
    """A line about a dependency has no id: what stands there instead is no error of ours."""
    with pytest.raises(WrongUsage, match="belongs to no request"):
        follow_request(story(), given)
