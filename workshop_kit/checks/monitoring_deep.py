"""The check of monitoring.deep: /health, /readyz and /livez while two dependencies hang, and while they refuse."""

from __future__ import annotations

import re
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from docker.errors import APIError

from workshop_kit.checks.monitoring_health import (
    ORDERS_PATH,
    START_SECONDS,
    away_dependencies,
    run_behind_proxies,
    wait_health,
)
from workshop_kit.observe.http import Answer
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.dependency_proxies import DEPENDENCY_PORTS, HANGS, OPEN, REFUSES, DependencyProxies
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.trial import Trial

DEEP = findings("monitoring.deep")
TWO = ("master-db", "redis")
QUICK_SECONDS = 0.5
LIMIT_SECONDS = 1.0
GRACE_SECONDS = 0.3
"""The seconds that a busy machine may add to a limit. Pings that wait for each other take far longer."""
PATIENCE_SECONDS = 2.5
BACK_SECONDS = 5.0
AT_ONCE = 30
"""The number of simultaneous requests for /health: each leaves a connection behind if its pings go on."""
MOST_CONNECTIONS = 10
CLOSED_SECONDS = 3.0
TCP_TABLE = "/proc/net/tcp"
ESTABLISHED = "01"
INSIDES = re.compile(r"Errno|Error\b|Exception|Traceback|asyncmy|[Cc]an't connect|:3306|:6379|\(2003|\(1045")


@check("monitoring.deep")
def deep(context: Context) -> Result:
    """Ask all three paths while two dependencies hang, then while they refuse connections, then once they are back."""
    with run_behind_proxies(context, *TWO) as (trial, proxies, _):
        service_trial.wait_started(trial, ORDERS_PATH, within_seconds=START_SECONDS)
        context.report_step("letting two dependencies hang, and refuse")
        return conclude(DEEP.success_summary, _deep_findings(trial, proxies), trial.log_tail())


def _deep_findings(trial: Trial, proxies: DependencyProxies) -> list[Finding]:
    """Let two dependencies hang, then refuse, then open them again; return the findings on the three paths.

    /readyz and the connections left behind are judged only if /health is right, because all use the same pings. The
    names in the body are judged unless /health answers with another status than 503.
    """
    proxies.set(HANGS, *TWO)
    health = _ask(trial, "/health", LIMIT_SECONDS + GRACE_SECONDS, old_status=200)
    health_in_time = probe_finding("/health", health, is_in_time=_is_in_time(trial, health))
    all_findings = [health_in_time]
    if health_in_time.passed:
        ready = _ask(trial, "/readyz", LIMIT_SECONDS + GRACE_SECONDS, old_status=200)
        all_findings.append(probe_finding("/readyz", ready, is_in_time=_is_in_time(trial, ready)))
    all_findings.append(_alive_finding(trial))
    if health_in_time.passed:
        all_findings.append(_leftover_finding(trial))

    proxies.set(REFUSES, *TWO)
    if health.status in {None, 503}:
        refusing_health = wait_health(trial, set(TWO))
        all_findings.append(names_finding(refusing_health, proxies.environment.values()))

    proxies.set(OPEN)
    all_findings.append(_recovery_finding(trial))
    return all_findings


def _recovery_finding(trial: Trial) -> Finding:
    """Find whether the service is ready soon after its dependencies are back."""
    is_back = trial.wait_answer("/readyz", within_seconds=BACK_SECONDS)
    ready = trial.get("/readyz")
    return DEEP.found(is_back, "recovers", str(ready), limit=BACK_SECONDS)


def _ask(trial: Trial, path: str, within_seconds: float, old_status: int = 0) -> Answer:
    """Ask a path until its status is no longer ``old_status``; return the answer.

    An answer that took more than ``within_seconds`` gets a second try: the machine may have been busy.
    """

    def ask() -> Answer:
        return trial.get(path, within_seconds=PATIENCE_SECONDS)

    def is_new(answer: Answer) -> bool:
        return answer.status != old_status

    answer = trial.poll(ask, is_new, PATIENCE_SECONDS, missing=f"GET {path} was still {old_status}")
    if answer.status is not None and not trial.is_in_time(answer, within_seconds):
        answer = ask()
    return answer


def _is_in_time(trial: Trial, answer: Answer) -> bool:
    """Return whether there is an answer, and within the limit of /health and /readyz."""
    return answer.status is not None and trial.is_in_time(answer, LIMIT_SECONDS + GRACE_SECONDS)


def probe_finding(path: str, answer: Answer, *, is_in_time: bool) -> Finding:
    """Find whether /health or /readyz answers with 503 in time while two dependencies hang."""
    way_to_fail = "well"  # it says that all is well
    if answer.status not in {None, 200, 503}:
        way_to_fail = "fails"
    elif not is_in_time:
        way_to_fail = "late"

    observation = f"{answer} after {answer.seconds:.2f} s"
    name = path.removeprefix("/").removesuffix("z")
    is_right = answer.status == 503 and is_in_time
    return DEEP.found(is_right, f"{name}.{way_to_fail}", observation, limit=LIMIT_SECONDS, answer=answer)


def _alive_finding(trial: Trial) -> Finding:
    """Find whether /livez answers at once while two dependencies hang."""
    answer = _ask(trial, "/livez", QUICK_SECONDS)
    is_alive = answer.status == 200 and trial.is_in_time(answer, QUICK_SECONDS)
    return DEEP.found(is_alive, "alive", f"{answer} after {answer.seconds:.2f} s", limit=QUICK_SECONDS)


def _leftover_finding(trial: Trial) -> Finding:
    """Find whether pings end with their request: each one that goes on keeps a connection open.

    Many requests for /health are sent at the same time.
    """

    def ask(_: int) -> Answer:
        return trial.get("/health", within_seconds=PATIENCE_SECONDS)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(ask, range(AT_ONCE)):
            pass  # wait for all answers

    def count_connections() -> int:
        return _count_connections(trial)

    def is_few(count: int) -> bool:
        return count <= MOST_CONNECTIONS

    missing = f"more than {MOST_CONNECTIONS} connections were still open"
    count = trial.poll(count_connections, is_few, CLOSED_SECONDS, missing=missing)
    return connections_finding(count)


def connections_finding(count: int) -> Finding:
    """Return the finding on the connections that are open after many requests for /health."""
    return DEEP.found(count <= MOST_CONNECTIONS, "leftover", str(count), requests=AT_ONCE, most=MOST_CONNECTIONS)


def _count_connections(trial: Trial) -> int:
    """Return how many connections to databases or to the cache are open in the container; 0 if it has ended."""
    try:
        table = trial.running.read("cat", TCP_TABLE)
    except APIError:  # the container has ended, which other findings show
        return 0
    return connections_in(table)


def connections_in(table: str) -> int:
    """Return the number of open connections to dependencies in a container's ``/proc/net/tcp``.

    >>> connections_in("sl local_address rem_address st\\n0: 040013AC:D2F0 030013AC:18EB 01 00000000:00000000")
    1
    """
    hexadecimal_ports = {f"{port:04X}" for port in DEPENDENCY_PORTS.values()}
    count = 0
    for line in table.splitlines()[1:]:
        _, _, remote_address, state, *_ = line.split()
        _, _, remote_port = remote_address.rpartition(":")
        if remote_port in hexadecimal_ports and state == ESTABLISHED:
            count += 1
    return count


def names_finding(answer: Answer, hosts: Collection[str]) -> Finding:
    """Find whether /health names both dependencies while they refuse, and leaks nothing of their drivers' errors.

    ``hosts`` are the host names of the dependencies in the service's settings; they are leaks, too.
    """
    names = sorted(away_dependencies(answer))
    leaks = [host for host in hosts if host in answer.body]
    leaks += INSIDES.findall(answer.body)
    is_good = answer.status == 503 and names == sorted(TWO) and not leaks

    observation = f"{answer}; it names {', '.join(names) or 'none of them'}"
    way_to_fail = "unnamed"
    if leaks:
        way_to_fail = "leaked"
        observation += f"; its body has {leaks[0]}"
    return DEEP.found(is_good, f"named.{way_to_fail}", observation)
