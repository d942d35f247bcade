"""The checks of monitoring.healthcheck and monitoring.drain: a container that hangs, or stops."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import Context, check, seeded
from workshop_kit.exercises.checks.monitoring_health import START_SECONDS
from workshop_kit.exercises.result import Finding, Result, conclude, equals, found, has_status
from workshop_kit.exercises.trial import NO_HEALTHCHECK, Trial
from workshop_kit.observe import http

NO_DATABASE = {"MASTER_DB_PORT": "9"}  # connections to the discard port are refused
LATER = 'sleep "$0" && exec "$@"'
"""A slow start: sleep, then execute the image's own command."""
HEALTHY_SECONDS = 12.0
START_INTERVAL_SECONDS = 5.0
"""How often the engine probes within --start-period, unless --start-interval says otherwise."""
SLACK_SECONDS = 2.0
"""For a busy machine, on which a probe begins late."""
WELL_SECONDS = START_INTERVAL_SECONDS + SLACK_SECONDS
"""Until the next probe after the start has answered."""
LOOK_SECONDS = 0.1
AT_LEAST = 2
"""The probes in a row that have to fail: a single late answer is an accident."""


def given(seed: int) -> dict[str, Any]:
    """Return the numbers of the task: the seconds of the start, and until a hang is noticed."""
    chance = seeded("monitoring.healthcheck", seed)
    return {"start_seconds": chance.choice((3, 3.5, 4)), "notice_seconds": chance.choice((8, 9, 10))}


@check("monitoring.healthcheck", given)
def healthcheck(context: Context) -> Result:
    """Build it, let it start slowly without a database, freeze its process, and read its health from the engine."""
    with service_trial.build(context) as image:
        config = context.stack.session.engine.client.images.get(image).attrs["Config"]
        numbers = given(context.seed)
        command = [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())]
        with service_trial.run_with_stack(
            context,
            image,
            environment=NO_DATABASE,
            entrypoint=("sh", "-c", LATER, str(numbers["start_seconds"])),
            command=tuple(command),
            healthcheck=None,
        ) as trial:
            # Asked of the container, since Podman leaves it out of what it says about an image.
            if (trial.running.inspect()["Config"].get("Healthcheck") or NO_HEALTHCHECK) == NO_HEALTHCHECK:
                means = "Your image has no HEALTHCHECK: the engine can only see that the process is there."
                look = "HEALTHCHECK stands in the Dockerfile, before CMD: options, then CMD and a list."
                return conclude("", [Finding(False, "docker image inspect", "no Healthcheck", "one", means, look)])
            return _freeze(trial, context, numbers)


def _freeze(trial: Trial, context: Context, numbers: dict[str, Any]) -> Result:
    context.report_step("waiting until it has started")
    early = _first(trial, {"healthy", "unhealthy"}, until_serving=True)
    service_trial.wait_started(trial, within_seconds=HEALTHY_SECONDS)
    status = early or _first(trial, {"healthy", "unhealthy"}, within_seconds=WELL_SECONDS)
    context.report_step("freezing it")
    trial.signal("SIGSTOP")
    noticed, several = _notices_hang(trial, numbers["notice_seconds"])
    trial.signal("SIGCONT")
    findings = (_stays_starting(early, numbers["start_seconds"]), _is_healthy(status), noticed, several)
    # The task is about the hang: if it is not noticed, that is the symptom.
    shown = "It was not restarted while it was starting, and the hang was noticed."
    return conclude(shown, findings, _probe_output(trial), symptom=noticed.means)


def _first(trial: Trial, wanted: set[str], *, within_seconds: float = 10.0, until_serving: bool = False) -> str | None:
    """Return the first of these states that the engine reports; None if it reports none in time, or it serves first."""
    serves = False

    def look() -> str:
        nonlocal serves
        status = str(_health(trial)["Status"])  # before the request: a later state must not count against the answer
        serves = until_serving and trial.get("/livez").status == 200
        return status

    def over(status: str) -> bool:
        return serves or status in wanted or trial.exit_code() is not None

    missing = f"the engine did not call it {' or '.join(sorted(wanted))}"
    status = trial.poll(look, over, within_seconds, missing=missing, pause_seconds=LOOK_SECONDS)
    return status if status in wanted and not serves else None


def _health(trial: Trial) -> dict[str, Any]:
    health: dict[str, Any] = trial.running.inspect()["State"].get("Health") or {"Status": "none", "FailingStreak": 0}
    return health


def _stays_starting(early: str | None, start_seconds: float) -> Finding:
    """Find whether the health status is ``starting`` until the first 200; ``early`` is an earlier status."""
    means = "It was restarted while it was starting, and would be the next time, too: it never comes up."
    if early == "healthy":
        means = "The engine calls it healthy before it serves: what waits for it starts too early."
    return equals(
        f"Start it; today that takes {start_seconds:g} s, and it serves nothing before",
        early or "starting",
        "starting",
        means,
        "How long may it take to start before its failures count? And what does the test ask?",
    )


def _is_healthy(status: str | None) -> Finding:
    return equals(
        "Wait until it serves; the master database is gone, for which it cannot be blamed",
        status or f"still starting after {WELL_SECONDS:g} s",
        "healthy",
        "The engine takes a service for dead that answers: because of its database, or because it asks too seldom.",
        "Which path does the test ask, and how often?",
    )


def _notices_hang(trial: Trial, notice_seconds: float) -> tuple[Finding, Finding]:
    """Find whether a frozen process becomes unhealthy in time, and not after a single probe."""
    started = time.monotonic()
    status = _first(trial, {"unhealthy"}, within_seconds=notice_seconds + SLACK_SECONDS)
    took, health = time.monotonic() - started, _health(trial)
    noticed = found(
        status == "unhealthy",
        "Freeze its process (SIGSTOP): connections are accepted and never answered",
        f"{health['Status']} after {took:.1f} s",
        f"unhealthy within {notice_seconds:g} s",
        "It hung, and the engine called it healthy: the process was there, and no customer got an answer.",
        "The test has to want an answer, and has to give up: timeout. Then interval and retries say how long it takes.",
    )
    several = found(
        status is None or health["FailingStreak"] >= AT_LEAST,
        "Count the probes in a row that failed until then",
        str(health["FailingStreak"]),
        f"{AT_LEAST} or more",
        "One answer that came late, and the service was restarted in the middle of its work.",
        "How many tries does it get?",
    )
    return noticed, several


def _probe_output(trial: Trial) -> str:
    """Return the probes' exit codes and outputs, as the engine keeps them."""
    probes = _health(trial).get("Log") or []
    return "\n".join(f"exit code {probe['ExitCode']}: {str(probe['Output'])[:200].strip()}" for probe in probes)


PAUSE_SECONDS = 0.01
PROBE_SECONDS = 0.3
"""How often the balancer asks /readyz; it believes the last answer until the next."""
DRAIN_SECONDS = 1.5
END_SECONDS = 8.0
BEFORE_SECONDS = 0.7
PATH = "/orders/first"
"""Answers 404 in a service that works, without a database."""


def _balance(addresses: tuple[str, ...], stop: threading.Event) -> tuple[Counter[str], int]:
    """Send customers to the instances whose /readyz last said 200, until the stop; count them, and the failures."""
    customers, failed = Counter[str](), 0
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
    environment = {"HTTP_DRAIN_SECONDS": str(DRAIN_SECONDS)}
    with service_trial.start(context, "/readyz", START_SECONDS, environment=environment) as trial:
        context.report_step("stopping it while customers come")
        stop = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            balancing = pool.submit(_balance, (trial.address, context.stack.url()), stop)
            try:
                ready, *others = _stop(trial)
            finally:
                stop.set()
        customers, failed = balancing.result()
        lost = _none_lost(customers[trial.address], customers.total(), failed)
        shown = f"It left, and none of {customers.total()} customers noticed."
        return conclude(shown, (ready, lost, *others), trial.lines())


def _stop(trial: Trial) -> tuple[Finding, ...]:
    """Send SIGTERM while the balancer serves; find what /readyz and /livez say then, and whether it ends by itself."""
    time.sleep(BEFORE_SECONDS)
    trial.signal("SIGTERM")
    missing = "/readyz was still 200 after SIGTERM"
    ready = trial.poll(
        lambda: trial.get("/readyz"), lambda answer: answer.status != 200, DRAIN_SECONDS * 0.7, missing=missing
    )
    live = trial.get("/livez")
    code = trial.wait_ended(END_SECONDS)
    time.sleep(2 * PROBE_SECONDS)
    return (
        has_status(
            ready,
            503,
            f"GET /readyz after SIGTERM, in the {DRAIN_SECONDS:g} s for which it still serves",
            "It is about to leave, and says that it is ready: customers are sent to a port that is about to close.",
            "What on request.app.state says that the stop has begun?",
        ),
        has_status(
            live,
            200,
            "GET /livez at that time: it lives until it has ended",
            "It was restarted, or killed, while it was finishing its work.",
            "Not ready is not dead: leave /livez as it is.",
        ),
        equals(
            f"Wait up to {END_SECONDS:g} s for its end",
            "it still ran" if code is None else f"exit code {code}",
            "exit code 0",
            "It had to be killed, or it crashed on its way out.",
            "Read its last lines.",
        ),
    )


def _none_lost(came: int, total: int, failed: int) -> Finding:
    """Find whether all customers were served; ``came``: those who came to the instance that was stopped."""
    return found(
        not failed and came > 0,
        "Send customers to those of two instances whose /readyz said 200",
        f"{failed} of {total} failed; {came} came to it",
        "0 failed, and some came to it",
        f"{failed} customers were sent to a service that had stopped listening, and lost.",
        "The balancer asks /readyz every 0.3 s and believes it. When does it learn that this one leaves?",
    )
