"""The checks of monitoring.deep and monitoring.critical: /health, /readyz and /livez while dependencies are away."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator

from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import Context, check, part
from workshop_kit.exercises.result import Finding, Result, conclude, found
from workshop_kit.exercises.trial import (
    HANGS,
    HOST_VARIABLES,
    OPEN,
    REFUSES,
    DependencyProxies,
    Trial,
    start_proxies,
)
from workshop_kit.observe.http import Answer

WORKS = "/orders"
"""Answers 200 once the service works, and asks nothing about health."""
SETTLE_SECONDS = 7.0
START_SECONDS = 20.0

TWO = ("master-db", "redis")
QUICK_SECONDS = 0.5
LIMIT_SECONDS = 1.0
GRACE_SECONDS = 0.3
"""For a busy machine. Pings that wait for each other take far longer."""
PATIENCE_SECONDS = 2.5
FAILURE_KEPT_SECONDS = 0.6
"""The service keeps the report of a failure for less."""
BACK_SECONDS = 5.0
AWAY = re.compile(r'"([\w-]+):\w+": ?\[\{[^]]*?"status": ?"(?:fail|warn)"')
INSIDES = re.compile(r"Errno|Error\b|Exception|Traceback|asyncmy|[Cc]an't connect|:3306|:6379|\(2003|\(1045")

SETTING = "HEALTH_CRITICAL"
GONE = ("redis", "master-db", "replica-db", "")
"""The dependencies that go, the gravest mistake first, and none."""
CRITICAL = ("master-db", "redis")
"""As the stack's setting has it."""
OTHERWISE = "replica-db"
"""The critical dependency of the second instance, which only reads."""


@contextlib.contextmanager
def run_behind_proxies(context: Context, *names: str) -> Iterator[tuple[Trial, DependencyProxies, str]]:
    """Run the participant's service with a proxy before each of these dependencies."""
    service_trial.ensure_up(context.stack, context.report)
    with (
        service_trial.build(context) as image,
        start_proxies(context.stack, *names) as proxies,
        service_trial.run_with_stack(context, image, environment=proxies.environment) as trial,
    ):
        yield trial, proxies, image


def away(answer: Answer) -> set[str]:
    """Return the dependencies that an answer of /health names as not well."""
    return set(AWAY.findall(answer.body))


def settled(trial: Trial, names: set[str]) -> Answer:
    """Return the answer of /health once it names exactly these dependencies, or the last one when the time is up."""

    def look() -> Answer:
        return trial.get("/health")

    missing = f"/health did not name {' and '.join(sorted(names)) or 'nothing'}"
    return trial.poll(look, lambda answer: away(answer) == names, SETTLE_SECONDS, missing=missing)


@check("monitoring.deep")
def deep(context: Context) -> Result:
    """Ask all three paths while two dependencies hang, then while they refuse connections, then once they are back."""
    with run_behind_proxies(context, *TWO) as (trial, proxies, _):
        service_trial.wait_started(trial, WORKS, within_seconds=START_SECONDS)
        context.report_step("letting two dependencies hang, and refuse")
        proxies.set(HANGS, *TWO)
        # Before /livez: a /livez that pings would keep the only connection for pings.
        findings = [_answers_in_time(trial, path) for path in ("/health", "/readyz")]
        findings.append(_stays_alive(trial))
        proxies.set(REFUSES, *TWO)
        findings.append(_names_both(trial, proxies))
        proxies.set(OPEN)
        findings.append(_recovers(trial))
        shown = "No database makes the orchestrator restart it, and /health answers in time."
        return conclude(shown, findings, trial.lines())


def _ask(trial: Trial, path: str, within_seconds: float, kept: int = 0) -> Answer:
    """Ask until the answer's status is not the ``kept`` one; ask once more if it came too late, for a busy machine."""

    def ask() -> Answer:
        return trial.get(path, within_seconds=PATIENCE_SECONDS)

    missing = f"GET {path} was still {kept}"
    answer = trial.poll(ask, lambda answer: answer.status != kept, PATIENCE_SECONDS, missing=missing)
    if answer.status is not None and not trial.is_in_time(answer, within_seconds):
        time.sleep(FAILURE_KEPT_SECONDS)
        answer = ask()
    return answer


def _stays_alive(trial: Trial) -> Finding:
    answer = _ask(trial, "/livez", QUICK_SECONDS)
    return found(
        answer.status == 200 and trial.is_in_time(answer, QUICK_SECONDS),
        "GET /livez while master-db and redis hang",
        f"{answer} after {answer.seconds:.2f} s",
        f"200 within {QUICK_SECONDS:g} s",
        "The database hung, so the service was restarted, again and again: no restart mends a database.",
        "What does live() ask, and whom would a restart help?",
    )


def _answers_in_time(trial: Trial, path: str) -> Finding:
    answer = _ask(trial, path, LIMIT_SECONDS + GRACE_SECONDS, kept=200)
    in_time = answer.status is not None and trial.is_in_time(answer, LIMIT_SECONDS + GRACE_SECONDS)
    means = f"{path} says that all is well while master-db and redis hang."
    if answer.status not in {None, 200, 503}:
        means = f"{path} answers {answer}: its own code fails while both hang. The log says at which line."
    elif not in_time:
        means = f"{path} waits as long as the database does: to a load balancer, no answer is a dead service."
    return found(
        answer.status == 503 and in_time,
        f"GET {path} while master-db and redis hang",
        f"{answer} after {answer.seconds:.2f} s",
        f"503 within {LIMIT_SECONDS:g} s",
        means,
        "A ping that gets no answer never ends by itself. PING_TIMEOUT_SECONDS is there, and so is asyncio.timeout().",
    )


def _names_both(trial: Trial, proxies: DependencyProxies) -> Finding:
    """Find whether /health names both dependencies while they refuse, without the words of their drivers."""
    time.sleep(FAILURE_KEPT_SECONDS)  # the kept report of the hanging ping names both, too
    answer = settled(trial, set(TWO))
    named = sorted(away(answer))
    hosts = [host for host in proxies.environment.values() if host in answer.body]
    inside = hosts or INSIDES.findall(answer.body)
    got = f"{answer}; it names {', '.join(named) or 'none of them'}"
    means = "The person on call does not learn which dependency it is."
    if inside:
        got += f"; and its body says {inside[0]}"
        means = "The body tells strangers where the databases are and what they said: that belongs in the log."
    return found(
        answer.status == 503 and named == sorted(TWO) and not inside,
        "GET /health while master-db and redis refuse connections",
        got,
        "503, which names both, and nothing of what the drivers said",
        means,
        "told() writes what anybody may read; the name says enough. The log has the rest already.",
    )


def _recovers(trial: Trial) -> Finding:
    return found(
        trial.wait_answer("/readyz", within_seconds=BACK_SECONDS),
        "GET /readyz once both are back, without a restart",
        str(trial.get("/readyz")),
        f"200 within {BACK_SECONDS:g} s",
        "The databases are back, and the service does not notice: a person has to restart it.",
        "Does every ping come to an end, whatever happens to it?",
    )


@check("monitoring.critical")
def critical(context: Context) -> Result:
    """Take one dependency away at a time from two instances, of which the second has another critical one."""
    with run_behind_proxies(context, *HOST_VARIABLES) as (trial, proxies, image):
        environment = {**proxies.environment, SETTING: OTHERWISE}
        with service_trial.run_with_stack(context, image, environment=environment) as second:
            for one in (trial, second):
                service_trial.wait_started(one, WORKS, within_seconds=START_SECONDS)
            context.report_step("taking one dependency away after the other")
            here, otherwise = [], []
            for gone in GONE:
                proxies.set(REFUSES, gone)
                here.append(_says(trial, gone, critical=gone in CRITICAL))
                otherwise.append(_says(second, gone, f", with {SETTING}={OTHERWISE}", critical=gone == OTHERWISE))
            return _judge(here, otherwise, trial.lines())


def _judge(here: list[Finding], otherwise: list[Finding], lines: str) -> Result:
    """Judge the findings by the stack's setting and by the other one: right by the first alone is luck."""
    shown = "A missing critical dependency fails it, another one is a warning, and a setting decides which is critical."
    if not all(finding.passed for finding in here):
        return conclude(shown, here, lines)
    symptom = "It knows by heart which dependencies are critical here; elsewhere a setting says otherwise."
    return conclude(shown, [*here, *otherwise], lines, lucky=True, symptom=symptom)


def _says(trial: Trial, gone: str, setting: str = "", *, critical: bool) -> Finding:
    """Find whether /health has the right status and word with one dependency gone ("": none), and names it."""
    status, word = (503, "fail") if critical else (200, "warn" if gone else "pass")
    names = {gone} - {""}
    answer = settled(trial, names)
    said = str(part(answer.json(), "status") or "")
    means = "This answer says something else than the state of the service."
    if critical and answer.status == 200:
        means = f"{gone} is gone, which is critical, and /health says 200: nobody is called."
    elif word == "warn" and answer.status == 503:
        means = f"It could do without {gone}, and is taken out of service for it."
    elif word == "warn" and said == "pass":
        means = f"{gone} is gone, and nobody hears of it until the next one is gone, too."
    return found(
        (answer.status, said, away(answer)) == (status, word, names),
        f"GET /health while {f'{gone} is gone' if gone else 'all are there'}{setting}",
        f"{answer}, {said or 'no status'}; it names {', '.join(sorted(away(answer))) or 'none'}",
        f"{status}, {word}" + (f"; it names {gone}" if gone else ""),
        means,
        "Follow deep() line by line with this one away: which answer is returned?",
    )
