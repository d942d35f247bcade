"""The checks of monitoring.healthcheck and monitoring.throttled: a container as the engine and the kernel see it."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import Any

from workshop_kit.exercises import fixtures, service_trial
from workshop_kit.exercises.answers import handed_in, number, part
from workshop_kit.exercises.check_api import CheckResult, Context, check, conclude, found
from workshop_kit.exercises.result import Finding
from workshop_kit.exercises.start_failure import wait_started
from workshop_kit.exercises.trial import Trial
from workshop_kit.progress import Step

NO_DATABASE = {"MASTER_DB_PORT": "9"}  # connections to the discard port are refused
LATER = 'sleep "$0" && exec "$@"'
"""A slow start: sleep, then execute the image's own command."""
NONE = {"Test": ["NONE"]}
START_SECONDS, DEADLINE_SECONDS = 12.0, 40.0
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
    chance = random.Random(f"monitoring.healthcheck {seed}")  # noqa: S311  # no secret
    return {"start_seconds": chance.choice((3, 3.5, 4)), "notice_seconds": chance.choice((8, 9, 10))}


@check("monitoring.healthcheck", given)
def healthcheck(context: Context) -> CheckResult:
    """Build it, let it start slowly without a database, freeze its process, and read its health from the engine."""
    with service_trial.build(context) as image:
        config = context.stack.session.engine.client.images.get(image.tag).attrs["Config"]
        if (config.get("Healthcheck") or NONE) == NONE:
            return no_healthcheck()
        numbers = given(context.seed)
        command = [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())]
        with service_trial.run_with_stack(
            context,
            image,
            environment=NO_DATABASE,
            entrypoint=("sh", "-c", LATER, str(numbers["start_seconds"])),
            command=tuple(command),
            healthcheck=None,
            deadline_seconds=DEADLINE_SECONDS,
        ) as trial:
            return _freeze(trial, context, numbers)


def no_healthcheck() -> CheckResult:
    """Return the result for an image without a HEALTHCHECK."""
    means = "Your image has no HEALTHCHECK: the engine can only see that the process is there."
    look = "HEALTHCHECK stands in the Dockerfile, before CMD: options, then CMD and a list."
    return CheckResult(means, (Finding(False, "docker image inspect", "no Healthcheck", "one", means, look),))


def _freeze(trial: Trial, context: Context, numbers: dict[str, Any]) -> CheckResult:
    context.report(Step("Check", None, "waiting until it has started"))
    early = _first(trial, {"healthy", "unhealthy"}, until_serving=True)
    wait_started(trial, within_seconds=START_SECONDS)
    start = left_alone(early, numbers)
    status = early or _first(trial, {"healthy", "unhealthy"}, within_seconds=WELL_SECONDS)
    well = is_healthy(status)
    context.report(Step("Check", None, "freezing it"))
    trial.signal("SIGSTOP")
    hang = notices_hang(trial, numbers["notice_seconds"])
    trial.signal("SIGCONT")
    findings = (start, well, *hang)
    if all(finding.passed for finding in findings):
        return CheckResult("It was not restarted while it was starting, and the hang was noticed.", findings)
    worst = next((finding for finding in (hang[0], *findings) if not finding.passed), findings[0])
    return CheckResult(worst.means, findings, output=_probe_output(trial))


def _first(trial: Trial, wanted: set[str], *, within_seconds: float = 10.0, until_serving: bool = False) -> str | None:
    """Return the first of these states that the engine reports; None if it reports none in time, or it serves first."""
    ends_at = time.monotonic() + min(within_seconds, trial.left_seconds)
    while time.monotonic() < ends_at and trial.exit_code() is None:
        status = _health(trial)["Status"]  # before the request: a later state must not count against an earlier answer
        if until_serving and trial.get("/livez").status == 200:
            return None
        if status in wanted:
            return str(status)
        time.sleep(LOOK_SECONDS)
    return None


def _health(trial: Trial) -> dict[str, Any]:
    health: dict[str, Any] = trial.inspect()["State"].get("Health") or {"Status": "none", "FailingStreak": 0}
    return health


def left_alone(early: str | None, numbers: dict[str, Any]) -> Finding:
    """Find whether it stays in "starting" until it serves; ``early`` is another state before that."""
    means = "It was restarted while it was starting, and would be the next time, too: it never comes up."
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


def is_healthy(status: str | None) -> Finding:
    """Find whether a service that serves is healthy without its database."""
    return found(
        status == "healthy",
        "Wait until it serves; the master database is gone, for which it cannot be blamed",
        status or f"still starting after {WELL_SECONDS:g} s",
        "healthy",
        "The engine takes a service for dead that answers: because of its database, or because it asks too seldom.",
        "Which path does the test ask, and how often?",
    )


def notices_hang(trial: Trial, notice_seconds: float) -> tuple[Finding, ...]:
    """Return the findings on a frozen process: it becomes unhealthy in time, and not after a single probe."""
    started = time.monotonic()
    status = _first(trial, {"unhealthy"}, within_seconds=notice_seconds + SLACK_SECONDS)
    took = time.monotonic() - started
    streak = _health(trial)["FailingStreak"]
    state = _health(trial)["Status"]
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


def _probe_output(trial: Trial) -> str:
    """Return the probes' exit codes and outputs, as the engine keeps them."""
    probes = _health(trial).get("Log") or []
    return "\n".join(f"exit code {probe['ExitCode']}: {str(probe['Output'])[:200].strip()}" for probe in probes)


NEAR_PERCENT = 10.0
"""Points by which two ways to take the mean of the same counts may differ: by row, or by period."""


@dataclass(frozen=True)
class Usage:
    """The kernel's counts of a container: its share of throttled periods, and its use of a core."""

    throttled_percent: float
    cpu_percent: float


@check("monitoring.throttled")
def throttled(context: Context) -> CheckResult:
    """Compare the answer with the table that the cell was given."""
    with handed_in(context, "usage") as (usage, value):
        means = fixtures.usage_of(usage).groupby("container")[["throttled_percent", "cpu_percent"]].mean()
        return judge_throttled(value, {str(name): Usage(*counts) for name, *counts in means.itertuples()})


def judge_throttled(value: Any, usage: dict[str, Usage]) -> CheckResult:
    """Judge an answer by the usage of each container."""
    culprit = max(usage, key=lambda name: usage[name].throttled_percent)
    said = str(part(value, "container") or "").strip().lower()
    findings = (_container(said, culprit, usage), _share(part(value, "percent"), usage.get(said, usage[culprit])))
    return conclude("It is not the busiest one that suffers, but the one that wants more than it may have.", findings)


def _container(said: str, culprit: str, usage: dict[str, Usage]) -> Finding:
    busiest = max(usage, key=lambda name: usage[name].cpu_percent)
    means = "None of the three has this name."
    if said == busiest:
        means = f"{busiest} used most CPU and was never held back: it got all that it wanted."
    elif said in usage:
        means = f"{said} hardly wanted any CPU: it waits for another service, and more CPU would not make it faster."
    return found(
        said == culprit,
        "Look up how many periods of each the kernel cut short while they were watched",
        f"you named {said or 'none'}" + (f": {usage[said].throttled_percent:.0f} %" if said in usage else ""),
        "the one with most of them",
        means,
        "CPU says what it got. Which column says that it wanted more?",
    )


def _share(said: Any, named: Usage) -> Finding:
    percent = number(said)
    return found(
        percent is not None and abs(percent - named.throttled_percent) <= NEAR_PERCENT,
        "Divide throttled periods by all periods, of the container that you named",
        "nothing" if percent is None else f"{percent:.0f} %",
        f"what the kernel counted meanwhile, within {NEAR_PERCENT:g} points",
        "This is no number." if percent is None else "That is not the share of its periods that was cut short.",
        "throttled_percent has the share of each half second; take the mean over all of them, the quiet ones too.",
    )
