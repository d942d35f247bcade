"""The check of logging.context: several requests at the same time, and the request id of each in the log."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from workshop_kit.checks.logging_service import INSIDE, ORDERS, Lines, ask, read_log
from workshop_kit.patience import patient
from workshop_kit.trials.check_api import check
from workshop_kit.trials.expect import expect, require
from workshop_kit.trials.service import Service
from workshop_kit.trials.trial import Reply, fields_of

AT_ONCE = 8
OTHERS_SECONDS = 2.0
"""How long a request waits for the others to come."""
WRITERS = {
    "itself": "the service",
    "library": "a library",
    "thread": "a thread of the request",
    "exception": "code that caught an exception",
}
"""Who logs, by the first word of the line's message (logging_inside.py)."""


@check("logging.context")
def request_context(service: Service) -> None:
    """One id leads to all lines of a request, and to no line of another."""
    ids = {f"customer-{number}": service.random.randbytes(4).hex() for number in range(AT_ONCE)}

    with service.run(wrapper=INSIDE) as running:
        ask(running, "id-of-the-first", "beat")

        def ask_as(customer: str) -> Reply:
            return ask(running, ids[customer], "crowd", who=customer, seconds=patient(OTHERS_SECONDS))

        with ThreadPoolExecutor(AT_ONCE) as pool:
            replies = list(pool.map(ask_as, ids))

        log = read_log(running, lambda log: ids_of(ends(log)) >= set(ids.values()))

    expect_no_waiting(replies, log)
    for writer in WRITERS:
        expect_own_id(log, writer, ids)

    last_lines = ends(log)
    expect(
        ids_of(last_lines) >= set(ids.values()),
        seen=last_lines,
        expected=f"one for each of {AT_ONCE} ids",
        means="A search for an id does not find how its request ended: the id was gone by then.",
        look="Which requests have ended meanwhile, and what did the end of their block do?",
    )

    beats = log.having("lines of a task that belongs to no request", msg="beat")
    expect(
        bool(beats.texts) and not any("request_id" in record for record in beats.records),
        seen=beats,
        expected="lines without a request_id",
        means="Work that no request began is taken for a customer's.",
        look="A line that is logged outside of every block has no id. What does add_context() add there?",
    )


def expect_no_waiting(replies: list[Reply], log: Lines) -> None:
    """Require that all are answered, and at the same time."""
    failed = [reply for reply in replies if reply.status != 200]
    require(
        not failed,
        seen=(failed or replies)[0],
        expected=f"200, for each of {AT_ONCE} requests at once",
        means="With several requests at once, the service does not answer all of them.",
        look="What does one request wait for? All of them run in one thread: neither of your functions may wait.",
        hint=2,
    )

    alone = log.having("a request to which nobody else came in time", msg="nobody else came")
    require(
        not alone.texts,
        seen=alone,
        expected="none: all are served at the same time",
        means="The ids are right because only one request is served at a time: each waits for all before it.",
        look="What lets one request in, and keeps the others out?",
        hint=2,
    )


def expect_own_id(log: Lines, writer: str, ids: Mapping[str, str]) -> None:
    """Require the id of its request in each line of a writer."""
    lines = log.only(
        f"what {WRITERS[writer]} logged for {AT_ONCE} requests at once",
        lambda line: str(fields_of(line).get("msg")).startswith(f"{writer} for "),
    )
    found = {(record["msg"], record.get("request_id")) for record in lines.records}
    expected = {(f"{writer} for {customer}", request_id) for customer, request_id in ids.items()}

    means = f"A search for an id does not find what {WRITERS[writer]} logged for that request."
    look = "Where is the id kept between request_context() and add_context()? asyncio.to_thread takes context "
    look += "variables along into a thread, and nothing else."
    if {request_id for _, request_id in found - expected} & set(ids.values()):
        means = "Lines have the id of another request: a search for one customer's trouble reads another's."
        look = "The requests take turns in one thread: while one waits, the next is served. What belongs to a task?"
    require(
        found == expected,
        seen=lines,
        expected=f"each of {AT_ONCE} requests has its own id",
        means=means,
        look=look,
        hint=2,
    )


def ends(log: Lines) -> Lines:
    """Return the line that each request ends with."""
    return log.having("the line that each request ends with", msg="request", route=ORDERS)


def ids_of(lines: Lines) -> set[str]:
    """Return the request ids of these lines."""
    return {str(record.get("request_id")) for record in lines.records}
