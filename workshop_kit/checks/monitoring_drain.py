"""The check of monitoring.drain: one of two instances stops while customers come."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from workshop_kit.checks.monitoring_health import ORDERS_PATH, START_SECONDS
from workshop_kit.checks.stops import is_good_end
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
"""How often the balancer asks /readyz; between two answers it relies on the last one."""
DRAIN_SECONDS = 1.5
MOST_DRAIN_SECONDS = 5.0
"""The longest drain time that the service's setting allows."""
STILL_SERVES = 0.7
"""The share of the drain time during which the instance certainly still serves."""
READY_SECONDS = 5.0
END_SECONDS = 8.0
BEFORE_SECONDS = 0.7
PATH = "/orders/first"
"""The customers' path: a service that works answers `SERVED_STATUS`, without asking a database."""
SERVED_STATUS = 404


@dataclass(frozen=True)
class StopObservation:
    """What the check observed while it stopped an instance.

    ``before`` is the answer of /readyz before SIGTERM; ``ready`` and ``live`` are those of /readyz and /livez after it.
    ``code`` is the exit code of ``process_1``, None if it still ran. Of ``total`` customers, ``customer_count`` is the
    number of those who were sent to the instance, and ``failure_count`` of those who were not served by any.
    """

    before: Answer
    ready: Answer
    live: Answer
    code: int | None
    customer_count: int
    total: int
    failure_count: int
    process_1: str = ""


def _send_customers(addresses: tuple[str, ...], stop: threading.Event) -> tuple[Counter[str], int]:
    """Send customers to the instances whose last answer of /readyz was 200, until ``stop`` is set.

    Return the number of customers by address, and how many of them were not served.
    """
    customers = Counter[str]()
    failures = 0
    ready_addresses: list[str] = []
    probed_at = 0.0
    while not stop.wait(PAUSE_SECONDS):
        if time.monotonic() > probed_at + PROBE_SECONDS:
            ready_addresses = [address for address in addresses if _is_ready(address)]
            probed_at = time.monotonic()

        for address in ready_addresses:
            customers[address] += 1
            answer = http.get(f"{address}{PATH}", timeout_seconds=patient(http.TIMEOUT_SECONDS))
            if answer.status != SERVED_STATUS:
                failures += 1

    return customers, failures


def _is_ready(address: str) -> bool:
    """Ask an instance for /readyz; return whether it answers 200."""
    return http.get(f"{address}/readyz", timeout_seconds=patient(http.TIMEOUT_SECONDS)).status == 200


@check("monitoring.drain")
def drain(context: Context) -> Result:
    """Stop one of two instances while customers come."""
    longest_seconds = min(MOST_DRAIN_SECONDS, patient(DRAIN_SECONDS))
    drain_seconds = round(longest_seconds, 1)
    environment = {"HTTP_DRAIN_SECONDS": str(drain_seconds)}
    with service_trial.start(context, ORDERS_PATH, START_SECONDS, environment=environment) as trial:
        if not trial.wait_answer("/readyz", READY_SECONDS):
            never_ready = DRAIN.failed("before.never", str(trial.get("/readyz")), limit=READY_SECONDS)
            return conclude("", [never_ready], trial.log_tail())

        observation = _observe_stop(context, trial, drain_seconds)
        all_findings = drain_findings(observation, drain_seconds)
        summary = DRAIN.success_summary.format(total=observation.total)
        return conclude(summary, all_findings, trial.log_tail())


def _observe_stop(context: Context, trial: Trial, drain_seconds: float) -> StopObservation:
    """Stop the trial while a balancer sends customers to it and to the stack's service."""
    process_1, _ = service_trial.read_process_1(trial)
    context.report_step("stopping it while customers come")
    stop = threading.Event()
    addresses = (trial.address, context.stack.url())
    with ThreadPoolExecutor(1) as pool:
        balancer = pool.submit(_send_customers, addresses, stop)
        try:
            before, ready, live, code = _stop_instance(trial, drain_seconds)
        finally:
            stop.set()

    customers, failures = balancer.result()
    return StopObservation(
        before=before,
        ready=ready,
        live=live,
        code=code,
        customer_count=customers[trial.address],
        total=customers.total(),
        failure_count=failures,
        process_1=process_1,
    )


def _stop_instance(trial: Trial, drain_seconds: float) -> tuple[Answer, Answer, Answer, int | None]:
    """Send SIGTERM while customers come, and wait for the end.

    Return the answer of /readyz before SIGTERM, those of /readyz and /livez after it, and the exit code.
    """
    time.sleep(BEFORE_SECONDS)
    before = trial.get("/readyz")

    trial.signal("SIGTERM")
    ready = _ready_after_signal(trial, drain_seconds)
    live = trial.get("/livez")
    code = trial.wait_ended(END_SECONDS)
    time.sleep(2 * PROBE_SECONDS)  # customers still come until the balancer has noticed the end
    return before, ready, live, code


def _ready_after_signal(trial: Trial, drain_seconds: float) -> Answer:
    """Ask /readyz until its answer is not 200, or until the instance may stop at any moment; return the last answer."""
    began = time.monotonic()

    def is_over(answer: Answer) -> bool:
        return answer.status != 200 or time.monotonic() - began > drain_seconds * STILL_SERVES

    missing = "/readyz was still 200 after SIGTERM"
    answer = trial.poll(lambda: trial.get("/readyz"), is_over, drain_seconds, missing=missing)
    if answer.status != 503 or is_blocked(answer, drain_seconds):
        trial.waits.add("/readyz was not 503 after SIGTERM", time.monotonic() - began)
    return answer


def is_blocked(ready: Answer, drain_seconds: float) -> bool:
    """Return whether /readyz took so long that the handling of SIGTERM blocked it: a closed port refuses at once."""
    return ready.seconds > drain_seconds / 2


def drain_findings(observation: StopObservation, drain_seconds: float = DRAIN_SECONDS) -> list[Finding]:
    """Return the findings on a stop. Lost customers are judged only if /readyz is right: otherwise they follow from it.

    If /readyz did not answer in time, nothing else is judged.
    """
    if observation.before.status != 200:
        return [DRAIN.failed("before.early", str(observation.before), limit=READY_SECONDS)]

    ready = _ready_finding(observation, drain_seconds)
    all_findings = [ready]
    if observation.ready.status is None or is_blocked(observation.ready, drain_seconds):
        return all_findings

    if ready.passed:
        failures = observation.failure_count
        customers_text = f"{failures} of {observation.total} got no answer; {observation.customer_count} came to it"
        all_findings.append(DRAIN.found(failures == 0, "lost", customers_text, failed=failures))

    alive = DRAIN.found(observation.live.status == 200, "alive", str(observation.live))
    return [*all_findings, alive, _end_finding(observation)]


def _ready_finding(observation: StopObservation, drain_seconds: float) -> Finding:
    """Find whether /readyz said 503 in time once the instance was told to stop."""
    ready = observation.ready
    way_to_fail = {200: "still", None: "gone"}.get(ready.status, "fails")
    if is_blocked(ready, drain_seconds):
        way_to_fail = "blocked"

    ready_text = str(ready)
    if observation.failure_count:
        ready_text += f"; {observation.failure_count} of {observation.total} customers got no answer"
    is_leaving = ready.status == 503 and way_to_fail != "blocked"
    return DRAIN.found(is_leaving, f"ready.{way_to_fail}", ready_text, seconds=drain_seconds)


def _end_finding(observation: StopObservation) -> Finding:
    """Find whether the instance ended by itself, and in time."""
    way_to_fail = "crashed"
    end_text = f"exit code {observation.code}"
    if observation.code is None:
        way_to_fail = "runs"
        end_text = "it still ran"
    is_good = is_good_end(observation.process_1, observation.code)
    return DRAIN.found(is_good, f"end.{way_to_fail}", end_text, limit=END_SECONDS)
