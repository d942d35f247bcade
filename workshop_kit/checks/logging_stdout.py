"""The check of logging.stdout: requests of several customers, and what docker logs has then."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from workshop_kit.checks.logging_service import LIBRARY_LOGGER, TRIAL_LOGGER, Log, ask, read_log, run
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.untrusted_text import visible

STDOUT = findings("logging.stdout")
NO_ORDER = "/orders/first"
"""A path that is answered without a database."""
SHOWN_CHARACTERS = 60
"""How much of a line stands in a finding."""
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

        log = read_log(trial, _is_complete, only_stdout=True)
        return conclude(STDOUT.shown, stdout_findings(log, fields), trial.log_tail())


def _is_complete(log: Log) -> bool:
    """Return whether a log has the line of the last request."""
    return bool(log.having(request_id=UNLUCKY, msg="request"))


def stdout_findings(log: Log, fields: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Return the findings on the log of a service after the requests of all customers; one of them logged ``fields``.

    Without the customers' lines nothing else is judged. Where lines are no JSON, only what a hostile customer wrote is.
    """
    collected = _collected(log)
    if not collected.passed:
        return (collected,)

    objects = _objects(log)
    if not objects.passed and (_was_forged(log) or _has_escapes(log)):
        return (collected, objects, _hostile(log))
    if not objects.passed:
        return (collected, objects)

    required = _required(log)
    all_findings = [collected, objects, required]
    if required.passed:
        all_findings += [_all_fields(log, fields), _library(log)]
    return (*all_findings, _hostile(log), _bug(log))


def _collected(log: Log) -> Finding:
    requests = [name for name in HONEST if _has_line_with(log, name)]
    total = len(HONEST)
    got = f"{len(log.lines)} lines; {len(requests)} of {total} requests are in them"

    way = "some" if log.lines else "empty"
    if not requests and any(name in log.errors for name in HONEST):
        way = "stderr"
    return STDOUT.found(len(requests) == total, f"collected.{way}", got, total=total)


def _has_line_with(log: Log, text: str) -> bool:
    return any(text in line for line in log.lines)


def _objects(log: Log) -> Finding:
    odd_lines = [line for line, fields in zip(log.lines, log.records, strict=True) if not fields]
    got = f"{len(odd_lines)} of {len(log.lines)} lines are no JSON object"
    if odd_lines:
        got += f"; the first: {visible(odd_lines[0][:SHOWN_CHARACTERS]) or 'an empty line'}"
    return STDOUT.found(not odd_lines, "objects", got)


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
    total = len(fields)
    missing_names = [name for name in fields if name not in line]
    if missing_names:
        return STDOUT.failed("fields.dropped", f"without {', '.join(missing_names)}", total=total)

    changed_names = [name for name in fields if not _is_same(line[name], fields[name])]
    got = "all of them"
    if changed_names:
        got = ", ".join(f"{name} is {json.dumps(line[name])[:SHOWN_CHARACTERS]}" for name in changed_names)
    return STDOUT.found(not changed_names, "fields.changed", got, total=total)


def _is_same(value: Any, expected: Any) -> bool:
    """Return whether a value is what was logged: 207 is no text, and True is no 1."""
    return json.dumps(value) == json.dumps(expected)


def _library(log: Log) -> Finding:
    lines = log.having(logger=LIBRARY_LOGGER, msg=f"asked by {NICKNAME}")
    way = "id" if lines else "missing"
    with_id = [line for line in lines if line.get("request_id") == CURIOUS]
    got = f"{len(lines)} lines, {len(with_id)} with the request's id"
    return STDOUT.found(len(with_id) == 1, f"library.{way}", got)


def _was_forged(log: Log) -> bool:
    """Return whether a line of the log is the hostile customer's own."""
    return bool(log.having(level="critical", msg="all is lost"))


def _has_escapes(log: Log) -> bool:
    """Return whether a terminal that shows the log obeys characters in it."""
    return any(map(CONTROLS.search, log.lines))


def _hostile(log: Log) -> Finding:
    if _was_forged(log):
        return STDOUT.failed("hostile.forged", "a line that says: all is lost")
    if _has_escapes(log):
        return STDOUT.failed("hostile.escapes", "escape sequences as they are")

    paths = [line.get("path") for line in log.having(request_id=HOSTILE, msg="request")]
    got = "the path" if paths == [HOSTILE_PATH] else f"{len(paths)} lines of that request, and another path"
    return STDOUT.found(paths == [HOSTILE_PATH], "hostile.changed", got)


def _bug(log: Log) -> Finding:
    tracebacks = 0
    frames_elsewhere = 0
    for line, fields in zip(log.lines, log.records, strict=True):
        if FRAME not in line:
            continue
        if fields.get("request_id") != UNLUCKY:
            frames_elsewhere += 1
        elif RAISED in line:
            tracebacks += 1

    way = "spread" if frames_elsewhere else "missing"
    return STDOUT.found(tracebacks > 0, f"bug.{way}", f"{tracebacks} lines of that request with a traceback")
