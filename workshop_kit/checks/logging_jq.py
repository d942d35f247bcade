"""The check of logging.jq: a program of jq over the service's latest lines, with odd lines among them."""

from __future__ import annotations

import json
import secrets
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from workshop_kit.engine import recipes
from workshop_kit.errors import NotInTime
from workshop_kit.observe.jq import JqOutput, jq
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.trial import fields_of

JQ = findings("logging.jq")
LATEST_LINES = 5000
FAILED = 500
MAX_BYTES = 1024 * 1024
"""More than all ids together; a program without an end is stopped there."""
MOST_OUTPUT = 800  # characters
MOST_COMPLAINT = 160
MOST_NAMES = 3
CANNOT_BE_READ = 3  # jq's exit code for a program that is none


@check("logging.jq")
def one_liner(context: Context) -> Result:
    """Run the participant's program over the service's latest lines, with odd lines among them."""
    lines = context.stack.container("service").logs(tail=LATEST_LINES).split(b"\n")[:-1]
    for line in _odd_lines():
        lines.insert(secrets.randbelow(len(lines) + 1), line.encode())
    data = b"\n".join(lines) + b"\n"

    image = recipes.tags(context.stack.root)["collector"]
    began = time.monotonic()
    try:
        answer = jq(context.stack.session, image, context.text, data, "-R", "-r", max_bytes=MAX_BYTES)
    except NotInTime as error:
        context.waits.add("jq was not done", time.monotonic() - began)
        return conclude("", [JQ.failed("ended.endless", error.what)])

    complaints = answer.error[-MOST_OUTPUT:]

    if answer.exit_code == CANNOT_BE_READ:
        unreadable = JQ.failed("program", _first_line(answer.error))
        return Result.not_readable(unreadable.means, unreadable, output=complaints)

    records = list(map(fields_of, lines))
    failures = [record for record in records if _is_failure(record)]
    shown = JQ.shown.format(failed=len(failures), lines=len(lines))
    return conclude(shown, jq_findings(answer, failures, records), complaints)


def jq_findings(
    answer: JqOutput, failures: Sequence[dict[str, Any]], records: Sequence[dict[str, Any]]
) -> tuple[Finding, ...]:
    """Return the findings on jq's output. Without an end, or with complaints alone, there is no list to judge."""
    ended = _ended(answer)
    if not ended.passed and (answer.cut or not answer.output):
        return (ended,)
    return (ended, _complete(answer, failures), _only(answer, failures, records))


def _odd_lines() -> list[str]:
    """Return lines that a log may have; the ids are new every time."""
    statuses: list[Any] = [500, 503, 599, 499, 200, "unknown", None, {"code": 503}, [503], True]
    requests = [{"msg": "request", "request_id": secrets.token_hex(8), "status": status} for status in statuses]
    cut_line = json.dumps({"status": 503, "request_id": secrets.token_hex(8)})[:-4]
    without_id = {"msg": "upstream answered", "status": 502}
    nested = {"msg": "request", "request_id": secrets.token_hex(8), "upstream": {"status": 503}, "status": 200}

    objects = [json.dumps(record) for record in (*requests, without_id, nested)]
    no_objects = ["Traceback (most recent call last):", cut_line, "", "42", '"status"', '["status", 503]', "null"]
    return [*objects, *no_objects]


def _is_failure(record: dict[str, Any]) -> bool:
    """Return whether a line is of a failed request: its status is a number from 500, and it has a request_id."""
    status = record.get("status")
    if not isinstance(status, int | float) or isinstance(status, bool):
        return False
    return status >= FAILED and isinstance(record.get("request_id"), str)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:MOST_COMPLAINT]


def _ended(answer: JqOutput) -> Finding:
    if answer.cut:
        return JQ.failed("ended.endless", f"more than {MAX_BYTES:,} bytes")

    complaints = [line for line in answer.error.split("\n") if line]
    got = f"exit code {answer.exit_code}, {len(complaints)} complaints"
    if complaints:
        got += f"; the first: {_first_line(answer.error)}"
    # The exit code speaks of the last line only.
    return JQ.found(answer.exit_code == 0 and not complaints, "ended.complaints", got)


def _complete(answer: JqOutput, failures: Sequence[dict[str, Any]]) -> Finding:
    missing_ids = Counter(record["request_id"] for record in failures) - Counter(answer.output.split("\n"))
    if not missing_ids:
        return JQ.passed("complete", f"all {len(failures)}")

    statuses = sorted({str(record["status"]) for record in failures if record["request_id"] in missing_ids})
    got = f"{missing_ids.total()} of {len(failures)} are missing; their status: {', '.join(statuses)}"
    return JQ.failed("complete", got)


def _only(answer: JqOutput, failures: Sequence[dict[str, Any]], records: Sequence[dict[str, Any]]) -> Finding:
    extra_lines = Counter(answer.output.split("\n")[:-1]) - Counter(record["request_id"] for record in failures)
    statuses = {str(record.get("request_id")): record.get("status") for record in records}
    names = [f"{line or 'an empty line'} (status {json.dumps(statuses.get(line))})" for line in extra_lines]

    got = ", ".join(names[:MOST_NAMES]) or "none"
    if len(names) > MOST_NAMES:
        got += f" and {len(names) - MOST_NAMES} more"
    return JQ.found(not extra_lines, "only", got)
