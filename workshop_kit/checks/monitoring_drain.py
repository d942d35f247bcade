"""The check of monitoring.drain: one of two instances stops while customers come, and an order is under way."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from workshop_kit.checks.stops import is_good_end
from workshop_kit.observe import http
from workshop_kit.patience import patient
from workshop_kit.trials.check_api import check
from workshop_kit.trials.expect import Observation, expect, require
from workshop_kit.trials.service import RunningService, Service
from workshop_kit.trials.service_trial import ORDER
from workshop_kit.trials.trial import Reply

MOST_DRAIN_SECONDS = 5.0
"""The longest drain time that the service's setting allows."""
PROBE_SECONDS = 0.3
"""How often the balancer asks /readyz; between two answers it relies on the last one."""
PATH = "/orders/first"
"""The customers' path: a service that works answers 404, without asking a database."""
FINISH_SECONDS = 0.4
"""How long after the drain time the order that is under way is finished."""
END_SECONDS = 3.0
"""How long after the drain time it may take to end."""


@dataclass
class DrainCustomers:
    """Customers whom a balancer sends to those instances whose last answer of /readyz was 200."""

    addresses: tuple[str, ...]
    served: int = 0
    lost: int = 0

    @contextlib.contextmanager
    def arriving(self) -> Iterator[None]:
        """Send customers during the block, and until the balancer has noticed what happened in it."""
        stop = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(self._send, stop)
            try:
                yield
                time.sleep(2 * PROBE_SECONDS)
            finally:
                stop.set()
            sending.result()

    def _send(self, stop: threading.Event) -> None:
        while not stop.is_set():
            ready = [address for address in self.addresses if self._status(address, "/readyz") == 200]
            probed_at = time.monotonic()
            while not stop.wait(0.01) and time.monotonic() < probed_at + PROBE_SECONDS:
                for address in ready:
                    is_served = self._status(address, PATH) == 404
                    self.served += is_served
                    self.lost += not is_served

    def _status(self, address: str, path: str) -> int | None:
        return http.get(address + path, timeout_seconds=patient(http.TIMEOUT_SECONDS)).status


@check("monitoring.drain")
def drain(service: Service) -> None:
    """Told to stop, the service says that it leaves, serves until its drain time ends, and loses no customer.

    It is one of two instances behind a balancer, and an order is half sent. The drain time is drawn by lot, so that a
    number in the code is not enough.
    """
    drain_seconds = round(min(MOST_DRAIN_SECONDS, patient(service.random.uniform(1.6, 2.4))), 1)
    with service.run(environment={"HTTP_DRAIN_SECONDS": str(drain_seconds)}) as running:
        ready = running.eventually("/readyz", 200)
        require(
            ready.status == 200,
            seen=ready,
            expected="200",
            means="It never says that it is ready, so no customer is ever sent to it.",
            look="Which answer does ready() give while the service works and nobody has stopped it?",
        )

        customers = DrainCustomers((running.address, service.context.stack.url()))
        with customers.arriving(), running.half_post("/orders", ORDER) as finish_order:
            time.sleep(PROBE_SECONDS)
            running.signal("SIGTERM")
            says_that_it_leaves(running, drain_seconds)

            sleep_until(running.signaled_at + 0.8 * drain_seconds)
            still_serves(running, drain_seconds)

            sleep_until(running.signaled_at + drain_seconds + FINISH_SECONDS)
            order_is_answered(finish_order())
            ends_in_time(running, drain_seconds)

    got = f"{customers.lost} of {customers.lost + customers.served} got no answer"
    expect(
        customers.lost == 0,
        seen=Observation("Send customers to those of two instances whose /readyz said 200", got, 0.0),
        expected="all get an answer",
        means=f"{customers.lost} customers were sent to a service that did not serve them any more.",
        look=f"The balancer asks /readyz every {PROBE_SECONDS} s, and believes it. When does it learn of the stop?",
    )


def sleep_until(moment: float) -> None:
    """Sleep until a moment of the monotonic clock."""
    time.sleep(max(0.0, moment - time.monotonic()))


def says_that_it_leaves(running: RunningService, drain_seconds: float) -> None:
    """Require /readyz to answer 503 while it still serves."""

    def is_decided(ready: Reply) -> bool:
        return ready.status != 200 or time.monotonic() > running.signaled_at + drain_seconds / 2

    missing = "/readyz was still 200"
    ready = running.poll(lambda: running.get("/readyz"), is_decided, drain_seconds, missing=missing)
    is_late = ready.is_late or ready.seconds > drain_seconds / 2

    means = "After SIGTERM ready() itself fails."
    look = "The log has the exception and its line. What does respond() take?"
    if ready.status == 200:
        means = "It is about to leave, and says that it is ready: customers are sent to a port that is about to close."
        look = "ready() has to look whether the stop has begun. Who says so, and where: handle_exit() in main.py?"
    if ready.status is None:
        means = "After SIGTERM nothing listens any more, and the balancer has customers on their way to it."
        look = "handle_exit() in main.py is called for SIGTERM. It stops the server at once: let it stop later."
    if is_late:
        means = "After SIGTERM it accepts connections, and answers nobody: customers wait."
        look = "Which line of handle_exit() waits? The event loop stands still meanwhile. A Timer waits elsewhere."

    expected = f"503 at once, and for {drain_seconds:g} s"
    require(ready.status == 503 and not is_late, seen=ready, expected=expected, means=means, look=look, hint=2)


def still_serves(running: RunningService, drain_seconds: float) -> None:
    """Expect /livez to answer until the drain time is over."""
    live = running.since_signal(running.get("/livez"))
    expect(
        live.status == 200,
        seen=live,
        expected=f"200: it lives and serves for {drain_seconds:g} s after SIGTERM",
        means="It is gone, or restarted, while the balancer may still have customers on their way to it.",
        look="Not ready is not dead: leave /livez as it is. For how long does handle_exit() let it serve?",
        hint=3,
    )


def order_is_answered(order: Reply) -> None:
    """Expect the request that had begun before SIGTERM to be answered."""
    expect(
        order.status == 201,
        seen=order,
        expected="201: it had begun before SIGTERM",
        means="A customer had sent half of an order when it was told to stop. That order is lost.",
        look="super().handle_exit() waits for what has begun. Does yours call it?",
        hint=2,
    )


def ends_in_time(running: RunningService, drain_seconds: float) -> None:
    """Expect it to end by itself soon after the drain time."""
    end = running.wait_end(drain_seconds + END_SECONDS)
    means = "It crashed on its way out."
    look = "The exit code is that of process 1. Read its last lines."
    if end.code is None:
        means = "It drains for ever: after ten seconds the engine kills it, in the middle of its work."
        look = "Who calls super().handle_exit(…), and when?"

    expect(
        is_good_end(running.process_1, end.code),
        seen=end,
        expected=f"exit code 0 within {drain_seconds + END_SECONDS:g} s; behind an init also 143",
        means=means,
        look=look,
        hint=3,
    )
