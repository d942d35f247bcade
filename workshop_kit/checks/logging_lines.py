"""The checks of logging.parse, logging.jq and logging.collector: do they lose a line of the log?"""

from __future__ import annotations

import json
import secrets
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from workshop_kit.engine import containers, recipes
from workshop_kit.engine.containers import Spec
from workshop_kit.engine.labels import COLLECT
from workshop_kit.errors import NotInTime, WorkshopError
from workshop_kit.observe.jq import JqOutput, jq
from workshop_kit.observe.logs import read_container
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import Context, check, handed_in, part
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.start_failure import crash_reason
from workshop_kit.trials.trial import MARK, NO_HEALTHCHECK, SMALL_LOG, fields_of, printed_json

PARSE = findings("logging.parse")
LOST = "logging.parse.odd.lost"
JQ = findings("logging.jq")
COLLECTOR = findings("logging.collector")


@check("logging.parse")
def parse(context: Context) -> Result:
    """Compare the lines, the rows and the odd lines with those of the live container."""
    with handed_in(context, "container") as (name, value):
        container = context.stack.session.engine.client.containers.get(name)
        lines = container.logs().decode().removesuffix("\n").split("\n")
        return judge_parse(value, lines, read_container(container))


def judge_parse(value: Any, lines: Sequence[str], frame: pd.DataFrame) -> Result:
    """Judge an answer by the lines of the container, and by the frame that the kit's reader makes of them."""
    odd = frame[frame["reason"].notna()]
    shown = PARSE.shown.format(lines=len(lines), odd=len(odd))
    return conclude(shown, _parse_findings(value, lines, odd))


def _parse_findings(value: Any, lines: Sequence[str], odd: pd.DataFrame) -> tuple[Finding, ...]:
    """Return the findings on an answer: rows are judged once the lines are right, and what is odd once the rows are.

    A line that is nowhere is told also where the number of lines is wrong.
    """
    counted = _count(part(value, "lines"), len(lines), "lines")
    odd_texts = _odd(part(value, "odd"), odd)
    if not counted.passed:
        return (counted, odd_texts) if odd_texts.key == LOST else (counted,)

    whole = Counter(lines) - Counter(odd["raw"].astype(str))
    rows = _rows(part(value, "rows"), [json.loads(line) for line in whole.elements()])
    return (counted, rows, odd_texts) if rows.passed else (counted, rows)


def _rows(rows: Any, right: Sequence[dict[str, Any]]) -> Finding:
    """Find whether the rows are those of the lines, in any order."""
    if not isinstance(rows, list | tuple):
        return PARSE.failed("rows.none", f"you have {rows!r}"[:MOST_COMPLAINT])

    counted = _count(len(rows), len(right), "rows")
    if not counted.passed:
        return counted
    missing = Counter(map(_canonical, right)) - Counter(map(_canonical, rows))
    wrong = missing.total()
    got = f"{len(rows) - wrong} of {len(rows)} rows are what their lines say"
    return PARSE.found(not wrong, "rows.values", got, wrong=wrong)


def _canonical(row: Any) -> str:
    return json.dumps(row, sort_keys=True)


def _count(count: Any, total: int, what: str) -> Finding:
    way = "more" if isinstance(count, int) and count > total else "fewer"
    got = f"you have {'none' if count in (None, 0) else count}"
    return PARSE.found(count == total, f"{what}.{way}", got, total=total)


def _odd(texts: Any, odd: pd.DataFrame) -> Finding:
    texts = [*map(str, texts)] if isinstance(texts, list | tuple) else []
    reason_of = dict(zip(odd["raw"].astype(str), odd["reason"].astype(str), strict=True))
    lost = Counter(odd["raw"].astype(str)) - Counter(texts)
    extra = Counter(texts) - Counter(odd["raw"].astype(str))

    counts = Counter(reason_of[text] for text in lost.elements()).most_common()
    reasons = ", ".join(f"{count} × {reason}" for reason, count in counts)
    way = "lost" if lost else "extra"
    got = f"{len(texts)} texts; {lost.total()} lines are missing, {extra.total()} texts are no odd line"
    return PARSE.found(not lost and not extra, f"odd.{way}", got, reasons=reasons)


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
    for line in _planted():
        lines.insert(secrets.randbelow(len(lines) + 1), line.encode())
    data = b"\n".join(lines) + b"\n"
    image = recipes.tags(context.stack.root)["collector"]
    began = time.monotonic()
    try:
        answer = jq(context.stack.session, image, context.text, data, "-R", "-r", max_bytes=MAX_BYTES)
    except NotInTime as late:
        context.waits.add("jq was not done", time.monotonic() - began)
        return conclude("", [JQ.failed("ended.endless", late.what)])
    complaints = answer.error[-MOST_OUTPUT:]

    if answer.exit_code == CANNOT_BE_READ:
        unreadable = JQ.failed("program", _first_line(answer.error))
        return Result.not_readable(unreadable.means, unreadable, output=complaints)

    records = list(map(fields_of, lines))
    failed = [record for record in records if _failed(record)]
    shown = JQ.shown.format(failed=len(failed), lines=len(lines))
    return conclude(shown, jq_findings(answer, failed, records), complaints)


def jq_findings(
    answer: JqOutput, failed: Sequence[dict[str, Any]], records: Sequence[dict[str, Any]]
) -> tuple[Finding, ...]:
    """Return the findings on jq's output. Without an end, or with complaints alone, there is no list to judge."""
    ended = _ended(answer)
    if not ended.passed and (answer.cut or not answer.output):
        return (ended,)
    return (ended, _complete(answer, failed), _only(answer, failed, records))


def _planted() -> list[str]:
    """Return lines that a log may have; the ids are new every time."""
    statuses: list[Any] = [500, 503, 599, 499, 200, "unknown", None, {"code": 503}, [503], True]
    requests = [{"msg": "request", "request_id": secrets.token_hex(8), "status": status} for status in statuses]
    cut = json.dumps({"status": 503, "request_id": secrets.token_hex(8)})[:-4]
    no_id = {"msg": "upstream answered", "status": 502}
    inside = {"msg": "request", "request_id": secrets.token_hex(8), "upstream": {"status": 503}, "status": 200}
    odd = ["Traceback (most recent call last):", cut, "", "42", '"status"', '["status", 503]', "null"]
    return [*map(json.dumps, [*requests, no_id, inside]), *odd]


def _failed(record: dict[str, Any]) -> bool:
    """Return whether a line is of a failed request: its status is a number from 500, and it has a request_id."""
    status = record.get("status")
    if not isinstance(status, int | float) or isinstance(status, bool):
        return False
    return status >= FAILED and isinstance(record.get("request_id"), str)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:MOST_COMPLAINT]


def _ended(answer: JqOutput) -> Finding:
    complaints = [line for line in answer.error.split("\n") if line]
    got = f"exit code {answer.exit_code}, {len(complaints)} complaints"
    if complaints:
        got += f"; the first: {_first_line(answer.error)}"
    if answer.cut:
        return JQ.failed("ended.endless", f"more than {MAX_BYTES:,} bytes")
    # The exit code speaks of the last line only.
    return JQ.found(answer.exit_code == 0 and not complaints, "ended.complaints", got)


def _complete(answer: JqOutput, failed: Sequence[dict[str, Any]]) -> Finding:
    missing = Counter(record["request_id"] for record in failed) - Counter(answer.output.split("\n"))
    if not missing:
        return JQ.passed("complete", f"all {len(failed)}")
    statuses = sorted({str(record["status"]) for record in failed if record["request_id"] in missing})
    got = f"{missing.total()} of {len(failed)} are missing; their status: {', '.join(statuses)}"
    return JQ.failed("complete", got)


def _only(answer: JqOutput, failed: Sequence[dict[str, Any]], records: Sequence[dict[str, Any]]) -> Finding:
    extra = Counter(answer.output.split("\n")[:-1]) - Counter(record["request_id"] for record in failed)
    statuses = {str(record.get("request_id")): record.get("status") for record in records}
    names = [f"{text or 'an empty line'} (status {json.dumps(statuses.get(text))})" for text in extra]
    got = ", ".join(names[:MOST_NAMES]) or "none"
    if len(names) > MOST_NAMES:
        got += f" and {len(names) - MOST_NAMES} more"
    return JQ.found(not extra, "only", got)


MODULE = "/app/collector/checkpoint.py"
PROGRAM = "/app/inside.py"
FOLDER = "/var/lib/collector"
INSIDE = Path(__file__).with_name("collector_inside.py")
DEADLINE_SECONDS = 15.0
MOST_LOG = 4096


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
    with containers.run(context.stack.session, service_trial.confined(context.stack, spec)) as running:
        began = time.monotonic()
        try:
            running.wait_ended(within_seconds=DEADLINE_SECONDS)
            counts = printed_json(running.log_tail())
        except (WorkshopError, ValueError) as failed:
            way = "crashed"
            if isinstance(failed, NotInTime):
                way = "endless"
                context.waits.add("the collector was not done", time.monotonic() - began)
            log = running.log_tail()
            finding = COLLECTOR.failed(f"runs.{way}", crash_reason(log) or "no lines")
            return Result.did_not_start(finding.means, finding, output=log[-MOST_LOG:])
    return conclude(COLLECTOR.shown, [_all_once(**counts)])


def _all_once(lost: int, twice: int, steps: int) -> Finding:
    way = "lost" if lost else "twice"
    is_once = lost == twice == 0
    return COLLECTOR.found(is_once, f"once.{way}", f"{lost} lost, {twice} twice", steps=steps)
