"""The check of lesson 01b on recorded answers: each mistake gets its own finding."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.workshop_kit.exercises.check_runner import failed_keys
from workshop_kit.checks import orders
from workshop_kit.checks.orders import Order, Placed
from workshop_kit.observe.http import Answer

BEFORE = range(91, 101)
"""The ids of orders that were there before those of the check."""


def order(number: int) -> dict[str, Any]:
    """An order as the service answers it."""
    return {"id": number, "item": f"tea {number}", "quantity": number % 7, "created_at": f"2026-01-01T00:00:0{number}Z"}


ALL = [order(number) for number in range(101, 101 + orders.ORDERS)]
PLACED = Placed(ALL, frozenset(row["id"] for row in ALL[1::2]))
OWN = [row for row in ALL if row["id"] not in PLACED.elsewhere]
LATEST = ALL[:-21:-1]
Rows = Sequence[Order]


def answered(rows: object, status: int = 200) -> Answer:
    """An answer with this content."""
    return Answer(status, 0.1, json.dumps(rows))


def failed(answer: Answer) -> list[str]:
    """The keys of the findings that did not pass."""
    return failed_keys(orders.recent_findings(answer, PLACED))


ANSWERS = {
    "orders.recent.list.fails": answered({"error": "no such column"}, 500),
    "orders.recent.list.other": answered({"orders": LATEST}),
    "orders.recent.number.fewer": answered(LATEST[:10]),
}


@pytest.mark.parametrize(("key", "answer"), ANSWERS.items(), ids=ANSWERS)
def test_each_wrong_list_is_named(key: str, answer: Answer) -> None:
    """One mistake, one finding."""
    assert failed(answer) == [key]


def test_the_latest_twenty_pass() -> None:
    """With further fields, too; and where other customers order meanwhile, whose orders come first."""
    assert failed(answered([{**row, "paid": True} for row in LATEST])) == []
    other_rows = [order(number) for number in range(130, 125, -1)]
    assert failed(answered([*other_rows, *LATEST][:20])) == []


def test_orders_of_others_alone_are_the_latest_if_they_are_newer() -> None:
    """A load of orders may have come between the last order and the answer."""
    newer = [order(number) for number in range(190, 170, -1)]
    older = [order(number) for number in range(90, 70, -1)]
    assert failed(answered(newer)) == []
    assert failed(answered(older)) == ["orders.recent.latest"]
