"""The check of lesson 04 on HEALTHCHECK: a service that starts slowly, has no database, and then hangs."""

from __future__ import annotations

import random
import time
from typing import Any

from workshop_kit.exercises import service_trial, trial_settings
from workshop_kit.exercises.check_api import Context, CheckResult, check, found
from workshop_kit.exercises.result import Finding
from workshop_kit.exercises.start_failure import did_not_start
from workshop_kit.exercises.trial import Trial
from workshop_kit.progress import Step

NO_DATABASE = {"MASTER_DB_PORT": "9"}  # nobody listens there: connections are refused
LATER = 'sleep "$0" && exec "$@"'
"""A slow start: sleeps first, and is replaced by what the image would have started."""
NONE = {"Test": ["NONE"]}
START_SECONDS, DEADLINE_SECONDS = 12.0, 40.0
START_INTERVAL_SECONDS = 5.0
"""How often the engine asks within --start-period, unless --start-interval says otherwise."""
SLACK_SECONDS = 2.0
"""For a machine that is busy: on it, programs inside a container begin late."""
WELL_SECONDS = START_INTERVAL_SECONDS + SLACK_SECONDS
"""Until the engine has seen that it serves: one probe may have come just before."""
LOOK_SECONDS = 0.1
AT_LEAST = 2
"""So many probes in a row have to fail: one that is late is an accident."""


def given(seed: int) -> dict[str, Any]:
    """The numbers of the task: how long this service takes to start, and how soon a hang is to be noticed."""
    chance = random.Random(f"monitoring.healthcheck {seed}")  # noqa: S311  # no secret
    return {"start_seconds": chance.choice((3, 3.5, 4)), "notice_seconds": chance.choice((8, 9, 10))}


@check("monitoring.healthcheck", given)
def healthcheck(context: Context) -> CheckResult:
    """Build it, let it start slowly without a database, freeze its process, and see what the engine says of it."""
    trial_settings.ensure_up(context.stack, context.report)
    with service_trial.built(context) as image:
        config = context.stack.session.engine.client.images.get(image.tag).attrs["Config"]
        if (config.get("Healthcheck") or NONE) == NONE:
            return _none()
        numbers = given(context.seed)
        command = [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())]
        with service_trial.beside_stack(
            context,
            image,
            environment=NO_DATABASE,
            entrypoint=("sh", "-c", LATER, str(numbers["start_seconds"])),
            command=tuple(command),
            healthcheck=None,
            deadline_seconds=DEADLINE_SECONDS,
        ) as tried:
            return _tried(tried, context, numbers)


def _none() -> CheckResult:
    means = "Your image has no HEALTHCHECK: the engine can only see that the process is there."
    look = "HEALTHCHECK stands in the Dockerfile, before CMD: options, then CMD and a list."
    return CheckResult(means, (Finding(False, "docker image inspect", "no Healthcheck", "one", means, look),))


def _tried(tried: Trial, context: Context, numbers: dict[str, Any]) -> CheckResult:
    context.report(Step("Check", None, "waiting until it has started"))
    early = _first(tried, {"healthy", "unhealthy"}, until_serving=True)
    if not tried.wait_answer("/livez", within_seconds=START_SECONDS):
        return did_not_start(tried)
    start = _started(early, numbers)
    status = early or _first(tried, {"healthy", "unhealthy"}, within_seconds=WELL_SECONDS)
    well = _well(status)
    context.report(Step("Check", None, "freezing it"))
    tried.signal("SIGSTOP")
    hang = _hang(tried, numbers["notice_seconds"])
    tried.signal("SIGCONT")
    findings = (start, well, *hang)
    if all(finding.passed for finding in findings):
        return CheckResult("It was left in peace while it started, and the hang did not go unnoticed.", findings)
    worst = next((finding for finding in (hang[0], *findings) if not finding.passed), findings[0])
    return CheckResult(worst.means, findings, output=_said(tried))


def _first(tried: Trial, wanted: set[str], *, within_seconds: float = 10.0, until_serving: bool = False) -> str | None:
    """The first of these states that the engine gives it; None if it gives none in time, or it serves before."""
    ends_at = time.monotonic() + min(within_seconds, tried.left_seconds)
    while time.monotonic() < ends_at and tried.ended is None:
        status = _health(tried)["Status"]  # first: what it says now must not be held against an earlier answer
        if until_serving and tried.get("/livez").status == 200:
            return None
        if status in wanted:
            return str(status)
        time.sleep(LOOK_SECONDS)
    return None


def _health(tried: Trial) -> dict[str, Any]:
    found_there: dict[str, Any] = tried.inspect()["State"].get("Health") or {"Status": "none", "FailingStreak": 0}
    return found_there


def _started(early: str | None, numbers: dict[str, Any]) -> Finding:
    means = "It was restarted while it was starting, and would be the next time, too: it never gets up."
    if early == "healthy":
        means = "The engine calls it healthy before it serves: what waits for it starts too early."
    return found(
        early is None,
        f"Start it; today that takes {numbers['start_seconds']:g} s, and it serves nothing before",
        early or "starting",
        "starting: neither healthy nor unhealthy yet",
        means,
        "How long may it take to start before its failures count? And what does the test ask?",
    )


def _well(status: str | None) -> Finding:
    return found(
        status == "healthy",
        "Wait until it serves; the master database is gone, for which it cannot be blamed",
        status or f"still starting after {WELL_SECONDS:g} s",
        "healthy",
        "The engine takes a service for dead that answers: because of its database, or because it asks too seldom.",
        "Which path does the test ask, and how often?",
    )


def _hang(tried: Trial, notice_seconds: float) -> tuple[Finding, ...]:
    started = time.monotonic()
    status = _first(tried, {"unhealthy"}, within_seconds=notice_seconds + SLACK_SECONDS)
    took = time.monotonic() - started
    streak = _health(tried)["FailingStreak"]
    state = _health(tried)["Status"]
    noticed = found(
        status == "unhealthy",
        "Freeze its process (SIGSTOP): connections are accepted and never answered",
        f"unhealthy after {took:.1f} s" if status else f"{state} after {took:.0f} s",
        f"unhealthy within {notice_seconds:g} s",
        "It hung, and the engine called it healthy: the process was there, and no customer got an answer.",
        "The test has to want an answer, and has to give up: timeout. Then interval and retries say how long it takes.",
    )
    if status is None:
        return (noticed,)
    patient = found(
        streak >= AT_LEAST,
        "Count the probes in a row that failed until then",
        str(streak),
        f"{AT_LEAST} or more",
        "One answer that came late, and the service was restarted in the middle of its work.",
        "How many tries does it get?",
    )
    return noticed, patient


def _said(tried: Trial) -> str:
    """What the probes said, as the engine has kept it."""
    probes = _health(tried).get("Log") or []
    return "\n".join(f"exit code {probe['ExitCode']}: {str(probe['Output'])[:200].strip()}" for probe in probes)
