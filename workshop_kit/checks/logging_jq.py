"""The check of logging.jq: run the participant's jq program over the service's latest lines, with odd ones added."""

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
"""The limit of the output, more than all ids together: a program that never ends is stopped there."""
MOST_OUTPUT = 800  # characters
MOST_COMPLAINT = 160
MOST_NAMES = 3
CANNOT_BE_READ = 3  # jq's exit code for a program with a syntax error


@check("logging.jq")
def one_liner(context: Context) -> Result:
    """Run the participant's program over the service's latest lines, with odd lines among them."""
    lines = _latest_lines(context)
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
    summary = JQ.success_summary.format(failed=len(failures), lines=len(lines))
    return conclude(summary, jq_findings(answer, failures, records), complaints)


def jq_findings(
    answer: JqOutput, failures: Sequence[dict[str, Any]], records: Sequence[dict[str, Any]]
) -> tuple[Finding, ...]:
    """Return the findings on jq's output; only on its end if the program did not end, or printed nothing but errors."""
    ended = _end_finding(answer)
    if not ended.passed and (answer.cut or not answer.output):
        return (ended,)
    return (ended, _missing_ids_finding(answer, failures), _extra_lines_finding(answer, failures, records))


def _latest_lines(context: Context) -> list[bytes]:
    """Return the latest lines of the service's log, with odd lines at random places."""
    log = context.stack.container("service").logs(tail=LATEST_LINES)
    lines: list[bytes] = log.split(b"\n")[:-1]
    for line in _odd_lines():
        place = secrets.randbelow(len(lines) + 1)
        lines.insert(place, line.encode())
    return lines


def _odd_lines() -> list[str]:
    """Return unusual lines that a log may have; the request ids in them are new at each call."""
    statuses: list[Any] = [500, 503, 599, 499, 200, "unknown", None, {"code": 503}, [503], True]
    requests = [{"msg": "request", "request_id": secrets.token_hex(8), "status": status} for status in statuses]
    cut_line = json.dumps({"status": 503, "request_id": secrets.token_hex(8)})[:-4]
    without_id = {"msg": "upstream answered", "status": 502}
    nested = {"msg": "request", "request_id": secrets.token_hex(8), "upstream": {"status": 503}, "status": 200}

    objects = [json.dumps(record) for record in (*requests, without_id, nested)]
    no_objects = ["Traceback (most recent call last):", cut_line, "", "42", '"status"', '["status", 503]', "null"]
    return [*objects, *no_objects]


def _is_failure(record: dict[str, Any]) -> bool:
    """Return whether the fields of a line are a failed request's: the status is a number from 500, and it has an id."""
    status = record.get("status")
    if not isinstance(status, int | float) or isinstance(status, bool):
        return False
    return status >= FAILED and isinstance(record.get("request_id"), str)


def _first_line(text: str) -> str:
    """Return the first line of an error text, shortened for a finding."""
    line, _, _ = text.strip().partition("\n")
    return line[:MOST_COMPLAINT]


def _end_finding(answer: JqOutput) -> Finding:
    """Find whether jq ended by itself, without an error."""
    if answer.cut:
        return JQ.failed("ended.endless", f"more than {MAX_BYTES:,} bytes")

    complaints = [line for line in answer.error.split("\n") if line]
    observation = f"exit code {answer.exit_code}, {len(complaints)} complaints"
    if complaints:
        observation += f"; the first: {_first_line(answer.error)}"
    # The exit code alone is not enough: it is that of the last line.
    return JQ.found(answer.exit_code == 0 and not complaints, "ended.complaints", observation)


def _missing_ids_finding(answer: JqOutput, failures: Sequence[dict[str, Any]]) -> Finding:
    """Find whether the output has the ids of all failed requests."""
    ids = Counter(record["request_id"] for record in failures)
    missing_ids = ids - Counter(answer.output.split("\n"))
    if not missing_ids:
        return JQ.passed("complete", f"all {len(failures)}")

    statuses = {str(record["status"]) for record in failures if record["request_id"] in missing_ids}
    status_text = ", ".join(sorted(statuses))
    return JQ.failed("complete", f"{missing_ids.total()} of {len(failures)} are missing; their status: {status_text}")


def _extra_lines_finding(
    answer: JqOutput, failures: Sequence[dict[str, Any]], records: Sequence[dict[str, Any]]
) -> Finding:
    """Find whether the output has no lines but the ids of failed requests."""
    ids = Counter(record["request_id"] for record in failures)
    extra_lines = Counter(answer.output.split("\n")[:-1]) - ids

    status_by_id = {str(record.get("request_id")): record.get("status") for record in records}
    names: list[str] = []
    for line in extra_lines:
        status = json.dumps(status_by_id.get(line))
        names.append(f"{line or 'an empty line'} (status {status})")

    observation = ", ".join(names[:MOST_NAMES]) or "none"
    if len(names) > MOST_NAMES:
        observation += f" and {len(names) - MOST_NAMES} more"
    return JQ.found(not extra_lines, "only", observation)
