"""Customers and their load balancer, with services that are ready, not ready, slow, or do not run."""

from __future__ import annotations

import pytest

from tests.waiting import wait_until
from workshop_kit.gameday.customers import NO_INSTANCE, TURNED_AWAY, Customers
from workshop_kit.observe import http
from workshop_kit.observe.http import Answer

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
