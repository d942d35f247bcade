"""The check of logging.stdout: requests of several customers, and what docker logs has then."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from workshop_kit.checks.logging_service import LIBRARY_LOGGER, TRIAL_LOGGER, Log, ask, read_log, run
from workshop_kit.screen import visible
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude

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
