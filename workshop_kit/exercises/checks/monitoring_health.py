"""The checks of monitoring.deep and monitoring.critical: /health, /readyz and /livez while dependencies are away."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import CheckResult, Context, check, conclude, found
from workshop_kit.exercises.dependency_proxies import HANGS, REFUSES, VARIABLES, DependencyProxies, start_proxies
from workshop_kit.exercises.result import Finding, Verdict
from workshop_kit.exercises.service_image import ServiceImage
from workshop_kit.exercises.start_failure import wait_started
from workshop_kit.exercises.trial import Trial
from workshop_kit.observe.http import Answer
from workshop_kit.progress import Step

WORKS = "/orders"
"""Answers 200 once the service works, and asks nothing about health."""
SETTLE_SECONDS = 7.0
LOOK_SECONDS = 0.1
START_SECONDS = 20.0
DEADLINE_SECONDS = 60.0
"""A busy machine starts several containers for one check. On an idle one no step waits for it."""

TWO = ("master-db", "redis")
QUICK_SECONDS = 0.5
LIMIT_SECONDS = 1.0
GRACE_SECONDS = 0.3
"""For a busy machine. Pings that wait for each other take far longer."""
PATIENCE_SECONDS = 2.5
FAILURE_KEPT_SECONDS = 0.6
"""The service keeps the report of a failure for less."""
BACK_SECONDS = 5.0
INSIDES = re.compile(r"Errno|Error\b|Exception|Traceback|asyncmy|[Cc]an't connect|:3306|:6379|\(2003|\(1045")

SETTING = "HEALTH_CRITICAL"
OTHERWISE = "replica-db"
"""The critical dependency of the second instance, which only reads."""
GRAVEST = "nobody is called"


@contextlib.contextmanager
def run_behind_proxies(context: Context, *names: str) -> Iterator[tuple[Trial, DependencyProxies, ServiceImage]]:
    """Run the participant's service with a proxy before each of these dependencies."""
    service_trial.ensure_up(context.stack, context.report)
    with (
        service_trial.build(context) as image,
        start_proxies(context.stack, *names) as proxies,
        service_trial.run_with_stack(
            context, image, environment=proxies.environment, deadline_seconds=DEADLINE_SECONDS
        ) as trial,
    ):
        yield trial, proxies, image


def away(answer: Answer) -> set[str]:
    """Return the dependencies that an answer of /health names as not well, in any form."""
    body = answer.json()
    if not isinstance(body, dict):
        return set()
    checks = body.get("checks")
    entries = checks.items() if isinstance(checks, dict) else ()
    named = {str(key).partition(":")[0] for key, entry in entries if not _is_well(entry)}
    return {name for name in VARIABLES if name in named or name in str(body.get("output", ""))}


def _is_well(entry: object) -> bool:
    first = entry[0] if isinstance(entry, list) and entry else entry
    return isinstance(first, dict) and first.get("status") == "pass"


def settled(trial: Trial, names: set[str]) -> Answer:
    """Return the answer of /health once it names exactly these dependencies, or the last one when the time is up."""
    ends_at = time.monotonic() + min(SETTLE_SECONDS, trial.left_seconds)
    while away(answer := trial.get("/health")) != names and time.monotonic() < ends_at:
        time.sleep(LOOK_SECONDS)
    return answer


@check("monitoring.deep")
def deep(context: Context) -> CheckResult:
    """Ask all three paths while two dependencies hang, then while they refuse connections, then once they are back."""
    with run_behind_proxies(context, *TWO) as (trial, proxies, _):
        wait_started(trial, WORKS, within_seconds=START_SECONDS)
        context.report(Step("Check", None, "letting two dependencies hang, and refuse"))
        proxies.set(master_db=HANGS, redis=HANGS)
        # Before /livez: a /livez that pings would keep the only connection for pings.
        in_time = tuple(answers_in_time(trial, path) for path in ("/health", "/readyz"))
        live = stays_alive(trial, "hang")
        proxies.set(master_db=REFUSES, redis=REFUSES)
        refused = (names_both(trial, proxies), stays_alive(trial, "refuse connections"))
        findings = (*in_time, live, *refused, recovers(trial, proxies))
        return conclude(
            "No database makes the orchestrator restart it, and /health answers in time.", findings, trial.lines()
        )


def stays_alive(trial: Trial, do: str) -> Finding:
    """Find whether /livez answers at once while both dependencies ``do`` so."""

    def is_quick(answer: Answer) -> bool:
        return answer.status == 200 and answer.seconds <= QUICK_SECONDS

    answers = [trial.get("/livez", within_seconds=PATIENCE_SECONDS if do == "hang" else 1.0)]
    while len(answers) < 3 and is_quick(answers[-1]):
        answers.append(trial.get("/livez"))
    if not is_quick(answers[-1]) and answers[-1].status == 200:  # late once: the machine may be busy
        time.sleep(FAILURE_KEPT_SECONDS)
        answers[-1] = trial.get("/livez")
    return found(
        all(map(is_quick, answers)),
        f"GET /livez while master-db and redis {do}",
        _timed(answers[-1]),
        f"200 within {QUICK_SECONDS:g} s",
        "The database hung, so the service was restarted, again and again: no restart mends a database.",
        "What does live() ask, and whom would a restart help?",
    )


def answers_in_time(trial: Trial, path: str) -> Finding:
    """Find whether a path answers 503 in time while both dependencies hang."""
    answer = _current_answer(trial, path)
    means = f"{path} says that all is well while master-db and redis hang."
    if answer.status not in {None, 200, 503}:
        means = (
            f"{path} answers {answer}: its own code fails while master-db and redis hang. The log says at which line."
        )
    elif not _is_in_time(answer):
        means = f"{path} waits as long as the database does: to a load balancer, no answer is a dead service."
    return found(
        answer.status == 503 and _is_in_time(answer),
        f"GET {path} while master-db and redis hang",
        _timed(answer),
        f"503 within {LIMIT_SECONDS:g} s",
        means,
        "A ping that gets no answer never ends by itself. PING_TIMEOUT_SECONDS is there, and so is asyncio.timeout().",
    )


def _current_answer(trial: Trial, path: str) -> Answer:
    """Ask until the answer is no kept 200; ask once more if it came too late, for a busy machine."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while (answer := trial.get(path, within_seconds=PATIENCE_SECONDS)).status == 200 and time.monotonic() < ends_at:
        time.sleep(0.1)
    if answer.status is not None and not _is_in_time(answer):
        time.sleep(FAILURE_KEPT_SECONDS)
        answer = trial.get(path, within_seconds=PATIENCE_SECONDS)
    return answer


def _is_in_time(answer: Answer) -> bool:
    return answer.status is not None and answer.seconds <= LIMIT_SECONDS + GRACE_SECONDS


def _timed(answer: Answer) -> str:
    return f"{answer} after {answer.seconds:.2f} s" if answer.status is not None else str(answer)


def names_both(trial: Trial, proxies: DependencyProxies) -> Finding:
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
        means = "The body tells strangers where the databases are and what they said: that belongs into the log."
    elif answer.status is None:
        means = "It still waits for the ping from before: one hung check, and /health never answers again."
    return found(
        answer.status == 503 and named == sorted(TWO) and not inside,
        "GET /health while master-db and redis refuse connections",
        got,
        "503, which names both, and nothing of what the drivers said",
        means,
        "told() writes what anybody may read; the name says enough. The log has the rest already.",
    )


def recovers(trial: Trial, proxies: DependencyProxies) -> Finding:
    """Find whether the service is ready again once both dependencies are back."""
    proxies.set()
    started = time.monotonic()
    ready = trial.wait_answer("/readyz", within_seconds=BACK_SECONDS)
    return found(
        ready,
        "GET /readyz once both are back, without a restart",
        f"200 after {time.monotonic() - started:.1f} s" if ready else str(trial.get("/readyz")),
        f"200 within {BACK_SECONDS:g} s",
        "The databases are back, and the service does not notice: a person has to restart it.",
        "Does every ping come to an end, whatever happens to it?",
    )


@dataclass(frozen=True)
class HealthCase:
    """A dependency that is gone ("": none), and the status and the word that /health should say then."""

    gone: str
    status: int
    word: str


CASES = (
    # by the stack's setting, and by OTHERWISE
    (HealthCase("replica-db", 200, "warn"), HealthCase("replica-db", 503, "fail")),
    (HealthCase("redis", 503, "fail"), HealthCase("redis", 200, "warn")),
    (HealthCase("master-db", 503, "fail"), HealthCase("master-db", 200, "warn")),
    (HealthCase("", 200, "pass"), HealthCase("", 200, "pass")),
)


@check("monitoring.critical")
def critical(context: Context) -> CheckResult:
    """Take one dependency away at a time from two instances, of which the second has another critical one."""
    with run_behind_proxies(context, *VARIABLES) as (trial, proxies, image):
        wait_started(trial, WORKS, within_seconds=START_SECONDS)
        environment = {**proxies.environment, SETTING: OTHERWISE}
        with service_trial.run_with_stack(
            context, image, environment=environment, deadline_seconds=DEADLINE_SECONDS
        ) as second:
            wait_started(second, WORKS, within_seconds=START_SECONDS)
            context.report(Step("Check", None, "taking one dependency away after the other"))
            findings, otherwise = [], []
            for case, other_case in CASES:
                proxies.set(**{case.gone.replace("-", "_"): REFUSES} if case.gone else {})
                findings.append(says(trial, case))
                otherwise.append(says(second, other_case, f", with {SETTING}={OTHERWISE}"))
            return judge_critical(findings, otherwise, trial.lines())


def judge_critical(findings: list[Finding], otherwise: list[Finding], lines: str) -> CheckResult:
    """Judge the findings by the stack's setting and by the other one: right by the first alone is luck."""
    failed = sorted((one for one in findings if not one.passed), key=lambda one: GRAVEST not in one.means)
    if failed:
        return CheckResult(failed[0].means, tuple(findings), output=lines)
    if not all(finding.passed for finding in otherwise):
        summary = "It knows by heart which dependencies are critical here; elsewhere a setting says otherwise."
        return CheckResult(summary, (*findings, *otherwise), Verdict.LUCKY, lines)
    shown = "A missing critical dependency fails it, another one is a warning, and a setting decides which is critical."
    return conclude(shown, (*findings, *otherwise))


def says(trial: Trial, case: HealthCase, setting: str = "") -> Finding:
    """Find whether /health has the status and the word of a case, and names its dependency."""
    gone = {case.gone} if case.gone else set()
    answer = settled(trial, gone)
    body = answer.json()
    word = str(body.get("status", "")) if isinstance(body, dict) else ""
    means = "This answer says something else than the state of the service."
    if case.status == 503 and answer.status == 200:
        means = f"{case.gone} is gone, which is critical, and /health says 200: {GRAVEST}."
    elif case.word == "warn" and answer.status == 503:
        means = f"It could do without {case.gone}, and is taken out of service for it."
    elif case.word == "warn" and word == "pass":
        means = f"{case.gone} is gone, and nobody hears of it until the next one is gone, too."
    return found(
        (answer.status, word, away(answer)) == (case.status, case.word, gone),
        f"GET /health while {f'{case.gone} is gone' if case.gone else 'all are there'}{setting}",
        f"{answer}, {word or 'no status'}; it names {', '.join(sorted(away(answer))) or 'none'}",
        f"{case.status}, {case.word}" + (f"; it names {case.gone}" if case.gone else ""),
        means,
        "Follow deep() line by line with this one away: which answer is returned?",
    )
