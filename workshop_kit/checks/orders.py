"""The check of orders.recent: orders at two instances of the service, and what one of them answers then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workshop_kit.observe.http import Answer
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import CheckEnded, Context, check, entry_of, seeded
from workshop_kit.trials.findings import START, findings
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.trial import Trial

RECENT = findings("orders.recent")
SHARED = findings(START)
LIMIT = 20
ORDERS = 24
"""More than the answer may hold, at two instances in turn."""
FIELDS = ("id", "item", "quantity", "created_at")
ITEMS = ("tea", "coffee", "cake", "juice", "water", "soup")
TRIES = 3
SETTLE_SECONDS = 3.0
"""Until the replica, which is asked from lesson 02 on, has the last order."""

Order = Mapping[str, Any]


@dataclass(frozen=True)
class Placed:
    """The orders of the check as the service answered them, in their sequence, and the ids that ``elsewhere`` took."""

    orders: Sequence[Order]
    elsewhere: frozenset[int]

    @property
    def ids(self) -> list[int]:
        """Their ids, in their sequence."""
        return [order["id"] for order in self.orders]


@check("orders.recent")
def recent(context: Context) -> Result:
    """Place more than twenty orders at two instances in turn, and ask one of them for the latest."""
    with (
        service_trial.build(context) as image,
        service_trial.run_with_stack(context, image) as trial,
        service_trial.run_with_stack(context, image) as second,
    ):
        for instance in (trial, second):
            service_trial.wait_order(instance)

        context.report_step(f"placing {ORDERS} orders at two instances")
        placed = _place(context, trial, second)
        answer = _latest(trial, placed)
        return conclude(RECENT.shown, recent_findings(answer, placed), trial.log_tail())


def _place(context: Context, trial: Trial, second: Trial) -> Placed:
    """Place the orders, at two instances in turn; the last one elsewhere. Raises CheckEnded if one is not taken."""
    random = seeded("orders.recent", context.seed)
    orders = []
    elsewhere = set()
    for number in range(ORDERS):
        instance = second if number % 2 else trial
        order = _order(instance, {"item": random.choice(ITEMS), "quantity": random.randint(1, 99)})
        orders.append(order)
        if instance is second:
            elsewhere.add(order["id"])
    return Placed(orders, frozenset(elsewhere))


def _order(trial: Trial, order: Order) -> Order:
    """Place one order; try again unless it is taken. Raises CheckEnded if it never is."""
    for _ in range(TRIES):
        answer = trial.post("/orders", order)
        placed = answer.json()
        if answer.status == 201 and isinstance(entry_of(placed, "id"), int):
            return dict(placed)

    finding = SHARED.failed("order", str(answer), status=answer)
    raise CheckEnded(conclude("", [finding], trial.log_tail()))


def _latest(trial: Trial, placed: Placed) -> Answer:
    """Ask until the last order is in the answer, where an older one is, or the time is up; return the last answer."""

    def get_orders() -> Answer:
        return trial.get("/orders")

    def is_settled(answer: Answer) -> bool:
        ids = [order["id"] for order in listed(answer) or ()]
        return not ids or max(ids) >= placed.ids[-1]

    missing = "the last order was not in the answer to GET /orders"
    return trial.poll(get_orders, is_settled, SETTLE_SECONDS, missing=missing)


def listed(answer: Answer) -> list[Order] | None:
    """Return the orders in an answer; None where it is no list of orders."""
    orders = answer.json()
    if not isinstance(orders, list) or not all(isinstance(entry_of(order, "id"), int) for order in orders):
        return None
    return orders


def recent_findings(answer: Answer, placed: Placed) -> list[Finding]:
    """Return the findings on the answer. Other customers may have placed orders meanwhile."""
    orders = listed(answer)
    is_list = _is_list(answer, orders)
    if not is_list.passed or orders is None:
        return [is_list]

    ids = [order["id"] for order in orders]
    return [
        is_list,
        _number(len(ids)),
        *_has_latest(ids, placed),
        _order_of(ids, placed),
        _fields(orders, placed),
    ]


def _is_list(answer: Answer, orders: list[Order] | None) -> Finding:
    """Find whether the service answers with 200 and a list that is not empty."""
    if answer.status != 200:
        return RECENT.failed("list.fails", str(answer), count=ORDERS, answer=answer)
    if orders is None:
        return RECENT.failed("list.other", "200, something else", count=ORDERS, answer=answer)

    observation = f"200, a list of {len(orders)} orders"
    return RECENT.found(bool(orders), "list.empty", observation, count=ORDERS, answer=answer)


def _number(count: int) -> Finding:
    way = "more" if count > LIMIT else "fewer"
    return RECENT.equals(f"number.{way}", str(count), limit=LIMIT, count=ORDERS)


def _has_latest(ids: Sequence[int], placed: Placed) -> list[Finding]:
    """Find whether orders of the other instance are there; where some are, whether the last one is."""
    is_shared = bool(placed.elsewhere.intersection(ids))
    if not is_shared and set(placed.ids).intersection(ids):
        return [RECENT.failed("instances", "they are missing")]

    is_last = placed.ids[-1] in ids or min(ids) > placed.ids[-1]
    observation = "it is there" if is_last else "it is missing"
    return [RECENT.passed("instances", "they are there"), RECENT.equals("latest", observation)]


def _order_of(ids: Sequence[int], placed: Placed) -> Finding:
    """Find whether the check's own orders stand in the reverse of the sequence in which they were placed."""
    own_ids = [number for number in ids if number in placed.ids] or list(ids)
    sequence = "neither up nor down"
    if own_ids == sorted(own_ids, reverse=True):
        sequence = "the newest first"
    elif own_ids == sorted(own_ids):
        sequence = "the oldest first"
    return RECENT.equals("order", sequence)


def _fields(orders: Sequence[Order], placed: Placed) -> Finding:
    """Find whether an order in the list is as it was when it was placed."""
    placed_by_id = {order["id"]: order for order in placed.orders}
    changed: set[str] = set()
    for order in orders:
        before = placed_by_id.get(order["id"])
        if before:
            changed.update(name for name in FIELDS if order.get(name) != before.get(name))

    names = ", ".join(name for name in FIELDS if name in changed)
    return RECENT.found(not changed, "fields", f"{names} differ" if names else "the same", names=names)
