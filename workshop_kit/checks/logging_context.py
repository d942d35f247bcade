"""The check of logging.context: requests at once, and the request id of each in the log."""

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
"""How long a request waits for another one to come."""
LIBRARY = "a library"
WRITERS = {
    "itself": "the service",
    LIBRARY: "a library",
    "a thread": "a thread of the request",
    "an exception": "code that caught an exception",
}
"""The field ``by`` of a line that logging_inside.py writes, and what has logged it."""
QUEUE = "the queue"


@check("logging.context")
def request_context(context: Context) -> Result:
    """Send several requests at once, while the service also works for no request; read ``docker logs``."""
    ids = {f"customer-{number}": f"id-{number}" for number in range(AT_ONCE)}
    with run(context) as trial:
        context.report_step(f"asking as {AT_ONCE} customers at once")
        ask(trial, "id-of-the-first", "beat")

        def ask_as(customer: str) -> Answer:
            return ask(trial, ids[customer], "crowd", who=customer, seconds=patient(OTHERS_SECONDS))

        def is_complete(log: Log) -> bool:
            return _ended(log, ids).passed

        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(ask_as, ids))
        log = read_log(trial, is_complete)
        return conclude(CONTEXT.shown, context_findings(answers, log, ids), trial.log_tail())


def context_findings(answers: Sequence[Answer], log: Log, ids: Mapping[str, str]) -> tuple[Finding, ...]:
    """Return the findings on requests at once, up to the first that failed: what fails later follows from that."""

    def all_findings() -> Iterator[Finding]:
        yield _answered(answers, log)
        for writer in WRITERS:
            yield _logged(writer, log, ids)
        yield _ended(log, ids)
        yield _background(log)

    return until_failed(all_findings())


def _answered(answers: Sequence[Answer], log: Log) -> Finding:
    errors = [answer for answer in answers if answer.status != 200]
    got = f"{len(answers) - len(errors)} of {len(answers)} are answered with 200"
    if errors:
        got += f"; another one: {errors[0]}"
        return CONTEXT.failed("answered.failed", got, total=len(answers))

    is_queue = bool(log.having(by=QUEUE))
    if is_queue:
        got += ", one after the other"
    return CONTEXT.found(not is_queue, "answered.queue", got, total=len(answers))


def _logged(writer: str, log: Log, ids: Mapping[str, str]) -> Finding:
    """Find whether each request has its own id in the lines of one writer."""
    with_own_id = 0
    with_another_id = 0
    for customer, own_id in ids.items():
        fields = {"who": customer, "by": writer}
        if writer == LIBRARY:
            fields = {"logger": LIBRARY_LOGGER, "msg": f"asked by {customer}"}

        logged_ids = {line.get("request_id") for line in log.having(**fields)}
        with_own_id += logged_ids == {own_id}
        with_another_id += bool(logged_ids - {own_id, None})

    way = "thread" if writer == "a thread" else "lost"
    got = f"{with_own_id} of {len(ids)} have their own id"
    if with_another_id:
        way = "another"
        got += f", {with_another_id} that of another"
    return CONTEXT.found(with_own_id == len(ids), f"logged.{way}", got, total=len(ids), writer=WRITERS[writer])


def _ended(log: Log, ids: Mapping[str, str]) -> Finding:
    last_lines = [log.having(msg="request", route=ORDERS, request_id=own_id) for own_id in ids.values()]
    with_one_line = sum(len(lines) == 1 for lines in last_lines)
    return CONTEXT.found(with_one_line == len(ids), "ended", f"{with_one_line} of {len(ids)} ids have one")


def _background(log: Log) -> Finding:
    beats = log.having(msg="beat")
    with_id = [beat for beat in beats if "request_id" in beat]
    got = f"{len(with_id)} of {len(beats)} have the id of a request"
    return CONTEXT.found(bool(beats) and not with_id, "background", got)
