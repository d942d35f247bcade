"""The check of orders.recent: old orders in a database, new ones at two instances, and one of them has to list them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from workshop_kit.trials import service_trial, trial_database
from workshop_kit.trials.check_api import check
from workshop_kit.trials.check_context import entry_of
from workshop_kit.trials.expect import Observation, expect, require
from workshop_kit.trials.service import RunningService, Service
from workshop_kit.trials.trial import SMALL_LOG, Reply

LIMIT = 20
OLD = 30
NEW = 6
FIELDS = ("id", "item", "quantity", "created_at")
ITEMS = ("tea", "jam", "pie")

Order = Mapping[str, Any]


@check("orders.recent")
def recent(service: Service) -> None:
    """It answers with the latest twenty orders, the newest first, wherever they were placed."""
    stack = service.context.stack
    service_trial.ensure_up(stack, service.context.report)
    hours = service.random.sample(range(1, 1000), OLD)
    ages = [timedelta(hours=age) for age in sorted(hours, reverse=True)]

    with trial_database.start_in_place(stack, ages) as database:
        database.wait_ready()
        options = {"log_config": SMALL_LOG, "extra_hosts": database.extra_hosts()}
        with service.run(more=options) as first, service.run(more=options) as second:
            placed = [place(service, instance) for instance in (first, second) * (NEW // 2)]
            latest = first.get("/orders")

    old_ids = [database.first_id + number for number in range(OLD)]
    all_ids = [*old_ids, *(order["id"] for order in placed)]
    lists_the_latest(latest, all_ids[::-1][:LIMIT], elsewhere={order["id"] for order in placed[1::2]})
    keeps_the_form(latest, placed)


def place(service: Service, instance: RunningService) -> Order:
    """Require an instance to take an order; return it as the service answers."""
    order = {"item": service.random.choice(ITEMS), "quantity": service.random.randint(1, 99)}
    answer = instance.post("/orders", order)
    placed = answer.json()
    require(
        answer.status == 201 and isinstance(entry_of(placed, "id"), int),
        seen=answer,
        expected="201, with the id of the order",
        means="The service takes no orders, so there is nothing to list.",
        look="Its last lines are below. What went wrong in create()?",
    )
    return dict(placed)


def lists_the_latest(answer: Reply, wanted: Sequence[int], elsewhere: set[int]) -> None:
    """Require the wanted ids in this sequence; ``elsewhere`` are those that the other instance took."""
    ids = ids_in(answer)
    means = "These are not the latest twenty orders, the newest first."
    look = "Which twenty of all does the database return? It sorts first, and takes the limit then."
    hint = 2
    if answer.status != 200:
        means = "It cannot answer."
        look = "The last lines of its log say why. Does the statement name columns that the table has?"
    elif not ids:
        means = f"The database has {OLD + NEW} orders, and it answers that there are none."
        look = "Which statement asks the database for them? select(request, statement) returns its rows."
        hint = 1
    elif ids and not elsewhere.intersection(ids) and max(ids) >= min(elsewhere):
        means = "It knows only the orders that came to itself: with two instances each customer sees half of the shop."
        look = "Where are the orders of all instances? In the database, not in the memory of this process."
        hint = 1
    elif len(ids) > LIMIT:
        means = f"It answers with more orders than {LIMIT}: with a million orders the answer is a million orders long."
        look = "A statement can say how many rows it wants at most: LIMIT 20, at its end."
    elif sorted(ids, reverse=True) == wanted:
        means = "The orders are not sorted from the newest to the oldest."
        look = "Ids grow with each order. ORDER BY id is from the lowest up, and DESC turns it around."

    called = f"{answer.called}, with {OLD} old orders in the database, and {NEW} new ones at two instances"
    require(
        ids == wanted,
        seen=Observation(called, f"{answer.got}\n{describe(ids)}", answer.seconds),
        expected=f"200, {describe(wanted)}",
        means=means,
        look=look,
        hint=hint,
    )


def keeps_the_form(answer: Reply, placed: Sequence[Order]) -> None:
    """Expect each new order as POST /orders answered it."""
    listed = {order["id"]: order for order in answer.json()}
    changed = set()
    for order in placed:
        changed |= {name for name in FIELDS if listed[order["id"]].get(name) != order.get(name)}

    got = f"another {', '.join(sorted(changed))}" if changed else "the same"
    expect(
        not changed,
        seen=Observation("Compare the new ones with what POST /orders answered", got, answer.seconds),
        expected="the same id, item, quantity and created_at",
        means="An order looks another way in the list, and a client would need two readers.",
        look="Which columns does the statement select? respond() writes times as POST /orders does.",
    )


def ids_in(answer: Reply) -> list[int]:
    """Return the ids in a list of orders; [] for any other answer."""
    orders = answer.json()
    ids = [entry_of(order, "id") for order in orders] if isinstance(orders, list) else []
    return [order_id for order_id in ids if isinstance(order_id, int)]


def describe(ids: Sequence[int]) -> str:
    """Return the ids in words."""
    if not ids:
        return "no orders"
    return f"{len(ids)} orders, from id {ids[0]} to {ids[-1]}"
