"""Orders lost while copies of the service and its dependencies are killed. If one is lost, the exit code is 1.

30 customers order, each sends its next order after the answer, and repeats none. An order is lost if it was answered
201 and has no row in the database; it is doubled if it has two.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from benchmarks._rows import Row, show
from benchmarks._workspace import own_stack
from tests.conftest import like
from tests.workshop_app.probes import wait_ready
from workshop_kit.engine import containers
from workshop_kit.engine.containers import Running
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.faults.injection import fault
from workshop_kit.observe import http
from workshop_kit.reporting import Step
from workshop_kit.terminal import TerminalReport

CUSTOMERS = 30
COPIES = 3
KILLS = 20
"""So many times a copy is killed; each third time a dependency, too."""
DEPENDENCIES = ("master-db", "replica-db", "redis")
PATIENCE_SECONDS = 40.0
"""A limit for what hangs: the service answers sooner."""
COUNT = "SELECT item, COUNT(*) FROM orders WHERE item LIKE 'kill-%' GROUP BY item; SELECT 'end', 1"


@dataclass(frozen=True)
class Order:
    """An order that was sent once, with an item that no other order has; ``status`` is None without an answer."""

    item: str
    status: int | None


def lost_items(orders: Iterable[Order], rows: Mapping[str, int]) -> list[str]:
    """Return the items of orders that were answered 201 and have no row; ``rows`` is the number of rows by item.

    >>> lost_items([Order("a", 201), Order("b", 201), Order("c", None)], {"a": 1})
    ['b']
    """
    placed_items = [order.item for order in orders if order.status == 201]
    return [item for item in placed_items if not rows.get(item)]


def doubled_items(orders: Iterable[Order], rows: Mapping[str, int]) -> list[str]:
    """Return the items of orders with more than one row, whatever the answer was."""
    return [order.item for order in orders if rows.get(order.item, 0) > 1]


@contextlib.contextmanager
def run_copies(stack: Stack) -> Iterator[list[Running]]:
    """Run copies of the stack's service until the end of the block; yield them once all are ready."""
    spec = like(stack.container("service"))
    with contextlib.ExitStack() as block:
        copies = [block.enter_context(containers.run(stack.session, spec)) for _ in range(COPIES)]
        for copy in copies:
            copy.wait_ready(within_seconds=PATIENCE_SECONDS)
        yield copies


@contextlib.contextmanager
def customers(urls: Mapping[str, str]) -> Iterator[list[Order]]:
    """Let CUSTOMERS threads order at one of these addresses until the end of the block; yield the list of orders."""
    orders: list[Order] = []
    numbers = itertools.count(1)
    stop = threading.Event()

    def order_until_stopped() -> None:
        while not stop.wait(random.uniform(0.0, 0.1)):
            url = random.choice(list(urls.values()))
            item = f"kill-{next(numbers)}"
            body = {"item": item, "quantity": 1}
            answer = http.request("POST", f"{url}/orders", json_body=body, timeout_seconds=PATIENCE_SECONDS)
            orders.append(Order(item, answer.status))

    with ThreadPoolExecutor(CUSTOMERS) as pool:
        futures = [pool.submit(order_until_stopped) for _ in range(CUSTOMERS)]
        try:
            yield orders
        finally:
            stop.set()

    for future in futures:
        future.result()


def kill_in_turn(stack: Stack, copies: list[Running], urls: dict[str, str], report: TerminalReport) -> None:
    """Kill one copy after the other while it serves, each third time beside a dependency, and start them again."""
    for number in range(KILLS):
        report(Step("Orders", number / KILLS, f"{number} copies killed"))
        copy = copies[number % COPIES]
        with contextlib.ExitStack() as block:
            if number % 3 == 0:
                dependency = DEPENDENCIES[number // 3 % len(DEPENDENCIES)]
                block.enter_context(fault("kill", stack, dependency))
            time.sleep(random.uniform(0.2, 1.0))
            copy.container.kill()
            copy.wait_ended()

        copy.container.start()
        copy.wait_ready(within_seconds=PATIENCE_SECONDS)
        urls[copy.id] = copy.url()  # the engine has chosen another port
        wait_ready(stack.url())
        time.sleep(random.uniform(0.5, 2.0))


def rows_by_item(stack: Stack) -> Counter[str]:
    """Return the number of rows in the master database by item. Raises WorkshopError if its answer is cut off."""
    command = ["mariadb", "--batch", "--skip-column-names", "--execute", COUNT, "orders"]
    output = stack.container("master-db").exec_run(command, user="0").output.decode()
    lines = output.splitlines()
    if not lines or lines[-1] != "end\t1":
        raise WorkshopError("The database does not say which orders it has.", "Run it again.", output=output[-500:])

    rows: Counter[str] = Counter()
    for line in lines[:-1]:
        item, _, count = line.partition("\t")
        rows[item] = int(count)
    return rows


def main() -> None:
    """Measure on a stack of its own, show the rows, and exit with 1 if an order is lost or doubled."""
    with own_stack() as (_, stack), TerminalReport() as report:
        wait_ready(stack.url())
        with run_copies(stack) as copies:
            urls = {copy.id: copy.url() for copy in copies}
            with customers(urls) as orders:
                kill_in_turn(stack, copies, urls, report)
        rows = rows_by_item(stack)

    lost = lost_items(orders, rows)
    doubled = doubled_items(orders, rows)
    unanswered = sum(order.status is None for order in orders)
    work = f"orders lost; a copy killed {KILLS} times, {unanswered} orders without an answer"
    show(
        [
            Row(work, len(lost), len(orders), "0", taken="all", unit="orders"),
            Row("orders doubled meanwhile", len(doubled), len(orders), "0", taken="all", unit="orders"),
        ]
    )
    sys.exit(1 if lost or doubled else 0)


if __name__ == "__main__":
    main()
