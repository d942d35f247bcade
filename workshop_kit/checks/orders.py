"""The check of orders.recent: place orders at two instances of the service, and ask one of them for the latest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workshop_kit.observe.http import Answer
from workshop_kit.trials import service_image, service_trial
from workshop_kit.trials.check_api import CheckEnded, Context, check, entry_of, seeded_random
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.trial import Trial

RECENT = findings("orders.recent")
LIMIT = 20
ORDERS = 24
"""The number of orders that the check places: more than the answer may hold."""
FIELDS = ("id", "item", "quantity", "created_at")
ITEMS = ("tea", "coffee", "cake", "juice", "water", "soup")
TRIES = 3
SETTLE_SECONDS = 3.0
"""How long the replica, which is asked from lesson 02 on, may take to have the last order."""

Order = Mapping[str, Any]


@dataclass(frozen=True)
class Placed:
    """The orders of the check, in the sequence in which they were placed, as the service answered.

    ``elsewhere`` are the ids of those that were placed at the second instance.
    """

    orders: Sequence[Order]
    elsewhere: frozenset[int]

    @property
    def ids(self) -> list[int]:
        """The ids of the orders, in their sequence."""
        return [order["id"] for order in self.orders]


@check("orders.recent")
def recent(context: Context) -> Result:
    """Place more than twenty orders at two instances in turn, and ask one of them for the latest."""
    with (
        service_image.build(context) as image,
        service_trial.run_with_stack(context, image) as trial,
        service_trial.run_with_stack(context, image) as second,
    ):
        for instance in (trial, second):
            service_trial.wait_order(instance)

        context.report_step(f"placing {ORDERS} orders at two instances")
        placed = _place_orders(context, trial, second)
        answer = _wait_latest(trial, placed)
        return conclude(RECENT.success_summary, recent_findings(answer, placed), trial.log_tail())


def _place_orders(context: Context, trial: Trial, second: Trial) -> Placed:
    """Place the orders at two instances in turn, the last one at the second. Raises CheckEnded if one is refused."""
    random = seeded_random("orders.recent", context.seed)
    orders = []
    elsewhere = set()
    for number in range(ORDERS):
        instance = second if number % 2 else trial
        new_order = {"item": random.choice(ITEMS), "quantity": random.randint(1, 99)}
        order = _place_order(instance, new_order)
        orders.append(order)
        if instance is second:
            elsewhere.add(order["id"])
    return Placed(orders, frozenset(elsewhere))


def _place_order(trial: Trial, order: Order) -> Order:
    """Place an order, in several tries, and return it as the service answers. Raises CheckEnded if all tries fail."""
    for _ in range(TRIES):
        answer = trial.post("/orders", order)
        placed_order = answer.json()
        if answer.status == 201 and isinstance(entry_of(placed_order, "id"), int):
            return dict(placed_order)

    finding = Finding(
        False,
        "POST /orders",
        str(answer),
        "201, with the id of the order",
        means="The service takes no orders, so there is nothing to list.",
        look="Its last lines are below. What went wrong in create()?",
    )
    raise CheckEnded(conclude("", [finding], trial.log_tail()))


def _wait_latest(trial: Trial, placed: Placed) -> Answer:
    """Ask for the orders until the last one is in the answer, or the time is up; return the last answer.

    An answer without any order is returned at once.
    """

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
    if not isinstance(orders, list):
        return None

    have_ids = all(isinstance(entry_of(order, "id"), int) for order in orders)
    return orders if have_ids else None


def recent_findings(answer: Answer, placed: Placed) -> list[Finding]:
    """Return the findings on the answer, in which orders of other customers may stand, too."""
    orders = listed(answer)
    is_list = _list_finding(answer, orders)
    if not is_list.passed or orders is None:
        return [is_list]

    ids = [order["id"] for order in orders]
    return [
        is_list,
        _number_finding(len(ids)),
        *_latest_findings(ids, placed),
        _sequence_finding(ids, placed),
        _fields_finding(orders, placed),
    ]


def _list_finding(answer: Answer, orders: list[Order] | None) -> Finding:
    """Find whether the service answers with 200 and a list that is not empty."""
    if answer.status != 200:
        return RECENT.failed("list.fails", str(answer), count=ORDERS, answer=answer)
    if orders is None:
        return RECENT.failed("list.other", "200, something else", count=ORDERS, answer=answer)

    observation = f"200, a list of {len(orders)} orders"
    return RECENT.found(bool(orders), "list.empty", observation, count=ORDERS, answer=answer)


def _number_finding(count: int) -> Finding:
    """Find whether the answer has as many orders as it should."""
    way_to_fail = "more" if count > LIMIT else "fewer"
    return RECENT.equals(f"number.{way_to_fail}", str(count), limit=LIMIT, count=ORDERS)


def _latest_findings(ids: Sequence[int], placed: Placed) -> list[Finding]:
    """Find whether orders of the second instance are there; if they are, whether the last order is.

    Orders that other customers placed later may have displaced the check's own.
    """
    has_shared = bool(placed.elsewhere.intersection(ids))
    has_own = bool(set(placed.ids).intersection(ids))
    if has_own and not has_shared:
        return [RECENT.failed("instances", "they are missing")]

    last_id = placed.ids[-1]
    has_last = last_id in ids or min(ids) > last_id
    observation = "it is there" if has_last else "it is missing"
    return [RECENT.passed("instances", "they are there"), RECENT.equals("latest", observation)]


def _sequence_finding(ids: Sequence[int], placed: Placed) -> Finding:
    """Find whether the newest order stands first, by the check's own orders; by all orders if there are none of it."""
    own_ids = [order_id for order_id in ids if order_id in placed.ids] or list(ids)
    sequence = "neither up nor down"
    if own_ids == sorted(own_ids, reverse=True):
        sequence = "the newest first"
    elif own_ids == sorted(own_ids):
        sequence = "the oldest first"
    return RECENT.equals("order", sequence)


def _fields_finding(orders: Sequence[Order], placed: Placed) -> Finding:
    """Find whether the check's own orders have the same fields in the answer as when they were placed."""
    placed_by_id = {order["id"]: order for order in placed.orders}
    changed_names: set[str] = set()
    for order in orders:
        placed_order = placed_by_id.get(order["id"])
        if placed_order:
            changed_names.update(name for name in FIELDS if order.get(name) != placed_order.get(name))

    names = ", ".join(name for name in FIELDS if name in changed_names)
    observation = f"{names} differ" if names else "the same"
    return RECENT.found(not changed_names, "fields", observation, names=names)
