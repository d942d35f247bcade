"""The check of monitoring.deep: /health, /readyz and /livez while two dependencies hang, and while they refuse."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from docker.errors import APIError

from workshop_kit.checks.monitoring_health import START_SECONDS, WORKS, away, run_behind_proxies, settled
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
"""For a busy machine. Pings that wait for each other take far longer."""
PATIENCE_SECONDS = 2.5
BACK_SECONDS = 5.0
AT_ONCE = 30
"""The requests for /health at once: each leaves a connection behind if its pings go on."""
MOST_CONNECTIONS = 10
CLOSED_SECONDS = 3.0
TCP_TABLE = "/proc/net/tcp"
ESTABLISHED = "01"
INSIDES = re.compile(r"Errno|Error\b|Exception|Traceback|asyncmy|[Cc]an't connect|:3306|:6379|\(2003|\(1045")


@check("monitoring.deep")
def deep(context: Context) -> Result:
    """Ask all three paths while two dependencies hang, then while they refuse connections, then once they are back."""
    with run_behind_proxies(context, *TWO) as (trial, proxies, _):
        service_trial.wait_started(trial, WORKS, within_seconds=START_SECONDS)
        context.report_step("letting two dependencies hang, and refuse")
        return conclude(DEEP.shown, _deep_findings(trial, proxies), trial.log_tail())


def _deep_findings(trial: Trial, proxies: DependencyProxies) -> list[Finding]:
    """Judge /readyz, which asks the same pings, once /health is right, and the names unless /health has none."""
    proxies.set(HANGS, *TWO)
    health = _ask(trial, "/health", LIMIT_SECONDS + GRACE_SECONDS, old_status=200)
    health_in_time = in_time("/health", health, is_in_time=_is_in_time(trial, health))
    all_findings = [health_in_time]
    if health_in_time.passed:
        ready = _ask(trial, "/readyz", LIMIT_SECONDS + GRACE_SECONDS, old_status=200)
        all_findings.append(in_time("/readyz", ready, is_in_time=_is_in_time(trial, ready)))
    all_findings.append(_stays_alive(trial))
    if health_in_time.passed:
        all_findings.append(_leaves_nothing(trial))

    proxies.set(REFUSES, *TWO)
    if health.status in {None, 503}:
        all_findings.append(names_both(settled(trial, set(TWO)), proxies.environment.values()))

    proxies.set(OPEN)
    is_back = trial.wait_answer("/readyz", within_seconds=BACK_SECONDS)
    all_findings.append(DEEP.found(is_back, "recovers", str(trial.get("/readyz")), limit=BACK_SECONDS))
    return all_findings


def _ask(trial: Trial, path: str, within_seconds: float, old_status: int = 0) -> Answer:
    """Ask until the status is not ``old_status`` any more; ask once more if it came too late, for a busy machine."""

    def ask() -> Answer:
        return trial.get(path, within_seconds=PATIENCE_SECONDS)

    def is_new(answer: Answer) -> bool:
        return answer.status != old_status

    answer = trial.poll(ask, is_new, PATIENCE_SECONDS, missing=f"GET {path} was still {old_status}")
    if answer.status is not None and not trial.is_in_time(answer, within_seconds):
        answer = ask()
    return answer


def _is_in_time(trial: Trial, answer: Answer) -> bool:
    return answer.status is not None and trial.is_in_time(answer, LIMIT_SECONDS + GRACE_SECONDS)


def in_time(path: str, answer: Answer, *, is_in_time: bool) -> Finding:
    """Return the finding on an answer of /health or /readyz while two dependencies hang."""
    way = "well"
    if answer.status not in {None, 200, 503}:
        way = "fails"
    elif not is_in_time:
        way = "late"

    got = f"{answer} after {answer.seconds:.2f} s"
    name = path.removeprefix("/").removesuffix("z")
    return DEEP.found(answer.status == 503 and is_in_time, f"{name}.{way}", got, limit=LIMIT_SECONDS, answer=answer)


def _stays_alive(trial: Trial) -> Finding:
    answer = _ask(trial, "/livez", QUICK_SECONDS)
    is_alive = answer.status == 200 and trial.is_in_time(answer, QUICK_SECONDS)
    return DEEP.found(is_alive, "alive", f"{answer} after {answer.seconds:.2f} s", limit=QUICK_SECONDS)


def _leaves_nothing(trial: Trial) -> Finding:
    """Find whether pings end with their request: one that goes on keeps its connection."""

    def ask(_: int) -> Answer:
        return trial.get("/health", within_seconds=PATIENCE_SECONDS)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(ask, range(AT_ONCE)):
            pass  # they have ended

    def is_few(count: int) -> bool:
        return count <= MOST_CONNECTIONS

    missing = f"more than {MOST_CONNECTIONS} connections were still open"
    return leftover(trial.poll(lambda: _connections(trial), is_few, CLOSED_SECONDS, missing=missing))


def leftover(count: int) -> Finding:
    """Return the finding on the connections that are open after many requests for /health."""
    return DEEP.found(count <= MOST_CONNECTIONS, "leftover", str(count), requests=AT_ONCE, most=MOST_CONNECTIONS)


def _connections(trial: Trial) -> int:
    """Return how many connections to databases or to the cache are open in the container."""
    with contextlib.suppress(APIError):  # it has ended, and that shows elsewhere
        return connections_in(trial.running.read("cat", TCP_TABLE))
    return 0


def connections_in(table: str) -> int:
    """Return how many open connections to dependencies the kernel's table of a container has.

    >>> connections_in("sl local_address rem_address st\\n0: 040013AC:D2F0 030013AC:18EB 01 00000000:00000000")
    1
    """
    ports = {f"{port:04X}" for port in DEPENDENCY_PORTS.values()}
    count = 0
    for line in table.splitlines()[1:]:
        columns = line.split()
        _, _, port = columns[2].rpartition(":")
        if port in ports and columns[3] == ESTABLISHED:
            count += 1
    return count


def names_both(answer: Answer, hosts: Collection[str]) -> Finding:
    """Find whether /health names both dependencies while they refuse, without the words of their drivers.

    ``hosts`` are the names by which the service knows them.
    """
    names = sorted(away(answer))
    driver_words = [host for host in hosts if host in answer.body]
    driver_words += INSIDES.findall(answer.body)
    is_good = answer.status == 503 and names == sorted(TWO) and not driver_words

    got = f"{answer}; it names {', '.join(names) or 'none of them'}"
    way = "unnamed"
    if driver_words:
        way = "leaked"
        got += f"; its body has {driver_words[0]}"
    return DEEP.found(is_good, f"named.{way}", got)
