"""Customers, who order for as long as a block runs: each sends its next order after the answer, and repeats none."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from benchmarks._verdicts import Order
from workshop_kit.observe import http
from workshop_kit.observe.http import Answer

CUSTOMERS = 30
PATIENCE_SECONDS = 40.0
"""A limit for what hangs: the service answers sooner."""
ORDER_SECONDS = 1.5
"""How long the service lets a customer wait for an order: docs/settings.md."""
PAUSE_SECONDS = 0.1


def any_pause(_: Answer) -> float:
    """Return a short time until the customer's next order."""
    return random.uniform(0.0, PAUSE_SECONDS)


def pause_until_the_limit(answer: Answer) -> float:
    """Return the rest of ORDER_SECONDS, so that a customer sends one order in that time, however fast the answer is."""
    return max(0.0, ORDER_SECONDS - answer.seconds)


@contextmanager
def customers(
    name: str, address: Callable[[], str], pause: Callable[[Answer], float] = any_pause
) -> Iterator[list[Order]]:
    """Let CUSTOMERS threads order until the end of the block; yield the list of their orders, which grows.

    ``address`` returns the URL for the next order, ``pause`` the seconds to wait after an answer. The item of an order
    begins with ``name``, and is also the id of its request.
    """
    orders: list[Order] = []
    numbers = itertools.count(1)
    stop = threading.Event()

    def order_until_stopped() -> None:
        stop.wait(random.uniform(0.0, ORDER_SECONDS))
        while not stop.is_set():
            url = f"{address()}/orders"
            item = f"{name}-{next(numbers)}"
            answer = http.request(
                "POST",
                url,
                json_body={"item": item, "quantity": 1},
                headers={"X-Request-ID": item},
                timeout_seconds=PATIENCE_SECONDS,
            )
            orders.append(Order(item, answer.status))
            stop.wait(pause(answer))

    with ThreadPoolExecutor(CUSTOMERS) as pool:
        futures = [pool.submit(order_until_stopped) for _ in range(CUSTOMERS)]
        try:
            yield orders
        finally:
            stop.set()

    for future in futures:
        future.result()
