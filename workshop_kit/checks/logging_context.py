"""The check of logging.context: several requests at the same time, and the request id of each in the log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from workshop_kit.checks.logging_service import LIBRARY_LOGGER, ORDERS, Log, ask, read_log, run
from workshop_kit.observe.http import Answer
from workshop_kit.patience import patient
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.findings import findings, until_failed
from workshop_kit.trials.result import Finding, Result, conclude

CONTEXT = findings("logging.context")
AT_ONCE = 8
OTHERS_SECONDS = 2.0
"""How long a request waits for the others to come."""
LIBRARY = "a library"
WRITERS = {
    "itself": "the service",
    LIBRARY: "a library",
    "a thread": "a thread of the request",
    "an exception": "code that caught an exception",
}
"""What logged a line of logging_inside.py, by the line's field ``by``."""
QUEUE = "the queue"


@check("logging.context")
def request_context(context: Context) -> Result:
    """Send several requests at once, while a background task of the service logs, too; read ``docker logs``."""
    ids = {f"customer-{number}": f"id-{number}" for number in range(AT_ONCE)}
    with run(context) as trial:
        context.report_step(f"asking as {AT_ONCE} customers at once")
        ask(trial, "id-of-the-first", "beat")

        def ask_as(customer: str) -> Answer:
            return ask(trial, ids[customer], "crowd", who=customer, seconds=patient(OTHERS_SECONDS))

        def is_complete(log: Log) -> bool:
            return _last_lines_finding(log, ids).passed

        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(ask_as, ids))
        log = read_log(trial, is_complete)
        return conclude(CONTEXT.success_summary, context_findings(answers, log, ids), trial.log_tail())


def context_findings(answers: Sequence[Answer], log: Log, ids: Mapping[str, str]) -> tuple[Finding, ...]:
    """Return the findings on simultaneous requests, up to the first that failed: later failures follow from it."""

    def all_findings() -> Iterator[Finding]:
        yield _answers_finding(answers, log)
        for writer in WRITERS:
            yield _lines_finding(writer, log, ids)
        yield _last_lines_finding(log, ids)
        yield _background_finding(log)

    return until_failed(all_findings())


def _answers_finding(answers: Sequence[Answer], log: Log) -> Finding:
    """Find whether all requests were answered, and at the same time: none had to wait in a queue."""
    total = len(answers)
    errors = [answer for answer in answers if answer.status != 200]
    observation = f"{total - len(errors)} of {total} are answered with 200"
    if errors:
        observation += f"; another one: {errors[0]}"
        return CONTEXT.failed("answered.failed", observation, total=total)

    is_queue = bool(log.having(by=QUEUE))
    if is_queue:
        observation += ", one after the other"
    return CONTEXT.found(not is_queue, "answered.queue", observation, total=total)


def _lines_finding(writer: str, log: Log, ids: Mapping[str, str]) -> Finding:
    """Find whether the lines of one writer have the id of their request; ``ids`` are the requests' by customer."""
    own_count = 0
    other_count = 0
    for customer, own_id in ids.items():
        logged_ids = _logged_ids(log, customer, writer)
        if logged_ids == {own_id}:
            own_count += 1
        if logged_ids - {own_id, None}:
            other_count += 1

    way_to_fail = "thread" if writer == "a thread" else "lost"
    observation = f"{own_count} of {len(ids)} have their own id"
    if other_count:
        way_to_fail = "another"
        observation += f", {other_count} that of another"
    is_right = own_count == len(ids)
    return CONTEXT.found(is_right, f"logged.{way_to_fail}", observation, total=len(ids), writer=WRITERS[writer])


def _logged_ids(log: Log, customer: str, writer: str) -> set[str | None]:
    """Return the request ids in the lines that a writer logged for a customer; None for a line without an id."""
    fields = {"who": customer, "by": writer}
    if writer == LIBRARY:
        fields = {"logger": LIBRARY_LOGGER, "msg": f"asked by {customer}"}
    return {line.get("request_id") for line in log.having(**fields)}


def _last_lines_finding(log: Log, ids: Mapping[str, str]) -> Finding:
    """Find whether each request has one line at its end, with its id."""
    last_lines = [log.having(msg="request", route=ORDERS, request_id=own_id) for own_id in ids.values()]
    single_lines = [lines for lines in last_lines if len(lines) == 1]
    count = len(single_lines)
    return CONTEXT.found(count == len(ids), "ended", f"{count} of {len(ids)} ids have one")


def _background_finding(log: Log) -> Finding:
    """Find whether the lines of the background task exist, and have no request's id."""
    beats = log.having(msg="beat")
    with_id = [beat for beat in beats if "request_id" in beat]
    observation = f"{len(with_id)} of {len(beats)} have the id of a request"
    return CONTEXT.found(bool(beats) and not with_id, "background", observation)
