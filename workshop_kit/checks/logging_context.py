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

        def ask_as(who: str) -> Answer:
            return ask(trial, ids[who], "crowd", who=who, seconds=patient(OTHERS_SECONDS))

        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(ask_as, ids))
        log = read_log(trial, lambda log: _ended(log, ids).passed)
        return conclude(CONTEXT.shown, context_findings(answers, log, ids), trial.lines())


def context_findings(answers: Sequence[Answer], log: Log, ids: Mapping[str, str]) -> tuple[Finding, ...]:
    """Return the findings on requests at once, up to the first that failed: what fails later follows from that."""

    def all_findings() -> Iterator[Finding]:
        yield _answered(answers, log)
        for by in WRITERS:
            yield _logged(by, log, ids)
        yield _ended(log, ids)
        yield _background(log)

    return until_failed(all_findings())


def _answered(answers: Sequence[Answer], log: Log) -> Finding:
    wrong = [answer for answer in answers if answer.status != 200]
    got = f"{len(answers) - len(wrong)} of {len(answers)} are answered with 200"
    if wrong:
        got += f"; another one: {wrong[0]}"
        return CONTEXT.failed("answered.failed", got, total=len(answers))

    is_queue = bool(log.having(by=QUEUE))
    if is_queue:
        got += ", one after the other"
    return CONTEXT.found(not is_queue, "answered.queue", got, total=len(answers))


def _logged(by: str, log: Log, ids: Mapping[str, str]) -> Finding:
    """Find whether each request has its own id in the lines of one writer."""
    right = 0
    wrong = 0
    for who, own in ids.items():
        lines = {"logger": LIBRARY_LOGGER, "msg": f"asked by {who}"} if by == LIBRARY else {"who": who, "by": by}
        logged_ids = {line.get("request_id") for line in log.having(**lines)}
        right += logged_ids == {own}
        wrong += bool(logged_ids - {own, None})

    way = "thread" if by == "a thread" else "lost"
    got = f"{right} of {len(ids)} have their own id"
    if wrong:
        way = "another"
        got += f", {wrong} that of another"
    return CONTEXT.found(right == len(ids), f"logged.{way}", got, total=len(ids), writer=WRITERS[by])


def _ended(log: Log, ids: Mapping[str, str]) -> Finding:
    last_lines = [log.having(msg="request", route=ORDERS, request_id=own) for own in ids.values()]
    right = sum(len(lines) == 1 for lines in last_lines)
    return CONTEXT.found(right == len(ids), "ended", f"{right} of {len(ids)} ids have one")


def _background(log: Log) -> Finding:
    beats = log.having(msg="beat")
    wrong = [one for one in beats if "request_id" in one]
    return CONTEXT.found(
        bool(beats) and not wrong, "background", f"{len(wrong)} of {len(beats)} have the id of a request"
    )
