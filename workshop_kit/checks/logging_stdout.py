"""The check of logging.stdout: send requests of several customers, and judge the lines of docker logs."""

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
"""The length to which a line is cut in a finding."""
REQUIRED = ("ts", "level", "logger", "msg")
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*(?:Z|[+-]\d\d:?\d\d)")
HONEST = ("honest-1", "honest-2", "honest-3", "honest-4")
HOSTILE = "hostile"
CURIOUS = "curious"
UNLUCKY = "unlucky"
"""The request ids of the customers: four honest ones, a hostile one, one with more fields, and one who meets a bug."""
FORGED = '{"level":"critical","msg":"all is lost"}'
HOSTILE_PATH = f"/orders/cheap\n{FORGED}\n\x1b[2J\x1b[31m\N{LINE SEPARATOR}"
"""A path with a line end and a forged line, an escape sequence, and U+2028."""
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
NICKNAME = 'the "Duke"\n\x1b[31m'
"""The name of the customer with more fields."""
FIELDS: Mapping[str, Any] = {
    "status": 207,
    "duration_ms": 1.5,
    "master_db_ms": 0.5,
    "order_id": 4711,
    "dependency": "redis",
    "problems": ["REDIS_HOST: Field required", "REDIS_PORT: Field required"],
}
"""Fields that the service logs, now or in a later lesson. The check adds one with a random name."""
FRAME = "faulty_inside.py"
RAISED = "KeyError"
"""The file and the exception that the traceback of the bug names."""


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
        return conclude(STDOUT.success_summary, stdout_findings(log, fields), trial.log_tail())


def _is_complete(log: Log) -> bool:
    """Return whether a log has the line of the last request."""
    return bool(log.having(request_id=UNLUCKY, msg="request"))


def stdout_findings(log: Log, fields: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Return the findings on the log of a service after the requests of all customers; one of them logged ``fields``.

    Nothing else is judged if the customers' lines are missing. If lines are no JSON objects, only the traces of the
    hostile customer are.
    """
    collected = _requests_finding(log)
    if not collected.passed:
        return (collected,)

    objects = _objects_finding(log)
    if not objects.passed:
        is_attacked = _was_forged(log) or _has_escapes(log)
        return (collected, objects, _hostile_finding(log)) if is_attacked else (collected, objects)

    required = _required_fields_finding(log)
    all_findings = [collected, objects, required]
    if required.passed:
        all_findings += [_fields_finding(log, fields), _library_finding(log)]
    return (*all_findings, _hostile_finding(log), _bug_finding(log))


def _requests_finding(log: Log) -> Finding:
    """Find whether standard output has lines of all honest customers."""
    requests = [name for name in HONEST if _has_line_with(log, name)]
    total = len(HONEST)
    observation = f"{len(log.lines)} lines; {len(requests)} of {total} requests are in them"

    way_to_fail = "some" if log.lines else "empty"
    if not requests and any(name in log.errors for name in HONEST):
        way_to_fail = "stderr"
    return STDOUT.found(len(requests) == total, f"collected.{way_to_fail}", observation, total=total)


def _has_line_with(log: Log, text: str) -> bool:
    """Return whether a line of the log has a text in it."""
    return any(text in line for line in log.lines)


def _objects_finding(log: Log) -> Finding:
    """Find whether all lines are JSON objects."""
    odd_lines = [line for line, fields in zip(log.lines, log.records, strict=True) if not fields]
    observation = f"{len(odd_lines)} of {len(log.lines)} lines are no JSON object"
    if odd_lines:
        first_line = visible(odd_lines[0][:SHOWN_CHARACTERS])
        observation += f"; the first: {first_line or 'an empty line'}"
    return STDOUT.found(not odd_lines, "objects", observation)


def _required_fields_finding(log: Log) -> Finding:
    """Find whether all lines have the required fields, and a time with a zone."""
    missing = [name for name in REQUIRED if _is_missing(log, name)]
    names = ", ".join(REQUIRED)
    if missing:
        return STDOUT.failed("required.missing", f"without {', '.join(missing)}", fields=names)

    times = [str(fields["ts"]) for fields in log.records]
    wrong_times = [time for time in times if not TIME.fullmatch(time)]
    if wrong_times:
        first_time = wrong_times[0][:SHOWN_CHARACTERS] or "empty"
        return STDOUT.failed("required.zone", f"ts is {first_time}", fields=names)
    return STDOUT.passed("required", "all of them", fields=names)


def _is_missing(log: Log, name: str) -> bool:
    """Return whether any record of the log lacks a field."""
    return any(name not in fields for fields in log.records)


def _fields_finding(log: Log, fields: Mapping[str, Any]) -> Finding:
    """Find whether the line that was logged with ``fields`` has all of them, with their values."""
    records = log.having(logger=TRIAL_LOGGER, msg="a trial")
    record = records[0] if records else {}
    total = len(fields)
    missing_names = [name for name in fields if name not in record]
    if missing_names:
        return STDOUT.failed("fields.dropped", f"without {', '.join(missing_names)}", total=total)

    changes: list[str] = []
    for name, value in fields.items():
        if not _is_same(record[name], value):
            logged_text = json.dumps(record[name])[:SHOWN_CHARACTERS]
            changes.append(f"{name} is {logged_text}")
    return STDOUT.found(not changes, "fields.changed", ", ".join(changes) or "all of them", total=total)


def _is_same(value: Any, expected: Any) -> bool:
    """Return whether two values are the same in JSON, where the number 207 is not "207", and true is not 1."""
    return json.dumps(value) == json.dumps(expected)


def _library_finding(log: Log) -> Finding:
    """Find whether a library's line is in the log once, with the id of the request."""
    lines = log.having(logger=LIBRARY_LOGGER, msg=f"asked by {NICKNAME}")
    way_to_fail = "id" if lines else "missing"
    with_id = [line for line in lines if line.get("request_id") == CURIOUS]
    observation = f"{len(with_id)} of {len(lines)} with the request's id"
    return STDOUT.found(len(with_id) == 1, f"library.{way_to_fail}", observation)


def _was_forged(log: Log) -> bool:
    """Return whether the log has the line that the hostile customer forged."""
    return bool(log.having(level="critical", msg="all is lost"))


def _has_escapes(log: Log) -> bool:
    """Return whether the log has control characters, which a terminal that shows it would obey."""
    return any(map(CONTROLS.search, log.lines))


def _hostile_finding(log: Log) -> Finding:
    """Find whether the hostile customer's path is in one line as it was sent, without effect on others."""
    if _was_forged(log):
        return STDOUT.failed("hostile.forged", "a line that says: all is lost")
    if _has_escapes(log):
        return STDOUT.failed("hostile.escapes", "escape sequences as they are")

    paths = [line.get("path") for line in log.having(request_id=HOSTILE, msg="request")]
    if paths == [HOSTILE_PATH]:
        return STDOUT.passed("hostile", "the path")
    return STDOUT.failed("hostile.changed", f"lines of that request: {len(paths)}, and another path")


def _bug_finding(log: Log) -> Finding:
    """Find whether the traceback of the bug is in a line of its request."""
    tracebacks = 0
    frames_elsewhere = 0
    for line, fields in zip(log.lines, log.records, strict=True):
        if FRAME not in line:
            continue
        if fields.get("request_id") != UNLUCKY:
            frames_elsewhere += 1
        elif RAISED in line:
            tracebacks += 1

    way_to_fail = "spread" if frames_elsewhere else "missing"
    return STDOUT.found(tracebacks > 0, f"bug.{way_to_fail}", f"a traceback in {tracebacks} of that request's lines")
