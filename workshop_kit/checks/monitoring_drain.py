"""The check of monitoring.drain: one of two instances stops while customers come."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from workshop_kit.checks.container import is_good_end
from workshop_kit.checks.monitoring_health import START_SECONDS, WORKS
from workshop_kit.observe import http
from workshop_kit.observe.http import Answer
from workshop_kit.patience import patient
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.trial import Trial

DRAIN = findings("monitoring.drain")
PAUSE_SECONDS = 0.01
PROBE_SECONDS = 0.3
"""How often the balancer asks /readyz; it believes the last answer until the next."""
DRAIN_SECONDS = 1.5
MOST_DRAIN_SECONDS = 5.0
"""The service takes no longer drain time."""
STILL_SERVES = 0.7
"""The part of the drain time after which it may stop any moment."""
READY_SECONDS = 5.0
END_SECONDS = 8.0
BEFORE_SECONDS = 0.7
PATH = "/orders/first"
"""Answers 404 in a service that works, without a database."""


@dataclass(frozen=True)
class StopObservation:
    """What came back around a stop: before SIGTERM, after it, and of the customers.

    ``code`` is the exit code of ``process_1``, None if it still ran. ``came`` are the customers who came to it,
    ``failed`` are those of ``total`` who were not served.
    """

    before: Answer
    ready: Answer
    live: Answer
    code: int | None
    came: int
    total: int
    failed: int
    process_1: str = ""


def _balance(addresses: tuple[str, ...], stop: threading.Event) -> tuple[Counter[str], int]:
    """Send customers to the instances whose /readyz last said 200, until the stop; count them, and the failures."""
    customers = Counter[str]()
    failed = 0
    ready: list[str] = []
    probed_at = 0.0
    while not stop.wait(PAUSE_SECONDS):
        if time.monotonic() > probed_at + PROBE_SECONDS:
            ready = [address for address in addresses if http.get(f"{address}/readyz").status == 200]
            probed_at = time.monotonic()
        customers.update(ready)
        failed += sum(http.get(f"{address}{PATH}").status != 404 for address in ready)
    return customers, failed


@check("monitoring.drain")
def drain(context: Context) -> Result:
    """Stop one of two instances while customers come."""
    drain_seconds = round(min(MOST_DRAIN_SECONDS, patient(DRAIN_SECONDS)), 1)
    environment = {"HTTP_DRAIN_SECONDS": str(drain_seconds)}
    with service_trial.start(context, WORKS, START_SECONDS, environment=environment) as trial:
        if not trial.wait_answer("/readyz", READY_SECONDS):
            never = DRAIN.failed("before.never", str(trial.get("/readyz")), limit=READY_SECONDS)
            return conclude("", [never], trial.lines())

        process_1, _ = service_trial.process_1(trial)
        context.report_step("stopping it while customers come")
        stop = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            balancing = pool.submit(_balance, (trial.address, context.stack.url()), stop)
            try:
                before, ready, live, code = _stop(trial, drain_seconds)
            finally:
                stop.set()
        customers, failed = balancing.result()
        came = customers[trial.address]
        observed = StopObservation(before, ready, live, code, came, customers.total(), failed, process_1)
        judged = drain_findings(observed, drain_seconds)
        return conclude(DRAIN.shown.format(total=observed.total), judged, trial.lines())


def _stop(trial: Trial, drain_seconds: float) -> tuple[Answer, Answer, Answer, int | None]:
    """Send SIGTERM while the balancer serves; return the answers before it and after it, and the exit code."""
    time.sleep(BEFORE_SECONDS)
    before = trial.get("/readyz")
    trial.signal("SIGTERM")
    ready = _ready_after_signal(trial, drain_seconds)
    live = trial.get("/livez")
    code = trial.wait_ended(END_SECONDS)
    time.sleep(2 * PROBE_SECONDS)
    return before, ready, live, code


def _ready_after_signal(trial: Trial, drain_seconds: float) -> Answer:
    """Return the first answer of /readyz that is not 200, or the last one while it still serves."""
    began = time.monotonic()

    def over(answer: Answer) -> bool:
        return answer.status != 200 or time.monotonic() - began > drain_seconds * STILL_SERVES

    missing = "/readyz was still 200 after SIGTERM"
    answer = trial.poll(lambda: trial.get("/readyz"), over, drain_seconds, missing=missing)
    if answer.status != 503 or is_blocked(answer, drain_seconds):
        trial.waits.add("/readyz was not 503 after SIGTERM", time.monotonic() - began)
    return answer


def is_blocked(ready: Answer, drain_seconds: float) -> bool:
    """Return whether /readyz was answered when the time to drain was over: a closed port refuses at once."""
    return ready.seconds > drain_seconds / 2


def drain_findings(observed: StopObservation, drain_seconds: float = DRAIN_SECONDS) -> list[Finding]:
    """Return the findings; that customers were lost follows where /readyz did not say 503."""
    if observed.before.status != 200:
        return [DRAIN.failed("before.early", str(observed.before), limit=READY_SECONDS)]

    ways = {200: "still", None: "gone"}
    way = ways.get(observed.ready.status, "fails")
    if is_blocked(observed.ready, drain_seconds):
        way = "blocked"
    lost = f"; {observed.failed} of {observed.total} customers got no answer" if observed.failed else ""
    is_leaving = observed.ready.status == 503 and way != "blocked"
    judged = [DRAIN.found(is_leaving, f"ready.{way}", f"{observed.ready}{lost}", seconds=drain_seconds)]
    if observed.ready.status is None or way == "blocked":
        return judged

    if is_leaving:
        got = f"{observed.failed} of {observed.total} got no answer; {observed.came} came to it"
        judged.append(DRAIN.found(not observed.failed, "lost", got, failed=observed.failed))
    judged.append(DRAIN.found(observed.live.status == 200, "alive", str(observed.live)))
    ended = "it still ran" if observed.code is None else f"exit code {observed.code}"
    way = "runs" if observed.code is None else "crashed"
    is_good = is_good_end(observed.process_1, observed.code)
    judged.append(DRAIN.found(is_good, f"end.{way}", ended, limit=END_SECONDS))
    return judged
