"""The checks of logging.parse, logging.jq and logging.collector: do they lose a line of the log?"""

from __future__ import annotations

import json
import secrets
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from workshop_kit.engine import containers, recipes
from workshop_kit.engine.containers import Spec
from workshop_kit.engine.labels import COLLECT
from workshop_kit.errors import NotInTime, WorkshopError
from workshop_kit.exercises.check_api import Context, check, handed_in, part
from workshop_kit.exercises.result import Finding, Result, conclude, equals, found, has_none
from workshop_kit.exercises.trial import MARK, NO_HEALTHCHECK, SMALL_LOG, fields_of, printed_json
from workshop_kit.observe.jq import JqOutput, jq
from workshop_kit.observe.logs import read_container

READ = "docker logs, read to its end with the kit's own reader"


@check("logging.parse")
def parse(context: Context) -> Result:
    """Compare the counts and the odd lines with those of the live container."""
    with handed_in(context, "container") as (container, value):
        return judge_parse(value, read_container(context.stack.session.engine.client.containers.get(container)))


def judge_parse(value: Any, frame: pd.DataFrame) -> Result:
    """Judge an answer by the lines as the kit's reader has them."""
    odd = frame[frame["reason"].notna()]
    said, lines, rows = (part(value, name) for name in ("odd", "lines", "rows"))
    more = isinstance(lines, int) and lines > len(frame)
    whole = len(frame) - len(odd)
    findings = (
        found(
            lines == len(frame),
            READ,
            f"you counted {lines or 'no'} lines",
            "as many as the container wrote",
            f"{'More' if more else 'Not as many'} lines than there are: {len(frame)}.",
            "What ends a line? In a log only a newline does; splitlines() knows ten more.",
        ),
        found(
            rows == whole,
            READ,
            f"you have {rows or 'no'} rows",
            "one for each line that is a JSON object, and says all of it",
            f"{whole} lines are whole JSON objects. A row too many hides a line that is not what it seems.",
            "Does json.loads accept NaN? A number? A key that comes twice? Of two values, it keeps one.",
        ),
        _odd([*map(str, said)] if isinstance(said, list | tuple) else [], odd),
    )
    shown = f"Of {len(frame)} lines none is lost: {len(odd)} fit no table, and you have each of them."
    return conclude(shown, findings, symptom="Some of what the container said is nowhere, and nobody would ever know.")


def _odd(texts: list[str], odd: pd.DataFrame) -> Finding:
    why = dict(zip(odd["raw"].astype(str), odd["reason"].astype(str), strict=True))
    missing = Counter(odd["raw"].astype(str)) - Counter(texts)
    too_many = Counter(texts) - Counter(odd["raw"].astype(str))
    means = "Among the odd lines are lines that are fine, or halves of lines."
    if missing:
        reasons = Counter(why[text] for text in missing.elements()).most_common()
        means = f"Without a trace: {', '.join(f'{count} × {reason}' for reason, count in reasons)}."
    return found(
        not missing and not too_many,
        READ,
        f"{len(texts)} odd lines; {too_many.total()} of them are not odd, or no line of this log",
        "the text of every line that is no row, to the letter",
        means,
        "Where does a line go that json.loads refuses, or that is no dict?",
    )


LATEST_LINES = 5000
FAILED = 500
MAX_BYTES = 1024 * 1024
"""More than all ids together; a program without an end is stopped there."""
MOST_OUTPUT = 800  # characters
CANNOT_BE_READ = 3  # jq's exit code for a program that is none
JQ = "docker logs SERVICE | jq -R -r -f find.jq, with some lines planted"


@check("logging.jq")
def one_liner(context: Context) -> Result:
    """Run the participant's program over the service's latest lines, with odd lines among them."""
    lines = context.stack.container("service").logs(tail=LATEST_LINES).split(b"\n")[:-1]
    for line in _planted():
        lines.insert(secrets.randbelow(len(lines) + 1), line.encode())
    data = b"\n".join(lines) + b"\n"
    image = recipes.tags(context.stack.root)["collector"]
    answer = jq(context.stack.session, image, context.text, data, "-R", "-r", max_bytes=MAX_BYTES)
    said = answer.error[-MOST_OUTPUT:]
    if answer.exit_code == CANNOT_BE_READ:
        means, look = "jq cannot read this program.", "Read what jq says."
        finding = Finding(False, JQ, means, "the ids of failed requests", means, look)
        return Result.not_readable(means, finding, output=said)
    records = list(map(fields_of, lines))
    truth = [record for record in records if _failed(record)]
    shown = f"{len(truth)} failed requests among {len(lines):,} lines, and no line could stop you."
    return conclude(shown, (_ended(answer), _complete(answer, truth), _only(answer, truth, records)), said)


def _planted() -> list[str]:
    """Return lines that a log may have; the ids are new every time."""
    statuses: list[Any] = [500, 503, 599, 499, 200, "unknown", None, {"code": 503}, [503], True]
    requests = [{"msg": "request", "request_id": secrets.token_hex(8), "status": status} for status in statuses]
    cut = json.dumps({"status": 503, "request_id": secrets.token_hex(8)})[:-4]
    no_id = {"msg": "upstream answered", "status": 502}
    odd = ["Traceback (most recent call last):", cut, "", "42", '"status"', '["status", 503]', "null"]
    return [*map(json.dumps, [*requests, no_id]), *odd]


def _failed(record: dict[str, Any]) -> bool:
    """Return whether a line is of a failed request: its status is a number from 500, and it has a request_id."""
    status = record.get("status")
    if not isinstance(status, int | float) or isinstance(status, bool):
        return False
    return status >= FAILED and isinstance(record.get("request_id"), str)


def _ended(answer: JqOutput) -> Finding:
    complaints = [line for line in answer.error.split("\n") if line]
    first = f", first: {complaints[0][:160]}" if complaints else ""
    return found(
        answer.exit_code == 0 and not complaints,  # the exit code speaks of the last line only
        JQ,
        f"exit code {answer.exit_code}, {len(complaints)} complaints{first}",
        "exit code 0, and no complaint",
        "jq failed on lines that are not what it expects: it writes about them, and not about what you asked.",
        "Not every line is JSON, and not all JSON is an object: what does ? do after fromjson, and what does objects?",
    )


def _complete(answer: JqOutput, truth: list[dict[str, Any]]) -> Finding:
    missing = Counter(record["request_id"] for record in truth) - Counter(answer.output.split("\n"))
    statuses = sorted({str(record["status"]) for record in truth if record["request_id"] in missing})
    return found(
        not missing,
        JQ,
        f"{missing.total()} of {len(truth)} failed requests are missing; their status: {', '.join(statuses) or 'none'}",
        "the request_id of every request whose status is 500 or more",
        "Customers were refused, and your list misses them.",
        "Is 500 itself in? Does a line that cannot be read keep the next ones from being read?",
    )


def _only(answer: JqOutput, truth: list[dict[str, Any]], records: list[dict[str, Any]]) -> Finding:
    too_many = Counter(answer.output.split("\n")[:-1]) - Counter(record["request_id"] for record in truth)
    statuses = {str(record.get("request_id")): record.get("status") for record in records}
    return has_none(
        [f"{text or 'an empty line'} (status {json.dumps(statuses.get(text))})" for text in too_many],
        f"{JQ}: ids of requests that did not fail",
        "It reports failures that there were not: to jq, any text is more than any number, and so is any object.",
        "Ask for numbers before you compare. And what is to be said where there is no request_id?",
    )


MODULE, PROGRAM, FOLDER = "/app/collector/checkpoint.py", "/app/inside.py", "/var/lib/collector"
INSIDE = Path(__file__).with_name("collector_inside.py")
DEADLINE_SECONDS = 15.0


@check("logging.collector")
def collector(context: Context) -> Result:
    """Let the collector die with the participant's checkpoint.py before each step of a commit, and count its lines."""
    context.report_step("killing a collector at each step that it takes")
    spec = Spec(
        recipes.tags(context.stack.root)["collector"],
        entrypoint=("python3", PROGRAM),
        command=(MARK,),
        volumes=("/app", FOLDER),
        files={MODULE: context.text, PROGRAM: INSIDE.read_text()},
        network="none",
        labels={COLLECT: "no"},
        pids=50,
        healthcheck=NO_HEALTHCHECK,
        host={"LogConfig": SMALL_LOG},
    )
    with containers.run(context.stack.session, spec) as running:
        began = time.monotonic()
        try:
            running.wait_ended(within_seconds=DEADLINE_SECONDS)
            counts = printed_json(running.log_tail())
        except (WorkshopError, ValueError) as failed:
            if isinstance(failed, NotInTime):
                context.waits.add("the collector was not done", time.monotonic() - began)
            means = "It did not collect: its methods could not be called, or did not come to an end."
            called, look = "Run the collector with your checkpoint.py", "Read its last lines."
            finding = Finding(False, called, "no lines", "it collects", means, look)
            return Result.did_not_start(means, finding, output=running.log_tail()[-4096:])
    return conclude("Whenever it dies, every line is there once.", [_all_once(**counts)])


def _all_once(lost: int, twice: int, steps: int) -> Finding:
    means = "Lines came twice: a part had them already, and the checkpoint did not know."
    if lost:
        means = "Lines were read, then the collector died. The checkpoint said that they are safe, and they were in "
        means += "no part."
    return equals(
        f"Death before each of {steps} steps that it takes to commit",
        f"{lost} lost, {twice} twice",
        "0 lost, 0 twice",
        means,
        "What is on the disk, and what only in memory, when the checkpoint says how far we are?",
    )
