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
    """Send customers to the instances whose /readyz last said 200, until the stop; return both counts."""
    customers = Counter[str]()
    failures = 0
    ready_addresses: list[str] = []
    probed_at = 0.0
    while not stop.wait(PAUSE_SECONDS):
        if time.monotonic() > probed_at + PROBE_SECONDS:
            ready_addresses = [address for address in addresses if http.get(f"{address}/readyz").status == 200]
            probed_at = time.monotonic()

        for address in ready_addresses:
            customers[address] += 1
            if http.get(f"{address}{PATH}").status != 404:
                failures += 1

    return customers, failures


@check("monitoring.drain")
def drain(context: Context) -> Result:
    """Stop one of two instances while customers come."""
    drain_seconds = round(min(MOST_DRAIN_SECONDS, patient(DRAIN_SECONDS)), 1)
    environment = {"HTTP_DRAIN_SECONDS": str(drain_seconds)}
    with service_trial.start(context, WORKS, START_SECONDS, environment=environment) as trial:
        if not trial.wait_answer("/readyz", READY_SECONDS):
            never = DRAIN.failed("before.never", str(trial.get("/readyz")), limit=READY_SECONDS)
            return conclude("", [never], trial.log_tail())

        observation = _observe_stop(context, trial, drain_seconds)
        all_findings = drain_findings(observation, drain_seconds)
        return conclude(DRAIN.shown.format(total=observation.total), all_findings, trial.log_tail())


def _observe_stop(context: Context, trial: Trial, drain_seconds: float) -> StopObservation:
    """Stop the trial while a balancer sends customers to it and to the stack's service."""
    process_1, _ = service_trial.process_1(trial)
    context.report_step("stopping it while customers come")
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        balancing = pool.submit(_balance, (trial.address, context.stack.url()), stop)
        try:
            before, ready, live, code = _stop(trial, drain_seconds)
        finally:
            stop.set()

    customers, failures = balancing.result()
    count = customers[trial.address]
    return StopObservation(before, ready, live, code, count, customers.total(), failures, process_1)


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

    def is_over(answer: Answer) -> bool:
        return answer.status != 200 or time.monotonic() - began > drain_seconds * STILL_SERVES

    missing = "/readyz was still 200 after SIGTERM"
    answer = trial.poll(lambda: trial.get("/readyz"), is_over, drain_seconds, missing=missing)
    if answer.status != 503 or is_blocked(answer, drain_seconds):
        trial.waits.add("/readyz was not 503 after SIGTERM", time.monotonic() - began)
    return answer


def is_blocked(ready: Answer, drain_seconds: float) -> bool:
    """Return whether /readyz was answered when the time to drain was over: a closed port refuses at once."""
    return ready.seconds > drain_seconds / 2


def drain_findings(observation: StopObservation, drain_seconds: float = DRAIN_SECONDS) -> list[Finding]:
    """Return the findings; that customers were lost follows where /readyz did not say 503."""
    if observation.before.status != 200:
        return [DRAIN.failed("before.early", str(observation.before), limit=READY_SECONDS)]

    ready = _ready(observation, drain_seconds)
    all_findings = [ready]
    if observation.ready.status is None or is_blocked(observation.ready, drain_seconds):
        return all_findings

    if ready.passed:
        got = f"{observation.failed} of {observation.total} got no answer; {observation.came} came to it"
        all_findings.append(DRAIN.found(not observation.failed, "lost", got, failed=observation.failed))
    all_findings.append(DRAIN.found(observation.live.status == 200, "alive", str(observation.live)))
    all_findings.append(_end(observation))
    return all_findings


def _ready(observation: StopObservation, drain_seconds: float) -> Finding:
    """Find whether /readyz said 503 in time once the instance was told to stop."""
    ways = {200: "still", None: "gone"}
    way = ways.get(observation.ready.status, "fails")
    if is_blocked(observation.ready, drain_seconds):
        way = "blocked"

    got = str(observation.ready)
    if observation.failed:
        got += f"; {observation.failed} of {observation.total} customers got no answer"
    is_leaving = observation.ready.status == 503 and way != "blocked"
    return DRAIN.found(is_leaving, f"ready.{way}", got, seconds=drain_seconds)


def _end(observation: StopObservation) -> Finding:
    way = "crashed"
    got = f"exit code {observation.code}"
    if observation.code is None:
        way = "runs"
        got = "it still ran"
    is_good = is_good_end(observation.process_1, observation.code)
    return DRAIN.found(is_good, f"end.{way}", got, limit=END_SECONDS)
