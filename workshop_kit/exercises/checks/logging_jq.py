"""The check of lesson 03 on jq: the real one, over the live service's log, with lines in it that a log may have."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from typing import Any

from workshop_kit.engine import images
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises.check_api import Context, CheckResult, check, found
from workshop_kit.exercises.result import Finding, Verdict
from workshop_kit.observe.jq import Answer, jq
from workshop_kit.progress import Step

LINES = 5000
"""So many of the service's own, the latest, are read."""
FAILED = 500
MAX_BYTES = 1024 * 1024
"""More than all ids together; a program that has no end is stopped there."""
MOST_OUTPUT = 800  # characters
CANNOT_BE_READ = 3  # jq's exit code for a program that is none
CALLED = "docker logs SERVICE | jq -R -r -f find.jq, with some lines planted"


@check("logging.jq")
def one_liner(context: Context) -> CheckResult:
    """Run the participant's program over the service's latest lines and some that no service should write."""
    context.report(Step("Check", None, "running jq over the service's log"))
    lines = context.stack.container("service").logs(tail=LINES).split(b"\n")[:-1]
    for line in planted():
        lines.insert(secrets.randbelow(len(lines) + 1), line.encode())
    data = b"\n".join(lines) + b"\n"
    image = images.tags(context.stack.root)["collector"]
    try:
        answer = jq(context.stack.session, image, context.text, data, "-R", "-r", max_bytes=MAX_BYTES)
    except WorkshopError as error:
        return _nothing(error.what, "", Verdict.WRONG)
    return compared(answer, lines)


def compared(answer: Answer, lines: list[bytes]) -> CheckResult:
    """Hold what jq said against the lines that it had."""
    if answer.exit_code == CANNOT_BE_READ:
        return _nothing("jq cannot read this program.", answer.error, Verdict.NOT_READABLE)
    truth = [record for record in map(_record, lines) if record and failed(record)]
    findings = (_ended(answer), _complete(answer, truth), _only(answer, truth, lines))
    if all(finding.passed for finding in findings):
        return CheckResult(f"{len(truth)} failed requests among {len(lines):,} lines, and no line could stop you.", findings)
    return CheckResult(
        next(finding.means for finding in findings if not finding.passed), findings, output=answer.error[-MOST_OUTPUT:]
    )


def planted() -> list[str]:
    """Lines as logs have them; the ids are new every time."""
    statuses: list[Any] = [500, 503, 599, 499, 200, "unknown", None, {"code": 503}, [503], True]
    requests = [{"msg": "request", "request_id": secrets.token_hex(8), "status": status} for status in statuses]
    cut = json.dumps({"status": 503, "request_id": secrets.token_hex(8)})[:-4]
    nobody = {"msg": "upstream answered", "status": 502}
    odd = ["Traceback (most recent call last):", cut, "", "42", '"status"', '["status", 503]', "null"]
    return [*map(json.dumps, [*requests, nobody]), *odd]


def failed(record: dict[str, Any]) -> bool:
    """Whether a line tells of a request that failed: its status is a number from 500, and it says which request."""
    status = record.get("status")
    if not isinstance(status, int | float) or isinstance(status, bool):
        return False
    return status >= FAILED and isinstance(record.get("request_id"), str)


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _ended(answer: Answer) -> Finding:
    complaints = [line for line in answer.error.split("\n") if line]
    said = f"exit code {answer.exit_code}, {len(complaints)} complaints"
    return found(
        answer.exit_code == 0 and not complaints,  # the exit code speaks of the last line only
        CALLED,
        f"{said}, first: {complaints[0][:160]}" if complaints else said,
        "exit code 0, and no complaint",
        "jq failed on lines that are not what it expects: it writes about them, and not about what you asked.",
        "Not every line is JSON, and not all JSON is an object: what does ? do after fromjson, and what does objects?",
    )


def _complete(answer: Answer, truth: list[dict[str, Any]]) -> Finding:
    missing = Counter(record["request_id"] for record in truth) - Counter(answer.output.split("\n"))
    lost = next((record for record in truth if record["request_id"] in missing), {})
    return found(
        not missing,
        CALLED,
        f"{sum(missing.values())} of {len(truth)} failed requests are missing"
        + (f", one with status {lost.get('status')}" if lost else ""),
        "the request_id of every request whose status is 500 or more",
        "Customers were refused, and nobody looks for them.",
        "Is 500 itself in? Does a line that cannot be read keep the next ones from being read?",
    )


def _only(answer: Answer, truth: list[dict[str, Any]], lines: list[bytes]) -> Finding:
    too_many = Counter(answer.output.split("\n")[:-1]) - Counter(record["request_id"] for record in truth)
    statuses = {record.get("request_id"): record.get("status") for record in map(_record, lines) if record}
    named = [f"{text or 'an empty line'} (status {json.dumps(statuses.get(text))})" for text in too_many]
    return found(
        not too_many,
        CALLED,
        f"{sum(too_many.values())} that did not fail: {', '.join(named[:3])}" if too_many else "nothing else",
        "nothing else",
        "It reports failures that there were not: to jq, any text is more than any number, and so is any object.",
        "Ask for numbers before you compare. And what is to be said where there is no request_id?",
    )


def _nothing(means: str, output: str, verdict: Verdict) -> CheckResult:
    finding = Finding(False, CALLED, means, "the ids of failed requests", means, "Read what jq says.")
    return CheckResult(means, (finding,), verdict, output[-MOST_OUTPUT:])
