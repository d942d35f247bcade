"""The check of monitoring.healthcheck: a container that starts slowly, works without its database, and then hangs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from workshop_kit.trials.check_api import check
from workshop_kit.trials.check_context import seeded_random
from workshop_kit.trials.expect import Observation, expect, require
from workshop_kit.trials.service import RunningService, Service
from workshop_kit.trials.service_trial import GIVEN, command_of
from workshop_kit.trials.start_failure import missing_program
from workshop_kit.trials.trial import NO_HEALTHCHECK

NO_DATABASE = {"MASTER_DB_PORT": "9"}  # connections to the discard port are refused
GO = "/tmp/go"  # noqa: S108 - in the container
LATER = f'until [ -e {GO} ]; do sleep 0.1; done; exec "$@"'
"""A slow start: the image's own command begins once there is a file."""
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
WELL_SECONDS = 15.0
"""The seconds from its first answer until a probe has noticed it."""
SLACK_SECONDS = 2.0
"""The seconds by which a probe may begin late on a busy machine."""
AT_LEAST = 2
"""The number of probes in a row that have to fail: a single late answer is an accident."""
MOST_OUTPUT = 200


@dataclass(frozen=True)
class EngineHealth(Observation):
    """What the engine says of the container, and how many probes in a row have failed."""

    status: str
    failures: int
    output: str


def task_numbers(seed: int) -> dict[str, Any]:
    """Return the numbers of the task: how many seconds the start takes, and within how many a hang must be noticed.

    Three probes, 5 s apart and with a timeout of 2 s as in the stack, notice it within 21 s.
    """
    chance = seeded_random("monitoring.healthcheck", seed)
    return {"start_seconds": chance.choice((3, 3.5, 4)), "notice_seconds": chance.choice((22, 23, 24))}


@check("monitoring.healthcheck", task_numbers)
def healthcheck(service: Service) -> None:
    """It was not restarted while it was starting, and the hang was noticed."""
    numbers = task_numbers(service.context.seed)
    with service.run(
        environment={**NO_DATABASE, "PYTHONPATH": GIVEN},
        files={"sitecustomize.py": HANG},
        entrypoint=("sh", "-c", LATER, "sh"),
        command=tuple(command_of(service.context, service.build())),
        healthcheck=None,
        starting=True,
    ) as running:
        expect_healthcheck(running)
        expect_patience_at_start(running, numbers["start_seconds"])
        expect_healthy_once_serving(running)
        notices_a_hang(running, numbers["notice_seconds"])


def expect_healthcheck(running: RunningService) -> None:
    """Require a health check. The container has it: Podman leaves it out of an image's configuration."""
    healthcheck = running.running.inspect()["Config"].get("Healthcheck")
    require(
        bool(healthcheck) and healthcheck != NO_HEALTHCHECK,
        seen=Observation("Look for the HEALTHCHECK of your image", str(healthcheck), 0.0),
        expected="one",
        means="Your image has no HEALTHCHECK: the engine can only see that the process is there.",
        look="HEALTHCHECK stands in the Dockerfile, before CMD: options, then CMD and a list.",
        hint=3,
    )


def expect_patience_at_start(running: RunningService, start_seconds: float) -> None:
    """Require the engine to wait for the start; no longer than the task says, also on a busy machine."""
    time.sleep(start_seconds)
    health = health_of(running, f"Let it start for {start_seconds:g} s, in which it serves nothing", time.monotonic())
    require(
        health.status == "starting",
        seen=health,
        expected="starting",
        means="It was restarted while it was starting, and would be the next time, too: it never comes up."
        if health.status == "unhealthy"
        else "The engine calls it healthy before it serves: what waits for it starts too early.",
        look="How long may it take to start before its failures count? And does the test ask the service?",
        hint=2,
    )


def expect_healthy_once_serving(running: RunningService) -> None:
    """Require it to become healthy, without its database."""
    running.execute("touch", GO)
    running.wait_start()
    began = time.monotonic()
    health = running.poll(
        lambda: health_of(running, "Wait until it serves; the master database is gone", began),
        lambda health: health.status != "starting",
        WELL_SECONDS,
        missing="the engine did not call it healthy",
    )

    means = "It serves, and the engine does not call it healthy: for its database nobody should restart it."
    look = "The probe's last words stand above. Which path does it ask, and how often?"
    program = missing_program(health.output)
    if program:
        means = f"The HEALTHCHECK runs {program}, and the image has no such program: every probe fails."
        look = "It runs inside the container, with the programs of the image. Python is there, and so is your probe.py."
    require(health.status == "healthy", seen=health, expected="healthy", means=means, look=look, hint=3)


def notices_a_hang(running: RunningService, notice_seconds: float) -> None:
    """Expect the engine to call it unhealthy in time, and not after a single probe."""
    running.report_step("letting it hang")
    running.signal(HANG_SIGNAL)
    if running.get("/livez", within_seconds=1.0).status is not None:
        running.signal("SIGSTOP")

    began = running.signaled_at
    health = running.poll(
        lambda: health_of(running, "Let its code hang: connections are accepted and never answered", began),
        lambda health: health.status == "unhealthy",
        notice_seconds + SLACK_SECONDS,
        missing="the engine did not call it unhealthy",
    )
    require(
        health.status == "unhealthy",
        seen=health,
        expected=f"unhealthy within {notice_seconds:g} s",
        means="It hung, and the engine called it healthy: the process was there, and no customer got an answer.",
        look="The test has to want an answer, and has to give up: timeout. Then interval and retries say how long it "
        "takes.",
    )
    expect(
        health.failures >= AT_LEAST,
        seen=health,
        expected=f"after {AT_LEAST} probes in a row that failed, or more",
        means="One answer that came late, and the service was restarted in the middle of its work.",
        look="How many tries does it get? --retries counts failures in a row.",
        hint=2,
    )


def health_of(running: RunningService, called: str, began: float) -> EngineHealth:
    """Return what the engine says of its health now; ``began``: since when that is waited for."""
    health = running.running.inspect()["State"].get("EngineHealth") or {}
    status = str(health.get("Status", "none"))
    failures = int(health.get("FailingStreak", 0))
    seconds = time.monotonic() - began

    last_probe = (health.get("Log") or [{}])[-1]
    output = str(last_probe.get("Output", "")).strip()
    last_words = output.rpartition("\n")[2][:MOST_OUTPUT]  # of a traceback, the error
    got = f"{status} after {seconds:.1f} s; {failures} probes in a row have failed"
    if failures:
        got = f"{got}\nthe last one: exit code {last_probe.get('ExitCode')}, {last_words}"
    return EngineHealth(called, got, seconds, status, failures, output)
