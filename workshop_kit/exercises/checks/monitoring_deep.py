"""The check of lesson 04 on the two questions: two dependencies hang, refuse, and come back, for this trial alone."""

from __future__ import annotations

import re
import time

from workshop_kit.exercises import dependency_proxies
from workshop_kit.exercises.raw_http import Answer
from workshop_kit.exercises.checks.monitoring_health import START_SECONDS, WORKS, away, behind, settled
from workshop_kit.exercises.dependency_proxies import Doors
from workshop_kit.exercises.check_api import Context, CheckResult, check, found
from workshop_kit.exercises.result import Finding
from workshop_kit.exercises.start_failure import wait_started
from workshop_kit.exercises.trial import Trial
from workshop_kit.progress import Step

SHUT = ("master-db", "redis")
QUICK_SECONDS = 0.5
"""Generous: an answer without a ping takes milliseconds, one that waits for a hanging dependency never comes."""
LIMIT_SECONDS = 1.0
GRACE_SECONDS = 0.3
"""For a busy machine. Pings that wait for each other take far longer."""
PATIENCE_SECONDS = 2.5
FAILURE_KEPT_SECONDS = 0.6
"""After so long, the report of a failure is not the one from before."""
BACK_SECONDS = 5.0
INSIDES = re.compile(r"Errno|Error\b|Exception|Traceback|asyncmy|[Cc]an't connect|:3306|:6379|\(2003|\(1045")


@check("monitoring.deep")
def deep(context: Context) -> CheckResult:
    """Ask all three paths while two dependencies accept connections and never answer, then while they refuse them."""
    with behind(context, *SHUT) as (tried, between, _):
        if (failed := wait_started(tried, WORKS, within_seconds=START_SECONDS)) is not None:
            return failed
        context.report(Step("Check", None, "letting two dependencies hang, and refuse"))
        between.set(master_db=dependency_proxies.HANGS, redis=dependency_proxies.HANGS)
        # Before /livez: one that pings would keep the only connection that pings have.
        quick = tuple(_in_time(tried, path) for path in ("/health", "/readyz"))
        live = _live(tried, "hang")
        between.set(master_db=dependency_proxies.REFUSES, redis=dependency_proxies.REFUSES)
        findings = (*quick, live, _tells(tried, between), _live(tried, "refuse connections"), _back(tried, between))
        if all(finding.passed for finding in findings):
            summary = "No database makes the orchestrator restart it, and /health answers in time."
            return CheckResult(summary, findings)
        return CheckResult(next(finding.means for finding in findings if not finding.passed), findings, output=tried.lines())


def _live(tried: Trial, do: str) -> Finding:
    answers = [tried.get("/livez", within_seconds=PATIENCE_SECONDS if do == "hang" else 1.0)]
    while len(answers) < 3 and _is_quick(answers[-1]):
        answers.append(tried.get("/livez"))
    if not _is_quick(answers[-1]) and answers[-1].status == 200:  # late once: the machine may be to blame
        time.sleep(FAILURE_KEPT_SECONDS)
        answers[-1] = tried.get("/livez")
    return found(
        all(map(_is_quick, answers)),
        f"GET /livez while master-db and redis {do}",
        _timed(answers[-1]),
        f"200 within {QUICK_SECONDS:g} s",
        "The database hung, so the service was restarted, again and again: no restart mends a database.",
        "What does live() ask, and whom would a restart help?",
    )


def _is_quick(answer: Answer) -> bool:
    return answer.status == 200 and answer.seconds <= QUICK_SECONDS


def _in_time(tried: Trial, path: str) -> Finding:
    answer = _asked(tried, path)
    means = f"{path} says that all is well while master-db and redis hang."
    if answer.status is not None and answer.status not in {200, 503}:
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


def _asked(tried: Trial, path: str) -> Answer:
    """The answer, once no report from before explains it; asked again if the machine may be to blame for the time."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while (answer := tried.get(path, within_seconds=PATIENCE_SECONDS)).status == 200 and time.monotonic() < ends_at:
        time.sleep(0.1)
    if answer.status is not None and not _is_in_time(answer):
        time.sleep(FAILURE_KEPT_SECONDS)
        answer = tried.get(path, within_seconds=PATIENCE_SECONDS)
    return answer


def _is_in_time(answer: Answer) -> bool:
    return answer.status is not None and answer.seconds <= LIMIT_SECONDS + GRACE_SECONDS


def _tells(tried: Trial, between: Doors) -> Finding:
    time.sleep(FAILURE_KEPT_SECONDS)  # the report of the ping that hung names both, too, and has no driver's words
    answer = settled(tried, set(SHUT))
    named = sorted(away(answer))
    hosts = [host for host in between.environment.values() if host in answer.body]
    inside = hosts or INSIDES.findall(answer.body)
    got = f"{answer}; it names {', '.join(named) or 'none of them'}"
    means = "The person on call does not learn which dependency it is."
    if inside:
        got += f"; and its body says {inside[0]}"
        means = "The body tells strangers where the databases are and what they said: that belongs into the log."
    elif answer.status is None:
        means = "It still waits for the ping from before: one hung check, and /health never answers again."
    return found(
        answer.status == 503 and named == sorted(SHUT) and not inside,
        "GET /health while master-db and redis refuse connections",
        got,
        "503, which names both, and nothing of what the drivers said",
        means,
        "told() writes what anybody may read; the name says enough. The log has the rest already.",
    )


def _back(tried: Trial, between: Doors) -> Finding:
    between.set()
    started = time.monotonic()
    well = tried.wait_answer("/readyz", within_seconds=BACK_SECONDS)
    return found(
        well,
        "GET /readyz once both are back, without a restart",
        f"200 after {time.monotonic() - started:.1f} s" if well else str(tried.get("/readyz")),
        f"200 within {BACK_SECONDS:g} s",
        "The databases are back, and the service does not notice: a person has to restart it.",
        "Does every ping come to an end, whatever happens to it?",
    )


def _timed(answer: Answer) -> str:
    return f"{answer} after {answer.seconds:.2f} s" if answer.status is not None else str(answer)
