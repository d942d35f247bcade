"""The check of monitoring.healthcheck: a container that starts slowly, and then hangs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from workshop_kit.observe import http
from workshop_kit.patience import patient
from workshop_kit.trials import service_image, service_trial
from workshop_kit.trials.check_api import Context, check, seeded_random
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.start_failure import missing_program
from workshop_kit.trials.trial import NO_HEALTHCHECK, Trial

HEALTHCHECK = findings("monitoring.healthcheck")
COMMAND = "monitoring.healthcheck.command"
NO_DATABASE = {"MASTER_DB_PORT": "9"}  # connections to the discard port are refused
LATER = 'sleep "$0" && exec "$@"'
"""A slow start: sleep, then execute the image's own command."""
HANG_SIGNAL = "SIGWINCH"
"""Nothing else uses it, and a program without a handler for it ignores it."""
HANG = f"""
import signal
import time


def hang(*_):
    while True:
        time.sleep(60)


signal.signal(signal.{HANG_SIGNAL}, hang)
"""
"""A module that Python imports at its start: after the signal the main thread waits for ever, and the process lives."""
HANG_FILE = "sitecustomize.py"
ANSWER_SECONDS = 1.0
HEALTHY_SECONDS = 12.0
START_INTERVAL_SECONDS = 5.0
"""How often the engine probes within --start-period, unless --start-interval says otherwise."""
SLACK_SECONDS = 2.0
"""The seconds by which a probe may begin late on a busy machine."""
WELL_SECONDS = START_INTERVAL_SECONDS + SLACK_SECONDS
"""The seconds from the start until the next probe has answered."""
LOOK_SECONDS = 0.1
AT_LEAST = 2
"""The number of probes in a row that have to fail: a single late answer is an accident."""
MOST_OUTPUT = 200


def task_numbers(seed: int) -> dict[str, Any]:
    """Return the numbers of the task: how many seconds the start takes, and within how many a hang must be noticed.

    Three probes, 5 s apart and with a timeout of 2 s as in the stack, notice it within 21 s.
    """
    chance = seeded_random("monitoring.healthcheck", seed)
    return {"start_seconds": chance.choice((3, 3.5, 4)), "notice_seconds": chance.choice((22, 23, 24))}


@check("monitoring.healthcheck", task_numbers)
def healthcheck(context: Context) -> Result:
    """Let the service start slowly without a database, let it hang, and read its health from the engine."""
    numbers = task_numbers(context.seed)
    with service_image.build(context) as image:
        image_config = context.stack.session.engine.client.images.get(image).attrs["Config"]
        image_entrypoint = image_config.get("Entrypoint") or ()
        image_command = image_config.get("Cmd") or ()
        with service_trial.run_with_stack(
            context,
            image,
            environment={**NO_DATABASE, "PYTHONPATH": service_trial.GIVEN},
            files={HANG_FILE: HANG},
            entrypoint=("sh", "-c", LATER, str(numbers["start_seconds"])),
            command=(*image_entrypoint, *image_command),
            healthcheck=None,
        ) as trial:
            # From the container: Podman leaves the health check out of an image's configuration.
            healthcheck_config = trial.running.inspect()["Config"].get("Healthcheck")
            if not healthcheck_config or healthcheck_config == NO_HEALTHCHECK:
                return conclude("", [HEALTHCHECK.failed("there", "no Healthcheck")])
            return _judge_start_and_hang(trial, context, numbers)


def _judge_start_and_hang(trial: Trial, context: Context, numbers: dict[str, Any]) -> Result:
    """Judge the start; if the engine calls the service healthy then, let it hang, and judge that, too."""
    context.report_step("waiting until it has started")
    early_status = _wait_status(trial, {"healthy", "unhealthy"}, until_serving=True)
    service_trial.wait_started(trial, within_seconds=HEALTHY_SECONDS)
    status = early_status or _wait_status(trial, {"healthy", "unhealthy"}, within_seconds=WELL_SECONDS)

    startup = start_findings(early_status, status, _read_probes(trial), numbers["start_seconds"])
    if status != "healthy":
        if startup[0].key != COMMAND:  # a slow start and a late probe look the same on a busy machine
            trial.waits.add("the engine did not call it healthy", trial.age_seconds)
        return conclude("", startup, _describe_last_probes(trial))

    context.report_step("letting it hang")
    _let_hang(trial)
    hang = _watch_hang(trial, numbers["notice_seconds"])
    # The task is about the hang: if it is not noticed, that is the symptom.
    return conclude(HEALTHCHECK.success_summary, [*startup, *hang], _describe_last_probes(trial), symptom=hang[0].means)


def _let_hang(trial: Trial) -> None:
    """Let the service hang while its process runs on; if it still answers, freeze the process by SIGSTOP."""
    trial.signal(HANG_SIGNAL)
    answer = http.get(f"{trial.address}/livez", timeout_seconds=patient(ANSWER_SECONDS))
    if answer.status is not None:
        trial.signal("SIGSTOP")


def start_findings(
    early_status: str | None, status: str | None, probes: Sequence[dict[str, Any]], start_seconds: float
) -> list[Finding]:
    """Return the findings on the start; only one if a probe's command is missing, which explains all else.

    ``early_status`` is what the engine said of the health before the service answered 200, ``status`` what it said
    after that; None stands for "still starting". ``probes`` are the last ones.
    """
    outputs = [str(probe["Output"])[:MOST_OUTPUT].strip() for probe in probes if probe["ExitCode"]]
    program = missing_program("\n".join(outputs))
    if program and status != "healthy":
        return [HEALTHCHECK.failed("command", outputs[-1], name=program)]

    if early_status is None:
        starting = HEALTHCHECK.passed("starting", "starting", seconds=start_seconds)
    else:
        starting = HEALTHCHECK.failed(f"starting.{early_status}", early_status, seconds=start_seconds)
    if early_status == "unhealthy":
        return [starting]
    return [starting, _serving_finding(status, probes)]


def _serving_finding(status: str | None, probes: Sequence[dict[str, Any]]) -> Finding:
    """Find whether the engine called the service healthy soon after its start; ``status`` None: still starting."""
    failed_probes = [probe for probe in probes if probe["ExitCode"]]
    way_to_fail = "failing" if status == "unhealthy" or failed_probes else "seldom"

    observation = status or f"still starting after {WELL_SECONDS:g} s"
    if failed_probes and status != "healthy":
        last_probe = _describe_probe(failed_probes[-1])
        observation += f"; the last probe: {last_probe}"
    return HEALTHCHECK.found(status == "healthy", f"serving.{way_to_fail}", observation)


def _wait_status(
    trial: Trial, statuses: set[str], *, within_seconds: float = 10.0, until_serving: bool = False
) -> str | None:
    """Wait until the engine reports one of these statuses, and return it; None if the time is up.

    With ``until_serving`` the wait ends, and None is returned, once the service answers 200.
    """
    serves = False

    def read_status() -> str:
        nonlocal serves
        # The status is read before the request: one that the engine reports after the answer must not count.
        status = str(_read_health(trial)["Status"])
        serves = until_serving and trial.get("/livez").status == 200
        return status

    def is_decided(status: str) -> bool:
        return serves or status in statuses or trial.exit_code() is not None

    missing = f"the engine did not call it {' or '.join(sorted(statuses))}"
    status = trial.poll(read_status, is_decided, within_seconds, missing=missing, pause_seconds=LOOK_SECONDS)
    if serves or status not in statuses:
        return None
    return status


def _read_health(trial: Trial) -> dict[str, Any]:
    """Return the engine's report on the container's health; the status "none" if it has no report."""
    state = trial.running.inspect()["State"]
    health: dict[str, Any] = state.get("Health") or {"Status": "none", "FailingStreak": 0}
    return health


def _watch_hang(trial: Trial, notice_seconds: float) -> list[Finding]:
    """Wait until the engine calls the service unhealthy, or the time is up; return the findings on that."""
    began = time.monotonic()
    status = _wait_status(trial, {"unhealthy"}, within_seconds=notice_seconds + SLACK_SECONDS)
    took_seconds = time.monotonic() - began

    health = _read_health(trial)
    observation = f"{health['Status']} after {took_seconds:.1f} s"
    return hang_findings(observation, health["FailingStreak"], notice_seconds, is_noticed=status == "unhealthy")


def hang_findings(observation: str, failed_probes: int, notice_seconds: float, *, is_noticed: bool) -> list[Finding]:
    """Find whether a service that hangs became unhealthy in time, and not after a single probe."""
    hang = HEALTHCHECK.found(is_noticed, "hang", observation, limit=notice_seconds)
    if not is_noticed:
        return [hang]

    tries = HEALTHCHECK.found(failed_probes >= AT_LEAST, "tries", str(failed_probes), least=AT_LEAST)
    return [hang, tries]


def _read_probes(trial: Trial) -> list[dict[str, Any]]:
    """Return the last probes, of which the engine keeps a few."""
    probes: list[dict[str, Any]] = _read_health(trial).get("Log") or []
    return probes


def _describe_probe(probe: dict[str, Any]) -> str:
    """Return the exit code of a probe and the beginning of its output."""
    output = str(probe["Output"])[:MOST_OUTPUT].strip()
    return f"exit code {probe['ExitCode']}: {output}"


def _describe_last_probes(trial: Trial) -> str:
    """Return the last probes, a line each."""
    return "\n".join(map(_describe_probe, _read_probes(trial)))
