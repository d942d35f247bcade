"""The check of monitoring.drain: one of two instances stops while customers come and an order is half sent."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import CheckResult, Context, check, conclude, found
from workshop_kit.exercises.checks.monitoring_health import DEADLINE_SECONDS, START_SECONDS
from workshop_kit.exercises.result import Finding
from workshop_kit.exercises.trial import LOOK_SECONDS, Trial
from workshop_kit.observe import http
from workshop_kit.observe.http import Answer
from workshop_kit.progress import Step

CUSTOMERS = 4
PAUSE_SECONDS = 0.01
PROBE_SECONDS = 0.3
"""How often the balancer asks /readyz; it believes the last answer until the next."""
DRAIN_SECONDS = 1.5
END_SECONDS = 8.0
BEFORE_SECONDS = 0.7
PATH = "/orders/first"
"""Answers 404 in a service that works, without a database."""
ORDER = {"item": "check of monitoring.drain", "quantity": 1}


@dataclass
class Balancer:
    """A load balancer: it sends customers in turn to the instances whose /readyz last said 200, and counts failures."""

    ports: tuple[int, ...]
    ready: set[int] = field(default_factory=set)
    asked: dict[int, int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def probe(self) -> None:
        """Ask /readyz of every instance once."""
        for port in self.ports:  # each answer counts at once: the next one may be slow
            others = self.ready - {port}
            self.ready = others | {port} if http.get(f"http://127.0.0.1:{port}/readyz").status == 200 else others

    def watch(self) -> None:
        """Probe until the stop."""
        while not self.stop.wait(PROBE_SECONDS):
            self.probe()

    def serve(self, turn: int) -> None:
        """Send one customer after the other until the stop."""
        while not self.stop.wait(PAUSE_SECONDS):
            ready = sorted(self.ready)
            if not ready:
                continue
            turn += 1
            port = ready[turn % len(ready)]
            answer = http.get(f"http://127.0.0.1:{port}{PATH}")
            self.asked[port] = self.asked.get(port, 0) + 1
            if answer.status != 404:
                self.failed.append(str(answer))


@dataclass(frozen=True)
class Drain:
    """An observed stop: the answers of /readyz and /livez after SIGTERM, of the half-sent order, and the exit code."""

    ready: Answer
    live: Answer
    order: Answer
    code: int | None


@check("monitoring.drain")
def drain(context: Context) -> CheckResult:
    """Stop one of two instances while customers come, and while an order is half sent."""
    environment = {"HTTP_DRAIN_SECONDS": str(DRAIN_SECONDS)}
    with service_trial.start(
        context, "/readyz", START_SECONDS, environment=environment, deadline_seconds=DEADLINE_SECONDS
    ) as trial:
        context.report(Step("Check", None, "stopping it while customers come"))
        port = urlsplit(trial.running.url()).port or 0
        balancer = Balancer((port, urlsplit(context.stack.url()).port or 0))
        findings = findings_in(_stop(trial, balancer), balancer, port)
        return conclude(
            f"It left, and none of {sum(balancer.asked.values())} customers noticed.", findings, trial.lines()
        )


def _stop(trial: Trial, balancer: Balancer) -> Drain:
    balancer.probe()
    threads = [threading.Thread(target=balancer.watch)]
    threads += [threading.Thread(target=balancer.serve, args=(number,)) for number in range(CUSTOMERS)]
    for thread in threads:
        thread.start()
    try:
        time.sleep(BEFORE_SECONDS)
        with trial.half_post("/orders", ORDER) as order:
            trial.signal("SIGTERM")
            ends_at = time.monotonic() + DRAIN_SECONDS * 0.7
            while (ready := trial.get("/readyz")).status == 200 and time.monotonic() < ends_at:
                time.sleep(LOOK_SECONDS)
            live = trial.get("/livez")
            answer = order.finish()
        code = trial.wait_ended(END_SECONDS)
        time.sleep(2 * PROBE_SECONDS)
    finally:
        balancer.stop.set()
        for thread in threads:
            thread.join()
    return Drain(ready, live, answer, code)


def findings_in(drain: Drain, balancer: Balancer, port: int) -> tuple[Finding, ...]:
    """Return the findings on a stop; ``port`` is the stopped instance's."""
    total, failed = sum(balancer.asked.values()), len(balancer.failed)
    lost = f"{failed} customers were sent to a service that had stopped listening, and lost."
    if not failed:
        lost = "No customer came to it at all, so nothing was shown."
    return (
        found(
            drain.ready.status == 503,
            f"GET /readyz after SIGTERM, in the {DRAIN_SECONDS:g} s for which it still serves",
            str(drain.ready),
            "503",
            "It is about to leave, and says that it is ready: customers are sent to a port that is about to close.",
            "What on request.app.state says that the stop has begun?",
        ),
        found(
            not failed and balancer.asked.get(port, 0) > 0,
            f"{CUSTOMERS} customers at a time, sent to one of two instances whose /readyz said 200",
            f"{failed} of {total} requests failed" + (f" ({balancer.failed[0]})" if failed else ""),
            "0 failed",
            lost,
            "The balancer asks /readyz every 0.3 s and believes it. When does it learn that this one leaves?",
        ),
        found(
            drain.order.status == 201,
            "POST /orders, half of it sent when SIGTERM came, the rest after",
            str(drain.order),
            "201",
            "A customer's order that was under way was cut off.",
            "ready() should only say something; it is not the place to end anything.",
        ),
        found(
            drain.live.status == 200,
            "GET /livez at that time",
            str(drain.live),
            "200: it lives until it has ended",
            "It was restarted, or killed, while it was finishing its work.",
            "Not ready is not dead: leave /livez as it is.",
        ),
        found(
            drain.code == 0,
            f"Wait up to {END_SECONDS:g} s for its end",
            "it still ran" if drain.code is None else f"exit code {drain.code}",
            "exit code 0",
            "It had to be killed, or it crashed on its way out.",
            "Read its last lines.",
        ),
    )
