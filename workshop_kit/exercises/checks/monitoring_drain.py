"""The check of lesson 04 on draining: two instances, customers who go where /readyz says 200, and a stop."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from workshop_kit.exercises import raw_http, service_trial, trial
from workshop_kit.exercises.raw_http import Answer
from workshop_kit.exercises.checks.monitoring_health import DEADLINE_SECONDS, START_SECONDS
from workshop_kit.exercises.check_api import Context, CheckResult, check, found
from workshop_kit.exercises.result import Finding
from workshop_kit.exercises.start_failure import wait_started
from workshop_kit.exercises.trial import Trial
from workshop_kit.progress import Step

CUSTOMERS = 4
PAUSE_SECONDS = 0.01
LOOK_SECONDS = 0.3
"""How often the balancer asks /readyz; it believes the last answer until the next."""
DRAIN_SECONDS = 1.5
END_SECONDS = 8.0
BEFORE_SECONDS = 0.7
PATH = "/orders/first"
"""Is answered with 404 by any service that works, without a database."""
ORDER = {"item": "check of monitoring.drain", "quantity": 1}


@dataclass
class Balancer:
    """Sends each customer to the next instance of those whose /readyz said 200 the last time; counts what fails."""

    ports: tuple[int, ...]
    ready: set[int] = field(default_factory=set)
    asked: dict[int, int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        """Ask every instance whether it wants customers."""
        for port in self.ports:  # each answer counts at once: the next one may take its time
            others = self.ready - {port}
            self.ready = others | {port} if raw_http.ask(port, "GET", "/readyz").status == 200 else others

    def watch(self) -> None:
        """Look again and again."""
        while not self.ended.wait(LOOK_SECONDS):
            self.look()

    def serve(self, first: int) -> None:
        """One customer after the other, taking turns."""
        turn = first
        while not self.ended.wait(PAUSE_SECONDS):
            where = sorted(self.ready)
            if not where:
                continue
            turn += 1
            port = where[turn % len(where)]
            answer = raw_http.ask(port, "GET", PATH)
            self.asked[port] = self.asked.get(port, 0) + 1
            if answer.status != 404:
                self.failed.append(str(answer))


@check("monitoring.drain")
def drain(context: Context) -> CheckResult:
    """Stop one of two instances while customers come, and while an order is under way."""
    told = {"HTTP_DRAIN_SECONDS": str(DRAIN_SECONDS)}
    with (
        service_trial.built(context) as image,
        service_trial.beside_stack(context, image, environment=told, deadline_seconds=DEADLINE_SECONDS) as tried,
    ):
        if (failed := wait_started(tried, "/readyz", within_seconds=START_SECONDS)) is not None:
            return failed
        context.report(Step("Check", None, "stopping it while customers come"))
        port = urlsplit(tried.running.url()).port or 0
        balancer = Balancer((port, urlsplit(context.stack.url()).port or 0))
        ready, order, live, code = _stopped(tried, balancer)
        findings = (
            _said(ready),
            _lost(balancer, port),
            _kept(order),
            _alive(live),
            _ended(code),
        )
        if all(finding.passed for finding in findings):
            total = sum(balancer.asked.values())
            return CheckResult(f"It left, and none of {total} customers noticed.", findings)
        return CheckResult(next(finding.means for finding in findings if not finding.passed), findings, output=tried.lines())


def _stopped(tried: Trial, balancer: Balancer) -> tuple[Answer, Answer, Answer, int | None]:
    """What /readyz said after SIGTERM, what became of the order under way, what /livez said, and the exit code."""
    balancer.look()
    threads = [threading.Thread(target=balancer.watch)]
    threads += [threading.Thread(target=balancer.serve, args=(number,)) for number in range(CUSTOMERS)]
    for thread in threads:
        thread.start()
    try:
        time.sleep(BEFORE_SECONDS)
        with tried.underway("/orders", ORDER) as order:
            tried.signal("SIGTERM")
            ready, live = _while_leaving(tried)
            placed = order.finish()
        code = tried.wait_ended(END_SECONDS)
        time.sleep(2 * LOOK_SECONDS)
    finally:
        balancer.ended.set()
        for thread in threads:
            thread.join()
    return ready, placed, live, code


def _while_leaving(tried: Trial) -> tuple[Answer, Answer]:
    """The first answer of /readyz that is not 200, or the last one; and then one of /livez."""
    ends_at = time.monotonic() + DRAIN_SECONDS * 0.7
    while (answer := tried.get("/readyz")).status == 200 and time.monotonic() < ends_at:
        time.sleep(trial.LOOK_SECONDS)
    return answer, tried.get("/livez")


def _said(answer: Answer) -> Finding:
    return found(
        answer.status == 503,
        f"GET /readyz after SIGTERM, in the {DRAIN_SECONDS:g} s for which it still serves",
        str(answer),
        "503",
        "It is about to leave, and says that it is ready: customers are sent to a door that is about to shut.",
        "What on request.app.state says that the stop has begun?",
    )


def _lost(balancer: Balancer, port: int) -> Finding:
    total, failed = sum(balancer.asked.values()), len(balancer.failed)
    there = balancer.asked.get(port, 0)
    means = f"{failed} customers were sent to a service that had stopped listening, and lost."
    if not failed:
        means = "No customer came to it at all, so nothing was shown."
    return found(
        not failed and there > 0,
        f"{CUSTOMERS} customers at a time, sent to one of two instances whose /readyz said 200",
        f"{failed} of {total} requests failed" + (f" ({balancer.failed[0]})" if failed else ""),
        "0 failed",
        means,
        "The balancer asks /readyz every 0.3 s and believes it. When does it learn that this one leaves?",
    )


def _kept(answer: Answer) -> Finding:
    return found(
        answer.status == 201,
        "POST /orders, half of it sent when SIGTERM came, the rest after",
        str(answer),
        "201",
        "A customer's order that was under way was cut off.",
        "ready() should only say something; it is not the place to end anything.",
    )


def _alive(answer: Answer) -> Finding:
    return found(
        answer.status == 200,
        "GET /livez at that time",
        str(answer),
        "200: it lives until it has ended",
        "It was restarted, or killed, while it was finishing its work.",
        "Not ready is not dead: leave /livez as it is.",
    )


def _ended(code: int | None) -> Finding:
    return found(
        code == 0,
        f"Wait up to {END_SECONDS:g} s for its end",
        "it still ran" if code is None else f"exit code {code}",
        "exit code 0",
        "It had to be killed, or it crashed on its way out.",
        "Read its last lines.",
    )
