"""The checks of monitoring.healthcheck and monitoring.drain: a container that hangs, or stops."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from workshop_kit.checks.container import is_good_end
from workshop_kit.checks.monitoring_health import START_SECONDS, WORKS
from workshop_kit.observe import http
from workshop_kit.observe.http import Answer
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
