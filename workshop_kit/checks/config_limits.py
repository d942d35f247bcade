"""The check of config.limits: orders while Redis, the replica or the master hangs, and while each refuses."""

from __future__ import annotations

from collections.abc import Callable

from workshop_kit.checks import config
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import check
from workshop_kit.trials.check_context import entry_of
from workshop_kit.trials.dependency_proxies import HOST_VARIABLES
from workshop_kit.trials.expect import Observation, expect, require
from workshop_kit.trials.service import RunningService, Service
from workshop_kit.trials.service_trial import ORDER
from workshop_kit.trials.trial import Reply

# The limits that cache.py and app.py name.
REDIS_SECONDS = 0.2
REPLICA_SECONDS = 0.5
MASTER_SECONDS = 1.5
GRACE_SECONDS = 1.0
PATIENCE_SECONDS = 4.0
"""How long the check waits for an answer: longer than the limits, to tell a late answer from none."""
CACHE_SECONDS = 3.0
BACK_SECONDS = 6.0

LIMIT_OF_A_DATABASE = "What ends a wait in in_time()? Each database has a limit of its own: self.limit_seconds."


@check("config.limits")
def limits(service: Service) -> None:
    """Nobody waits for ever: it sells without its cache, lists without its replica, and uses both while they work."""
    with (
        config.run_with_passwords(service, [*HOST_VARIABLES]) as running,
        config.run_with_passwords(service) as second,
    ):
        service_trial.wait_order(running)
        service_trial.wait_order(second)
        finds_in_the_cache(
            running,
            second,
            CACHE_SECONDS,
            means="Redis works, and the service does not use it: another instance read this order from a database.",
            look="Redis answers within a few milliseconds. Does keep() in orders.py put an order there, and does "
            "read() look there first? Does answer_to() return what Redis answered?",
        )

        survives = [
            serves_without(running, "redis", sells_without_redis),
            serves_without(running, "replica-db", lists_without_replica),
            serves_without(running, "master-db", refuses_without_master),
        ]
        running.restore()
        finds_in_the_cache(
            running,
            running,
            BACK_SECONDS,
            means="The database and Redis are back, but the service is not: it needs a restart.",
            look="What does a wait that was ended leave behind? A connection that is never given back is lost.",
        )

    if all(survives):
        raises_unavailable(service)


def finds_in_the_cache(
    writer: RunningService, reader: RunningService, within_seconds: float, *, means: str, look: str
) -> None:
    """Require one of the orders that one instance takes to come from the cache when another reads it."""

    def place_and_read() -> Reply:
        order = writer.post("/orders", ORDER, within_seconds=PATIENCE_SECONDS)
        if order.status != 201:
            return order
        order_id = entry_of(order.json(), "id")
        return reader.get(f"/orders/{order_id}", within_seconds=PATIENCE_SECONDS)

    reply = writer.poll(place_and_read, is_hit, within_seconds, missing="no order came from the cache")
    got = f"{reply}, X-Cache: {reply.headers.get('x-cache', 'none')}"
    require(
        is_hit(reply),
        seen=Observation(f"POST /orders, and read the order{writer.situation}", got, reply.seconds),
        expected="200, X-Cache: hit",
        means=means,
        look=look,
    )


def is_hit(reply: Reply) -> bool:
    """Return whether a reply is an order from the cache."""
    return reply.status == 200 and reply.headers.get("x-cache") == "hit"


def serves_without(running: RunningService, name: str, is_served: Callable[[RunningService], bool]) -> bool:
    """Let a dependency hang, then refuse; return whether customers are served. A wrong reply ends that."""
    for take_away in (running.hang, running.refuse):
        take_away(name)
        if not is_served(running):
            return False
    return True


def sells_without_redis(running: RunningService) -> bool:
    """Expect an order to be taken, and to be read again, which asks Redis twice."""
    what = "an order that does not need Redis"
    late = "What ends a wait for Redis in answer_to()? A server that hangs raises nothing."
    wrong = "ask() in cache.py catches Unavailable, and nothing else. Which exceptions does the client raise?"

    placed = running.post("/orders", ORDER, within_seconds=PATIENCE_SECONDS, expected=201)
    if not is_answered(running, placed, 201, REDIS_SECONDS, what, late=late, wrong=wrong):
        return False

    order_id = entry_of(placed.json(), "id")
    order = running.get(f"/orders/{order_id}", within_seconds=PATIENCE_SECONDS)
    return is_answered(running, order, 200, 2 * REDIS_SECONDS, what, late=late, wrong=wrong)


def lists_without_replica(running: RunningService) -> bool:
    """Expect the orders, from the master."""
    what = "orders that the master has, too"
    wrong = "ask_replica() in orders.py catches Unavailable, and nothing else. Which exceptions does the driver raise?"

    orders = running.get("/orders", within_seconds=PATIENCE_SECONDS)
    return is_answered(running, orders, 200, REPLICA_SECONDS, what, late=LIMIT_OF_A_DATABASE, wrong=wrong)


def refuses_without_master(running: RunningService) -> bool:
    """Expect an order to be refused, and the orders to come from the replica as usual."""
    what = "an order that cannot be taken now"
    wrong = "503 says that it may work again shortly. unavailable() in app.py answers it for Unavailable. Which other "
    wrong += "exceptions does in_time() let through?"

    placed = running.post("/orders", ORDER, within_seconds=PATIENCE_SECONDS, expected=503)
    if not is_answered(running, placed, 503, MASTER_SECONDS, what, late=LIMIT_OF_A_DATABASE, wrong=wrong):
        return False

    look = "Which server does select() in orders.py ask first, and what happens to its answer?"
    orders = running.get("/orders", within_seconds=PATIENCE_SECONDS)
    return is_answered(running, orders, 200, 0.0, "orders that the replica has", late=look, wrong=look)


def is_answered(
    running: RunningService, reply: Reply, status: int, seconds: float, what: str, *, late: str, wrong: str
) -> bool:
    """Expect a customer who asked for ``what`` to get this status in time; return whether that is so.

    ``late`` and ``wrong`` say where to look if the reply comes too late, or has another status.
    """
    limit_seconds = seconds + GRACE_SECONDS  # for a busy machine
    in_time = reply.status is not None and running.is_prompt(reply, limit_seconds)
    is_right = reply.status == status and in_time

    means = f"A customer waits too long for {what}."
    look = late
    if reply.status not in {None, status}:
        means = f"A customer gets {reply.status} for {what}."
        look = wrong

    expected = f"{status} within {limit_seconds:.1f} s"
    expect(is_right, seen=reply, expected=expected, means=means, look=look, hint=2)
    return is_right


def raises_unavailable(service: Service) -> None:
    """Expect answer_to() to raise Unavailable where nothing listens, unless the service has no such function."""
    exception = config.run_inside(service, "ask_nobody")
    if exception is None:
        return

    expect(
        exception == "Unavailable",
        seen=Observation("Call answer_to() where nothing listens", exception, 0.0),
        expected="Unavailable",
        means="answer_to() does not say that Redis is away: nobody learns why the service is slower today.",
        look='Raise Unavailable("redis"). ask() makes None of it, and from lesson 03 on a line in the log.',
    )
