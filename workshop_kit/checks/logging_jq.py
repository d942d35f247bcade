"""The check of logging.jq: the participant's jq program, over the service's latest lines with odd ones among them."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import Any

from workshop_kit.engine import recipes
from workshop_kit.errors import NotInTime
from workshop_kit.observe.jq import MAX_BYTES, jq
from workshop_kit.trials.check_api import check
from workshop_kit.trials.expect import Observation, expect, require
from workshop_kit.trials.service import Service
from workshop_kit.trials.trial import fields_of

LATEST_LINES = 5000
FAILED = 500
MOST_COMPLAINT = 160
MOST_NAMES = 3
CANNOT_BE_READ = 3  # jq's exit code for a program with a syntax error
COMMAND = "docker logs SERVICE 2>&1 | jq -R -r -f find.jq"


@check("logging.jq")
def one_liner(service: Service) -> None:
    """Every request that failed is found among thousands of lines, and no line could stop you."""
    lines = latest_lines(service)
    began = time.monotonic()

    def seen(got: str) -> Observation:
        return Observation(f"{COMMAND}, with some odd lines", got, time.monotonic() - began)

    stack = service.context.stack
    image = recipes.tags(stack.root)["collector"]
    data = "".join(f"{line}\n" for line in lines).encode()

    def never_ends(got: str) -> None:
        require(
            False,
            seen=seen(got),
            expected="an end",
            means="It does not come to an end, and had to be stopped.",
            look="Which expression never ends? Some, such as repeat and range(infinite), make results for ever.",
        )

    try:
        answer = jq(stack.session, image, service.context.text, data, "-R", "-r")
    except NotInTime as error:
        never_ends(error.what)
        return
    if answer.cut:
        never_ends(f"more than {MAX_BYTES:,} bytes")

    complaint, _, _ = answer.error.strip().partition("\n")
    complaint = complaint[:MOST_COMPLAINT] or "no complaint"
    ended = seen(f"exit code {answer.exit_code}; {complaint}")
    require(
        answer.exit_code != CANNOT_BE_READ,
        seen=ended,
        expected="a program that jq can read",
        means="jq cannot read this program.",
        look="jq names the place; often a bracket or a | is missing.",
    )
    require(
        answer.exit_code == 0 and not answer.error.strip(),  # the exit code alone is that of the last line
        seen=ended,
        expected="exit code 0, and no complaint",
        means="jq failed on lines that are not what it expects: it writes about them, and not about what you asked.",
        look="Not every line is JSON, and not all JSON is an object: what does ? do after fromjson, and objects?",
        hint=2,
    )
    only_failures(lines, answer.output.split("\n")[:-1], ended)


def latest_lines(service: Service) -> list[str]:
    """Return the latest lines of the stack's service, with odd ones at places by chance."""
    log = service.context.stack.container("service").logs(tail=LATEST_LINES)
    lines: list[str] = log.decode(errors="replace").split("\n")[:-1]
    for line in odd_lines(service):
        lines.insert(service.random.randint(0, len(lines)), line)
    return lines


def odd_lines(service: Service) -> list[str]:
    """Return unusual lines that a log may have."""

    def request(status: Any, **fields: Any) -> dict[str, Any]:
        return {"msg": "request", "request_id": service.random.randbytes(8).hex(), "status": status, **fields}

    statuses = [500, 503, 599, 600, 499, 200, 5, "unknown", None, {"code": 503}, [503], True]
    records = [*map(request, statuses), request(200, upstream={"status": 503})]
    records.append({"msg": "upstream answered", "status": 502})
    cut_line = json.dumps(request(503))[:-4]
    no_objects = ["Traceback (most recent call last):", cut_line, "", "42", '"status"', '["status", 503]', "null"]
    return [*map(json.dumps, records), *no_objects]


def is_failure(record: dict[str, Any]) -> bool:
    """Return whether a line is of a request that failed: its status is a number from 500, and it has an id."""
    status = record.get("status")
    if not isinstance(status, int | float) or isinstance(status, bool):
        return False
    return status >= FAILED and isinstance(record.get("request_id"), str)


def only_failures(lines: list[str], output: list[str], ended: Observation) -> None:
    """Expect the ids of all failed requests in the output, and nothing else."""
    records = [fields_of(line) for line in lines]
    ids = Counter(record["request_id"] for record in filter(is_failure, records))
    status_by_id = {record.get("request_id"): record.get("status") for record in records}

    missing = ids - Counter(output)
    statuses = {str(status_by_id[request_id]) for request_id in missing}
    got = f"{missing.total()} of {ids.total()} are missing"
    if missing:
        got += f"; their status: {', '.join(sorted(statuses))}"
    expect(
        not missing,
        seen=Observation("Look for the id of each request whose status is 500 or more", got, ended.seconds),
        expected="all of them",
        means="Requests have failed, and your list does not have them.",
        look="Is 500 itself in, and 600? Does a condition on another field leave requests out?",
    )

    extra = Counter(output) - ids
    names = [f"{line or 'an empty line'} (status {json.dumps(status_by_id.get(line))})" for line in extra]
    expect(
        not extra,
        seen=Observation("Look for other lines", ", ".join(names[:MOST_NAMES]) or "none", ended.seconds),
        expected="none",
        means="It reports failures that there were not. To jq any text is more than any number, and so is any object.",
        look="`numbers` lets only numbers pass. What has no request_id gives null: `strings` lets only texts pass.",
        hint=2,
    )
