"""Load: sent on schedule, and to the service alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from tests.workshop_kit.faults.conftest import Shop
from workshop_kit.errors import WrongUsage
from workshop_kit.faults.injection import fault
from workshop_kit.faults.load import load
from workshop_kit.observe.logs import read_container


@pytest.mark.engine
def test_slow_answers_do_not_slow_the_load(shop: Shop) -> None:
    """Every request is sent on schedule while the database hangs, and answered."""
    began = datetime.now(UTC)
    order = {"item": "tea", "quantity": 1}
    with (
        fault("pause", shop.stack, "master-db"),
        load(shop.stack, request="POST /orders", json=order, rate_per_second=10, seconds=3) as sending,
    ):
        assert sending.wait_ended(within_seconds=60).code == 0
    lines = read_container(shop.stack.container("service"), since=began)
    orders = lines[lines["method"] == "POST"]
    assert 28 <= len(orders) <= 31
    assert (orders["status"] == 503).all()


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        ({"request": "GET http://example.org/"}, "is no method and path"),
        ({"request": "GET /\n"}, "is no method and path"),
        ({"rate_per_second": 301}, "rate_per_second is a whole number from 1 to 300"),
        ({"seconds": 0}, "seconds is a whole number from 1 to 7200"),
    ],
)
def test_a_wrong_plan_is_refused(plan: dict[str, Any], sentence: str) -> None:
    """The address is always the service's; rate and time have limits."""
    with pytest.raises(WrongUsage, match=sentence):
        load(cast(Any, None), **plan)
