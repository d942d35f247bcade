"""The checks of logs.py, logging.stdout, logging.context and logging.level: requests, and what docker logs has then."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from workshop_kit.observe.http import Answer
from workshop_kit.patience import patient
from workshop_kit.screen import visible
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.findings import findings, until_failed
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.trial import Trial, fields_of

INSIDE = Path(__file__).with_name("logging_inside.py")
ORDERS = "/orders"
NO_ORDER = "/orders/first"
"""A path that is answered without a database."""
WAIT_SECONDS = 2.0
SHOWN_CHARACTERS = 60
"""How much of a line stands in a finding."""
TRIAL_LOGGER = "trial"
LIBRARY_LOGGER = "some_library"

STDOUT = findings("logging.stdout")
REQUIRED = ("ts", "level", "logger", "msg")
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*(?:Z|[+-]\d\d:?\d\d)")
HONEST = ("honest-1", "honest-2", "honest-3", "honest-4")
HOSTILE = "hostile"
CURIOUS = "curious"
UNLUCKY = "unlucky"
"""The request ids of the customers: some who order, a hostile one, one with more fields, and one who meets a bug."""
FORGED = '{"level":"critical","msg":"all is lost"}'
HOSTILE_PATH = f"/orders/cheap\n{FORGED}\n\x1b[2J\x1b[31m\N{LINE SEPARATOR}"
"""With a line end and a forged line, an escape sequence, and U+2028."""
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
NICKNAME = 'the "Duke"\n\x1b[31m'
"""What the customer with more fields calls itself."""
FIELDS: Mapping[str, Any] = {
    "status": 207,
    "duration_ms": 1.5,
    "master_db_ms": 0.5,
    "order_id": 4711,
    "dependency": "redis",
    "problems": ["REDIS_HOST: Field required", "REDIS_PORT: Field required"],
}
"""Fields that the service logs, now or in a later lesson. The check adds one that it makes up."""
FRAME = "faulty_inside.py"
RAISED = "KeyError"
"""Both stand in the traceback of the bug."""

CONTEXT = findings("logging.context")
AT_ONCE = 8
OTHERS_SECONDS = 2.0
"""How long a request waits for another one to come."""
CROWD_SECONDS = 6.0
LIBRARY = "a library"
WRITERS = {
    "itself": "the service",
    LIBRARY: "a library",
    "a thread": "a thread of the request",
    "an exception": "code that caught an exception",
}
"""The field ``by`` of a line that logging_inside.py writes, and what has logged it."""
QUEUE = "the queue"

LEVEL = findings("logging.level")
NAMES = ("debug", "info", "warning")
FROM_WARNING = (False, False, True)
FROM_DEBUG = (True, True, True)
"""Which of the levels `NAMES` are logged."""


@dataclass(frozen=True)
class Log:
    """All lines of ``docker logs`` that a check reads, and the fields of each ({} if it is no JSON object).

    ``errors`` is what came by standard error, where only the other stream was read.
    """

    lines: tuple[str, ...]
    records: tuple[dict[str, Any], ...]
    errors: str = ""

    @classmethod
    def of(cls, text: str, errors: str = "") -> Log:
        """Read the output of ``docker logs``."""
        lines = text.split("\n")[:-1]
        return cls(tuple(lines), tuple(map(fields_of, lines)), errors)

    def having(self, **fields: Any) -> list[dict[str, Any]]:
        """Return the records with these values."""
        return [record for record in self.records if _has_values(record, fields)]


def _has_values(record: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    return all(record.get(name) == value for name, value in values.items())


def read_log(trial: Trial, complete: Callable[[Log], bool], *, only_stdout: bool = False) -> Log:
    """Read the log until it is complete, or the time is up."""
    container = trial.running.container

    def read() -> Log:
        errors = b""
        if only_stdout:
            errors = container.logs(stdout=False)
        text = container.logs(stderr=not only_stdout)
        return Log.of(text.decode(errors="replace"), errors.decode(errors="replace"))

    return trial.poll(read, complete, WAIT_SECONDS, missing="the log was not complete")


def run(context: Context, **options: Any) -> AbstractContextManager[Trial]:
    """Run the participant's service with the faults of logging_inside.py."""
    return service_trial.start(context, ORDERS, wrapper=INSIDE, **options)


def ask(trial: Trial, request_id: str, fault: str, **query: Any) -> Answer:
    """Ask for the orders; the fault says what is logged meanwhile."""
    headers = {"X-Request-ID": request_id, "X-Fault": fault}
    return trial.get(f"{ORDERS}?{urlencode(query)}", headers=headers, within_seconds=CROWD_SECONDS)


@check("logging.stdout")
def stdout(context: Context) -> Result:
    """Send requests of several customers, then read ``docker logs``."""
    fields = {**FIELDS, secrets.token_hex(4): secrets.token_hex(4)}
    with run(context) as trial:
        context.report_step("placing orders, asking for trouble, and reading docker logs")
        for name in HONEST:
            trial.get(NO_ORDER, headers={"X-Request-ID": name})
        trial.get(quote(HOSTILE_PATH), headers={"X-Request-ID": HOSTILE})
        ask(trial, CURIOUS, "events", fields=json.dumps(fields), who=NICKNAME)
        ask(trial, UNLUCKY, "error")

        log = read_log(trial, lambda log: bool(log.having(request_id=UNLUCKY, msg="request")), only_stdout=True)
        return conclude(STDOUT.shown, stdout_findings(log, fields), trial.lines())


def stdout_findings(log: Log, fields: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Return the findings on the log of a service after the requests of all customers; one of them logged ``fields``.

    Without the customers' lines nothing else is judged. Where lines are no JSON, only what a hostile customer wrote is.
    """
    collected = _collected(log)
    if not collected.passed:
        return (collected,)

    objects = _objects(log)
    if not objects.passed:
        harm = [_hostile(log)] if _was_forged(log) or _has_escapes(log) else []
        return (collected, objects, *harm)

    required = _required(log)
    judged = [collected, objects, required]
    if required.passed:
        judged += [_all_fields(log, fields), _library(log)]
    return (*judged, _hostile(log), _bug(log))


def _collected(log: Log) -> Finding:
    logged = [name for name in HONEST if _has_line_with(log, name)]
    total = len(HONEST)
    got = f"{len(log.lines)} lines; {len(logged)} of {total} requests are in them"

    way = "some" if log.lines else "empty"
    if not logged and any(name in log.errors for name in HONEST):
        way = "stderr"
    return STDOUT.found(len(logged) == total, f"collected.{way}", got, total=total)


def _has_line_with(log: Log, text: str) -> bool:
    return any(text in line for line in log.lines)


def _objects(log: Log) -> Finding:
    odd = [line for line, fields in zip(log.lines, log.records, strict=True) if not fields]
    got = f"{len(odd)} of {len(log.lines)} lines are no JSON object"
    if odd:
        got += f"; the first: {visible(odd[0][:SHOWN_CHARACTERS]) or 'an empty line'}"
    return STDOUT.found(not odd, "objects", got)


def _required(log: Log) -> Finding:
    missing = [name for name in REQUIRED if _is_missing(log, name)]
    names = ", ".join(REQUIRED)
    if missing:
        return STDOUT.failed("required.missing", f"without {', '.join(missing)}", fields=names)

    times = [str(fields["ts"]) for fields in log.records]
    without_zone = next((time for time in times if not TIME.fullmatch(time)), "")
    got = f"ts is {without_zone[:SHOWN_CHARACTERS]}" if without_zone else "all of them"
    return STDOUT.found(not without_zone, "required.zone", got, fields=names)


def _is_missing(log: Log, name: str) -> bool:
    """Return whether a record of the log does not have a field."""
    return any(name not in fields for fields in log.records)


def _all_fields(log: Log, fields: Mapping[str, Any]) -> Finding:
    lines = log.having(logger=TRIAL_LOGGER, msg="a trial")
    line = lines[0] if lines else {}
    dropped = [name for name in fields if name not in line]
    logged = [name for name in fields if name in line]
    changed = [name for name in logged if not _is_same(line[name], fields[name])]

    total = len(fields)
    if dropped:
        return STDOUT.failed("fields.dropped", f"without {', '.join(dropped)}", total=total)

    got = "all of them"
    if changed:
        got = ", ".join(f"{name} is {json.dumps(line[name])[:SHOWN_CHARACTERS]}" for name in changed)
    return STDOUT.found(not changed, "fields.changed", got, total=total)


def _is_same(logged: Any, given: Any) -> bool:
    """Return whether a value is as it was given: 207 is no text, and True is no 1."""
    return json.dumps(logged) == json.dumps(given)


def _library(log: Log) -> Finding:
    lines = log.having(logger=LIBRARY_LOGGER, msg=f"asked by {NICKNAME}")
    way = "id" if lines else "missing"
    right = [line for line in lines if line.get("request_id") == CURIOUS]
    return STDOUT.found(len(right) == 1, f"library.{way}", f"{len(lines)} lines, {len(right)} with the request's id")


def _was_forged(log: Log) -> bool:
    """Return whether a line of the log is the hostile customer's own."""
    return bool(log.having(level="critical", msg="all is lost"))


def _has_escapes(log: Log) -> bool:
    """Return whether a terminal that shows the log obeys characters in it."""
    return any(map(CONTROLS.search, log.lines))


def _hostile(log: Log) -> Finding:
    paths = [line.get("path") for line in log.having(request_id=HOSTILE, msg="request")]
    if _was_forged(log):
        return STDOUT.failed("hostile.forged", "a line that says: all is lost")
    if _has_escapes(log):
        return STDOUT.failed("hostile.escapes", "escape sequences as they are")
    got = "the path" if paths == [HOSTILE_PATH] else f"{len(paths)} lines of that request, and another path"
    return STDOUT.found(paths == [HOSTILE_PATH], "hostile.changed", got)


def _bug(log: Log) -> Finding:
    whole = 0
    elsewhere = 0
    for line, fields in zip(log.lines, log.records, strict=True):
        is_of_request = fields.get("request_id") == UNLUCKY
        whole += is_of_request and FRAME in line and RAISED in line
        elsewhere += not is_of_request and FRAME in line
    way = "spread" if elsewhere else "missing"
    return STDOUT.found(whole > 0, f"bug.{way}", f"{whole} lines of that request with a traceback")


@check("logging.context")
def request_context(context: Context) -> Result:
    """Send several requests at once, while the service also works for no request; read ``docker logs``."""
    ids = {f"customer-{number}": f"id-{number}" for number in range(AT_ONCE)}
    with run(context) as trial:
        context.report_step(f"asking as {AT_ONCE} customers at once")
        ask(trial, "id-of-the-first", "beat")

        def ask_as(who: str) -> Answer:
            return ask(trial, ids[who], "crowd", who=who, seconds=patient(OTHERS_SECONDS))

        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(ask_as, ids))
        log = read_log(trial, lambda log: _ended(log, ids).passed)
        return conclude(CONTEXT.shown, context_findings(answers, log, ids), trial.lines())


def context_findings(answers: Sequence[Answer], log: Log, ids: Mapping[str, str]) -> tuple[Finding, ...]:
    """Return the findings on requests at once, up to the first that failed: what fails later follows from that."""

    def all_findings() -> Iterator[Finding]:
        yield _answered(answers, log)
        for by in WRITERS:
            yield _logged(by, log, ids)
        yield _ended(log, ids)
        yield _background(log)

    return until_failed(all_findings())


def _answered(answers: Sequence[Answer], log: Log) -> Finding:
    wrong = [answer for answer in answers if answer.status != 200]
    got = f"{len(answers) - len(wrong)} of {len(answers)} are answered with 200"
    if wrong:
        got += f"; another one: {wrong[0]}"
        return CONTEXT.failed("answered.failed", got, total=len(answers))

    is_queue = bool(log.having(by=QUEUE))
    if is_queue:
        got += ", one after the other"
    return CONTEXT.found(not is_queue, "answered.queue", got, total=len(answers))


def _logged(by: str, log: Log, ids: Mapping[str, str]) -> Finding:
    """Find whether each request has its own id in the lines of one writer."""
    right = 0
    wrong = 0
    for who, own in ids.items():
        lines = {"logger": LIBRARY_LOGGER, "msg": f"asked by {who}"} if by == LIBRARY else {"who": who, "by": by}
        logged_ids = {line.get("request_id") for line in log.having(**lines)}
        right += logged_ids == {own}
        wrong += bool(logged_ids - {own, None})

    way = "thread" if by == "a thread" else "lost"
    got = f"{right} of {len(ids)} have their own id"
    if wrong:
        way = "another"
        got += f", {wrong} that of another"
    return CONTEXT.found(right == len(ids), f"logged.{way}", got, total=len(ids), writer=WRITERS[by])


def _ended(log: Log, ids: Mapping[str, str]) -> Finding:
    last_lines = [log.having(msg="request", route=ORDERS, request_id=own) for own in ids.values()]
    right = sum(len(lines) == 1 for lines in last_lines)
    return CONTEXT.found(right == len(ids), "ended", f"{right} of {len(ids)} ids have one")


def _background(log: Log) -> Finding:
    beats = log.having(msg="beat")
    wrong = [one for one in beats if "request_id" in one]
    return CONTEXT.found(
        bool(beats) and not wrong, "background", f"{len(wrong)} of {len(beats)} have the id of a request"
    )


@check("logging.level")
def level(context: Context) -> Result:
    """Send signals to a service whose level is warning, and let it log at each level in between."""
    with run(context, environment={"LOG_LEVEL": "warning"}) as trial:
        context.report_step("sending USR1, USR1 again, and USR2")
        return conclude(LEVEL.shown, until_failed(_levels(trial)), trial.lines())


def _levels(trial: Trial) -> Iterator[Finding]:
    """Yield the findings on what is logged at the start and after each signal."""
    yield level_finding("start", *_logged_levels(trial, FROM_WARNING))
    for key, signal, expected in (
        ("debug", "SIGUSR1", FROM_DEBUG),
        ("again", "SIGUSR1", FROM_DEBUG),
        ("back", "SIGUSR2", FROM_WARNING),
    ):
        trial.signal(signal)
        logged = _logged_levels(trial, expected)
        alive = alive_finding(signal, trial.exit_code())
        yield alive if not alive.passed else level_finding(key, *logged)


def alive_finding(signal: str, exit_code: int | None) -> Finding:
    """Return the finding on whether the container still runs after a signal."""
    got = "it runs" if exit_code is None else f"the container has ended, with exit code {exit_code}"
    return LEVEL.found(exit_code is None, "alive", got, signal=signal)


Levels = tuple[bool, ...]


def level_finding(key: str, own: Levels, library: Levels) -> Finding:
    """Return the finding on the levels of which there are lines: of the service's own logger and of a library's."""
    expected = FROM_DEBUG if key in {"debug", "again"} else FROM_WARNING
    is_expected = own == expected

    way = ""
    if key == "debug":
        way = ".libraries" if is_expected else ".same"
    elif key == "back" and is_expected:
        way = ".libraries"
    elif key == "back":
        way = ".still" if own[0] else ".other"

    got = f"the service logs {_names(own)}"
    if library != own:
        got += f"; libraries log {_names(library)}"
    return LEVEL.found(own == library == expected, f"{key}{way}", got)


def _names(logged: Levels) -> str:
    names = [name for name, is_logged in zip(NAMES, logged, strict=True) if is_logged]
    return ", ".join(names) or "nothing"


def _logged_levels(trial: Trial, expected: Levels) -> tuple[Levels, Levels]:
    """Let the service and a library log at each level; ask again for as long as it is not what is expected."""

    def look() -> tuple[Levels, Levels]:
        own_id = f"level-{secrets.token_hex(4)}"
        ask(trial, own_id, "levels")
        log = read_log(trial, lambda log: bool(log.having(request_id=own_id, msg="a trial at warning")))
        messages = {line.get("msg") for line in log.having(request_id=own_id)}
        own = tuple(f"a trial at {name}" in messages for name in NAMES)
        library = tuple(f"a library at {name}" in messages for name in NAMES)
        return own, library

    missing = "the level was not as expected"
    return trial.poll(look, lambda logged: logged == (expected, expected), WAIT_SECONDS, missing=missing)
