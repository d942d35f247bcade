"""The checks of monitoring.deep and monitoring.critical: /health, /readyz and /livez while dependencies are away."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from docker.errors import APIError

from workshop_kit.observe.http import Answer
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.trial import (
    DEPENDENCY_PORTS,
    HANGS,
    HOST_VARIABLES,
    OPEN,
    REFUSES,
    DependencyProxies,
    Trial,
    start_proxies,
)

WORKS = "/orders"
"""Answers 200 once the service works, and asks nothing about health."""
SETTLE_SECONDS = 7.0
START_SECONDS = 20.0
WORDS = ("fail", "warn", "pass")
WELL_WORDS = {"alive", "available", "healthy", "ok", "pass", "up", "well"}
AWAY_WORDS = {"away", "down", "error", "fail", "failed", "unavailable", "unhealthy", "warn"}
"""How a body may say that a dependency is well, or is not."""

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

CRITICAL = findings("monitoring.critical")
SETTING = "HEALTH_CRITICAL"
GONE = ("redis", "master-db", "replica-db")
"""The dependencies that go, one at a time, the gravest mistake first."""
HERE = ("master-db", "redis")
"""The critical dependencies, as the stack's setting has them."""
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


Leaf = tuple[tuple[str, ...], Any]
"""A value of a body that holds no others, and the keys that lead to it."""


def leaves(answer: Answer) -> list[Leaf]:
    """Return the values in a body of JSON; the parts of another text."""
    content = answer.json()
    if content is None:
        return [((), piece) for piece in re.split(r"[,;\n]", answer.body)]
    return [*_below((), content)]


def _below(keys: tuple[str, ...], content: Any) -> Iterator[Leaf]:
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _below((*keys, key), value)
    elif isinstance(content, list):
        for value in content:
            yield from _below(keys, value)
    else:
        yield keys, content


def away(answer: Answer) -> set[str]:
    """Return the dependencies that an answer of /health names as not well, whatever the shape of its body."""
    named = set()
    for name in HOST_VARIABLES:
        said = {_said_of(name, keys, value) for keys, value in leaves(answer)}
        if "away" in said or ("named" in said and "well" not in said):
            named.add(name)
    return named


def _said_of(name: str, keys: tuple[str, ...], value: Any) -> str:
    """Return what a value says of a dependency: that it is well or away, only its name, or nothing ("")."""
    text = str(value)
    if name not in text and not any(name in key for key in keys):
        return ""
    if value is None:
        return "well"  # no error
    if isinstance(value, bool):
        is_about_it = name in keys[-1] or keys[-1].lower() in WELL_WORDS
        state = "well" if value else "away"
        return state if is_about_it else ""
    if isinstance(value, (int, float)):
        return ""  # milliseconds

    word = text.replace(name, "").strip(" :=-.()'\"").lower()
    if word in WELL_WORDS:
        return "well"
    return "away" if word in AWAY_WORDS else "named"


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
        return conclude(DEEP.shown, _deep_findings(trial, proxies), trial.lines())


def _deep_findings(trial: Trial, proxies: DependencyProxies) -> list[Finding]:
    """Judge /readyz, which asks the same pings, once /health is right, and the names unless /health has none."""
    proxies.set(HANGS, *TWO)
    health = _ask(trial, "/health", LIMIT_SECONDS + GRACE_SECONDS, kept=200)
    judged = [in_time("/health", health, is_in_time=_is_in_time(trial, health))]
    if judged[0].passed:
        ready = _ask(trial, "/readyz", LIMIT_SECONDS + GRACE_SECONDS, kept=200)
        judged.append(in_time("/readyz", ready, is_in_time=_is_in_time(trial, ready)))
    judged.append(_stays_alive(trial))
    if judged[0].passed:
        judged.append(_leaves_nothing(trial))

    proxies.set(REFUSES, *TWO)
    if health.status in {None, 503}:
        judged.append(names_both(settled(trial, set(TWO)), proxies.environment.values()))

    proxies.set(OPEN)
    is_back = trial.wait_answer("/readyz", within_seconds=BACK_SECONDS)
    judged.append(DEEP.found(is_back, "recovers", str(trial.get("/readyz")), limit=BACK_SECONDS))
    return judged


def _ask(trial: Trial, path: str, within_seconds: float, kept: int = 0) -> Answer:
    """Ask until the answer's status is not the ``kept`` one; ask once more if it came too late, for a busy machine."""

    def ask() -> Answer:
        return trial.get(path, within_seconds=PATIENCE_SECONDS)

    missing = f"GET {path} was still {kept}"
    answer = trial.poll(ask, lambda answer: answer.status != kept, PATIENCE_SECONDS, missing=missing)
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
    named = sorted(away(answer))
    insides = [host for host in hosts if host in answer.body] or INSIDES.findall(answer.body)
    is_good = answer.status == 503 and named == sorted(TWO) and not insides

    got = f"{answer}; it names {', '.join(named) or 'none of them'}"
    way = "unnamed"
    if insides:
        way = "leaked"
        got += f"; its body has {insides[0]}"
    return DEEP.found(is_good, f"named.{way}", got)


@check("monitoring.critical")
def critical(context: Context) -> Result:
    """Take one dependency away at a time from two instances, of which the second has another critical one."""
    with run_behind_proxies(context, *HOST_VARIABLES) as (trial, proxies, image):
        environment = {**proxies.environment, SETTING: OTHERWISE}
        with service_trial.run_with_stack(context, image, environment=environment) as second:
            for one in (trial, second):
                service_trial.wait_started(one, WORKS, within_seconds=START_SECONDS)
            context.report_step("taking one dependency away after the other")

            here: dict[str, Answer] = {}
            otherwise: dict[str, Answer] = {}
            for gone in (*GONE, ""):
                proxies.set(REFUSES, gone)
                names = {gone} - {""}
                here[gone] = settled(trial, names)
                otherwise[gone] = settled(second, names)
            return judge_critical(here, otherwise, trial.lines())


def judge_critical(here: Mapping[str, Answer], otherwise: Mapping[str, Answer], lines: str = "") -> Result:
    """Judge the answers of both instances by the dependency that was gone ("": none).

    Where the first instance is right and the second wrong, that is luck.
    """
    judged = [_with_gone(gone, here[gone]) for gone in GONE]
    judged.append(_with_none_gone(here[""]))
    judged = _each_failure_once(judged)
    if not all(finding.passed for finding in judged):
        return conclude(CRITICAL.shown, judged, lines)

    elsewhere = [_elsewhere(gone, otherwise[gone]) for gone in GONE]
    return conclude(CRITICAL.shown, _each_failure_once([*judged, *elsewhere]), lines, lucky=True)


def _expected(gone: str, *, is_critical: bool) -> tuple[int, str]:
    """Return the right status and word of /health."""
    if is_critical:
        return 503, "fail"
    return 200, "warn" if gone else "pass"


def _is_right(gone: str, answer: Answer, *, is_critical: bool) -> bool:
    status, word = _expected(gone, is_critical=is_critical)
    return (answer.status, _word(answer), away(answer)) == (status, word, {gone} - {""})


def _word(answer: Answer) -> str:
    """Return the word of the body for the whole service; "" if it has none."""
    for keys, value in leaves(answer):
        is_of_one = any(name in key for key in keys for name in HOST_VARIABLES)
        if not is_of_one and str(value).lower() in WORDS:
            return str(value).lower()
    if answer.json() is None:
        word = re.search(rf"\b(?:{'|'.join(WORDS)})\b", answer.body.lower())
        return word[0] if word else ""
    return ""


def _got(answer: Answer) -> str:
    return f"{answer}, {_word(answer) or 'no word'}; it names {', '.join(sorted(away(answer))) or 'none'}"


def _with_gone(gone: str, answer: Answer) -> Finding:
    """Find whether /health is right with one dependency gone."""
    is_critical = gone in HERE
    status, word = _expected(gone, is_critical=is_critical)
    way = "other"
    if answer.status not in {200, 503}:
        way = "fails"
    elif is_critical and answer.status == 200:
        way = "unheard"
    elif not is_critical and answer.status == 503:
        way = "strict"
    elif not is_critical and _word(answer) == "pass":
        way = "silent"
    is_right = _is_right(gone, answer, is_critical=is_critical)
    values = {"gone": gone, "status": status, "word": word, "answer": answer}
    return CRITICAL.found(is_right, f"gone.{way}", _got(answer), **values)


def _with_none_gone(answer: Answer) -> Finding:
    return CRITICAL.found(_is_right("", answer, is_critical=False), "well", _got(answer))


def _elsewhere(gone: str, answer: Answer) -> Finding:
    """Find whether /health is right with one dependency gone, and with the other setting."""
    is_critical = gone == OTHERWISE
    status, word = _expected(gone, is_critical=is_critical)
    is_right = _is_right(gone, answer, is_critical=is_critical)
    values = {"gone": gone, "status": status, "word": word, "critical": OTHERWISE}
    return CRITICAL.found(is_right, "elsewhere", _got(answer), **values)


def _each_failure_once(judged: Sequence[Finding]) -> list[Finding]:
    """Leave out a finding that failed in the same way as an earlier one: it follows from the same line."""
    kept: list[Finding] = []
    for finding in judged:
        if finding.passed or finding.key not in {one.key for one in kept if not one.passed}:
            kept.append(finding)
    return kept
