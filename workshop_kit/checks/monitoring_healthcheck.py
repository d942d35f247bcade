"""The check of monitoring.healthcheck: a container that starts slowly, and then hangs."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workshop_kit.observe import http
from workshop_kit.patience import patient
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import Context, check, seeded
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude
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
"""What Python imports at its start here: after the signal its main thread waits for ever, and the process is there."""
HANG_FILE = "sitecustomize.py"
ANSWER_SECONDS = 1.0
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
ABSENT = re.compile(r'exec: "([^"]+)": (?:executable file not found|stat |no such file)|sh: (?:\d+: )?(\S+): not found')
"""The engine's and a shell's words for a command that the image lacks."""
MOST_OUTPUT = 200


def given(seed: int) -> dict[str, Any]:
    """Return the numbers of the task: the seconds of the start, and until a hang is noticed.

    In the rhythm of the stack, three probes with 5 s between them and 2 s for each notice it within 21 s.
    """
    chance = seeded("monitoring.healthcheck", seed)
    return {"start_seconds": chance.choice((3, 3.5, 4)), "notice_seconds": chance.choice((22, 23, 24))}


@check("monitoring.healthcheck", given)
def healthcheck(context: Context) -> Result:
    """Let the service start slowly without a database, let it hang, and read its health from the engine."""
    with service_trial.build(context) as image:
        image_config = context.stack.session.engine.client.images.get(image).attrs["Config"]
        entrypoint = image_config.get("Entrypoint") or ()
        arguments = image_config.get("Cmd") or ()
        numbers = given(context.seed)
        with service_trial.run_with_stack(
            context,
            image,
            environment={**NO_DATABASE, "PYTHONPATH": service_trial.GIVEN},
            files={HANG_FILE: HANG},
            entrypoint=("sh", "-c", LATER, str(numbers["start_seconds"])),
            command=(*entrypoint, *arguments),
            healthcheck=None,
        ) as trial:
            # From the container: Podman leaves the health check out of an image's configuration.
            healthcheck_config = trial.running.inspect()["Config"].get("Healthcheck")
            if not healthcheck_config or healthcheck_config == NO_HEALTHCHECK:
                return conclude("", [HEALTHCHECK.failed("there", "no Healthcheck")])
            return _observe(trial, context, numbers)


def _observe(trial: Trial, context: Context, numbers: dict[str, Any]) -> Result:
    """Judge the start, and then a hang if the engine called the service healthy before it."""
    context.report_step("waiting until it has started")
    early_status = _first_status(trial, {"healthy", "unhealthy"}, until_serving=True)
    service_trial.wait_started(trial, within_seconds=HEALTHY_SECONDS)
    status = early_status or _first_status(trial, {"healthy", "unhealthy"}, within_seconds=WELL_SECONDS)

    startup = start_findings(early_status, status, _probes(trial), numbers["start_seconds"])
    if status != "healthy":
        if startup[0].key != COMMAND:  # a slow start and a late probe look the same on a busy machine
            trial.waits.add("the engine did not call it healthy", trial.age_seconds)
        return conclude("", startup, _probe_output(trial))

    context.report_step("letting it hang")
    _let_hang(trial)
    hang = _notices_hang(trial, numbers["notice_seconds"])
    # The task is about the hang: if it is not noticed, that is the symptom.
    return conclude(HEALTHCHECK.shown, [*startup, *hang], _probe_output(trial), symptom=hang[0].means)


def _let_hang(trial: Trial) -> None:
    """Let the service hang while its process runs on; stop the process if the service goes on answering."""
    trial.signal(HANG_SIGNAL)
    answer = http.get(f"{trial.address}/livez", timeout_seconds=patient(ANSWER_SECONDS))
    if answer.status is not None:
        trial.signal("SIGSTOP")


def start_findings(
    early_status: str | None, status: str | None, probes: Sequence[dict[str, Any]], start_seconds: float
) -> list[Finding]:
    """Return the findings on the start.

    ``early_status`` is from before the first 200, ``status`` from after it (None: still starting); ``probes`` are the
    last ones. A command that the image lacks explains all else.
    """
    command = _absent_command(probes)
    if command and status != "healthy":
        return [HEALTHCHECK.failed("command", command.output, name=command.name)]

    way = f"starting.{early_status or 'unhealthy'}"
    starting = HEALTHCHECK.found(early_status is None, way, early_status or "starting", seconds=start_seconds)
    if early_status == "unhealthy":
        return [starting]

    failed_probes = [probe for probe in probes if probe["ExitCode"]]
    way = "failing" if status == "unhealthy" or failed_probes else "seldom"
    got = status or f"still starting after {WELL_SECONDS:g} s"
    if failed_probes and status != "healthy":
        got += f"; the last probe: {_probe_line(failed_probes[-1])}"
    return [starting, HEALTHCHECK.found(status == "healthy", f"serving.{way}", got)]


@dataclass(frozen=True)
class AbsentCommand:
    """A command that a probe could not run, and what came back."""

    name: str
    output: str


def _absent_command(probes: Sequence[dict[str, Any]]) -> AbsentCommand | None:
    """Return the command that the image lacks according to the probes' outputs; None if there is none."""
    failed_probes = [probe for probe in probes if probe["ExitCode"]]
    for probe in failed_probes:
        match = ABSENT.search(str(probe["Output"]))
        if match is not None:
            return AbsentCommand(match[1] or match[2], match[0])
    return None


def _first_status(
    trial: Trial, statuses: set[str], *, within_seconds: float = 10.0, until_serving: bool = False
) -> str | None:
    """Return the first of these that the engine reports; None if none comes in time, or the service serves before."""
    serves = False

    def read_status() -> str:
        nonlocal serves
        status = str(_health(trial)["Status"])  # before the request: a later state must not count against the answer
        serves = until_serving and trial.get("/livez").status == 200
        return status

    def is_decided(status: str) -> bool:
        return serves or status in statuses or trial.exit_code() is not None

    missing = f"the engine did not call it {' or '.join(sorted(statuses))}"
    status = trial.poll(read_status, is_decided, within_seconds, missing=missing, pause_seconds=LOOK_SECONDS)
    return status if status in statuses and not serves else None


def _health(trial: Trial) -> dict[str, Any]:
    """Return what the engine says of the container's health."""
    health: dict[str, Any] = trial.running.inspect()["State"].get("Health") or {"Status": "none", "FailingStreak": 0}
    return health


def _notices_hang(trial: Trial, notice_seconds: float) -> list[Finding]:
    """Wait until it is unhealthy, or the time is up; return the findings on that."""
    began = time.monotonic()
    status = _first_status(trial, {"unhealthy"}, within_seconds=notice_seconds + SLACK_SECONDS)
    took_seconds = time.monotonic() - began

    health = _health(trial)
    got = f"{health['Status']} after {took_seconds:.1f} s"
    return hang_findings(got, health["FailingStreak"], notice_seconds, is_noticed=status == "unhealthy")


def hang_findings(got: str, failed_probes: int, notice_seconds: float, *, is_noticed: bool) -> list[Finding]:
    """Find whether a service that hangs became unhealthy in time, and not after a single probe."""
    hang = HEALTHCHECK.found(is_noticed, "hang", got, limit=notice_seconds)
    if not is_noticed:
        return [hang]

    tries = HEALTHCHECK.found(failed_probes >= AT_LEAST, "tries", str(failed_probes), least=AT_LEAST)
    return [hang, tries]


def _probes(trial: Trial) -> list[dict[str, Any]]:
    """Return the last probes, as the engine keeps them."""
    probes: list[dict[str, Any]] = _health(trial).get("Log") or []
    return probes


def _probe_line(probe: dict[str, Any]) -> str:
    return f"exit code {probe['ExitCode']}: {str(probe['Output'])[:MOST_OUTPUT].strip()}"


def _probe_output(trial: Trial) -> str:
    return "\n".join(map(_probe_line, _probes(trial)))
