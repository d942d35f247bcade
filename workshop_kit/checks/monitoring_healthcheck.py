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
    """Build it, let it start slowly without a database, let it hang, and read its health from the engine."""
    with service_trial.build(context) as image:
        config = context.stack.session.engine.client.images.get(image).attrs["Config"]
        numbers = given(context.seed)
        command = [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())]
        with service_trial.run_with_stack(
            context,
            image,
            environment={**NO_DATABASE, "PYTHONPATH": service_trial.GIVEN},
            files={HANG_FILE: HANG},
            entrypoint=("sh", "-c", LATER, str(numbers["start_seconds"])),
            command=tuple(command),
            healthcheck=None,
        ) as trial:
            # Asked of the container, since Podman leaves it out of what it says about an image.
            if (trial.running.inspect()["Config"].get("Healthcheck") or NO_HEALTHCHECK) == NO_HEALTHCHECK:
                return conclude("", [HEALTHCHECK.failed("there", "no Healthcheck")])
            return _observe(trial, context, numbers)


def _observe(trial: Trial, context: Context, numbers: dict[str, Any]) -> Result:
    """Wait for its start, then let it hang; one that the engine does not call healthy by then is not judged further."""
    context.report_step("waiting until it has started")
    early = _first(trial, {"healthy", "unhealthy"}, until_serving=True)
    service_trial.wait_started(trial, within_seconds=HEALTHY_SECONDS)
    status = early or _first(trial, {"healthy", "unhealthy"}, within_seconds=WELL_SECONDS)
    started = start_findings(early, status, _probes(trial), numbers["start_seconds"])
    if status != "healthy":
        if started[0].key != COMMAND:  # a slow start and a late probe look the same on a busy machine
            trial.waits.add("the engine did not call it healthy", trial.age_seconds)
        return conclude("", started, _probe_output(trial))

    context.report_step("letting it hang")
    _let_hang(trial)
    hung = _notices_hang(trial, numbers["notice_seconds"])
    # The task is about the hang: if it is not noticed, that is the symptom.
    return conclude(HEALTHCHECK.shown, [*started, *hung], _probe_output(trial), symptom=hung[0].means)


def _let_hang(trial: Trial) -> None:
    """Let its code wait for ever: the process looks as ever. Stop the process of a service that goes on answering."""
    trial.signal(HANG_SIGNAL)
    if http.get(f"{trial.address}/livez", timeout_seconds=patient(ANSWER_SECONDS)).status is not None:
        trial.signal("SIGSTOP")


def start_findings(
    early: str | None, status: str | None, probes: Sequence[dict[str, Any]], start_seconds: float
) -> list[Finding]:
    """Return the findings on the start.

    ``early`` is a health status from before the first 200, ``status`` the one after it (None: still starting);
    ``probes`` are the last ones. A command that the image lacks explains all else.
    """
    absent = _absent_command(probes)
    if absent and status != "healthy":
        return [HEALTHCHECK.failed("command", absent.output, name=absent.name)]

    way = f"starting.{early or 'unhealthy'}"
    judged = [HEALTHCHECK.found(early is None, way, early or "starting", seconds=start_seconds)]
    if early == "unhealthy":
        return judged

    failed = [probe for probe in probes if probe["ExitCode"]]
    way = "failing" if status == "unhealthy" or failed else "seldom"
    got = status or f"still starting after {WELL_SECONDS:g} s"
    if failed and status != "healthy":
        got += f"; the last probe: {_probe_line(failed[-1])}"
    judged.append(HEALTHCHECK.found(status == "healthy", f"serving.{way}", got))
    return judged


@dataclass(frozen=True)
class AbsentCommand:
    """A command that a probe could not run, and what came back."""

    name: str
    output: str


def _absent_command(probes: Sequence[dict[str, Any]]) -> AbsentCommand | None:
    """Return the command that the image lacks, by what the probes said; None if there is none."""
    for probe in probes:
        if probe["ExitCode"] and (absent := ABSENT.search(str(probe["Output"]))):
            return AbsentCommand(absent[1] or absent[2], absent[0])
    return None


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


def _notices_hang(trial: Trial, notice_seconds: float) -> list[Finding]:
    """Wait until it is unhealthy, or the time is up."""
    began = time.monotonic()
    status = _first(trial, {"unhealthy"}, within_seconds=notice_seconds + SLACK_SECONDS)
    took_seconds = time.monotonic() - began
    health = _health(trial)
    got = f"{health['Status']} after {took_seconds:.1f} s"
    return hang_findings(got, health["FailingStreak"], notice_seconds, is_noticed=status == "unhealthy")


def hang_findings(got: str, failed_probes: int, notice_seconds: float, *, is_noticed: bool) -> list[Finding]:
    """Find whether a service that hangs became unhealthy in time, and not after a single probe."""
    noticed = HEALTHCHECK.found(is_noticed, "hang", got, limit=notice_seconds)
    if not is_noticed:
        return [noticed]
    return [noticed, HEALTHCHECK.found(failed_probes >= AT_LEAST, "tries", str(failed_probes), least=AT_LEAST)]


def _probes(trial: Trial) -> list[dict[str, Any]]:
    """Return the last probes, as the engine keeps them."""
    probes: list[dict[str, Any]] = _health(trial).get("Log") or []
    return probes


def _probe_line(probe: dict[str, Any]) -> str:
    return f"exit code {probe['ExitCode']}: {str(probe['Output'])[:MOST_OUTPUT].strip()}"


def _probe_output(trial: Trial) -> str:
    return "\n".join(map(_probe_line, _probes(trial)))
