"""The check of logging.stdout: requests of several customers, and the lines of docker logs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from workshop_kit.checks.logging_service import INSIDE, LIBRARY_LOGGER, Lines, ask, read_log
from workshop_kit.trials.check_api import check
from workshop_kit.trials.expect import expect, require
from workshop_kit.trials.service import RunningService, Service
from workshop_kit.trials.trial import fields_of

NO_ORDER = "/orders/first"
"""A path that is answered without a database."""
HONEST = ("honest-1", "honest-2", "honest-3", "honest-4")
FORGED = '{"level":"critical","msg":"all is lost"}'
HOSTILE_PATH = f"/orders/cheap\n{FORGED}\n\x1b[2J\x1b[31m\N{LINE SEPARATOR}"
"""A path with a line end and a forged line, an escape sequence, and U+2028."""
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
NICKNAME = 'the "Duke"\n\x1b[31m'
"""The customer's own words in a library's message."""
REQUIRED = {"ts", "level", "logger", "msg"}
FIELDS = {
    "status": 207,
    "duration_ms": 1.5,
    "order_id": 0,
    "dependency": "redis",
    "coupon": None,
    "problems": ["REDIS_HOST: Field required", {"REDIS_PORT": False}],
}
"""Fields that an event may have. The check adds one with a name that is made up."""


@check("logging.stdout")
def stdout(service: Service) -> None:
    """Each event is one JSON object on one line of standard output, with all its fields, whatever a customer sends."""
    fields = {**FIELDS, f"field_{service.random.randbytes(4).hex()}": service.random.randbytes(4).hex()}

    with service.run(wrapper=INSIDE) as running:
        for name in HONEST:
            running.get(NO_ORDER, headers={"X-Request-ID": name})
        running.get(quote(HOSTILE_PATH), headers={"X-Request-ID": "hostile"})
        ask(running, "curious", "events", fields=json.dumps(fields), who=NICKNAME)
        ask(running, "unlucky", "error")
        log = read_log(running, is_complete, stderr=False)
        comes_by_stdout(running, log)

    harms_nobody(log)
    expect_json(log)
    expect_all_fields(log, fields)
    expect_libraries(log)
    expect_path_and_traceback(log)


def is_complete(log: Lines) -> bool:
    """Return whether a log has the line of the last request."""
    return bool(log.having("it", request_id="unlucky", msg="request").texts)


def comes_by_stdout(running: RunningService, log: Lines) -> None:
    """Require lines of all honest customers."""

    def is_missing(name: str) -> bool:
        return not any(name in line for line in log.texts)

    missing = list(filter(is_missing, HONEST))
    own = log.only(f"the lines of {len(HONEST)} requests", lambda line: any(name in line for name in HONEST))
    means = "Lines came by standard output, but not of all requests: their ids are not in them."
    look = "Which of STEPS adds the field request_id, and is it still there?"
    if not log.texts:
        means = "docker logs is empty. A log in a file is collected by nothing, and removed with the container."
        look = "Where does the handler of start() write? The engine takes what comes by standard output."
    if not own.texts and HONEST[0].encode() in running.running.container.logs(stdout=False):
        means = "The lines came by standard error. A collector that reads standard output finds nothing."
        look = "Which stream does the handler have? Without an argument, StreamHandler takes standard error."

    require(
        not missing,
        seen=own,
        expected="lines of each, by standard output",
        means=means,
        look=look,
        hint=2,
    )


def harms_nobody(log: Lines) -> None:
    """Expect no line that a customer wrote, and nothing that a terminal obeys."""
    forged = log.only("a line that a customer made up", lambda line: line == FORGED)
    expect(
        not forged.texts,
        seen=forged,
        expected="none, after a path with a line end in it",
        means="A customer wrote a line of your log. By that line, all is lost.",
        look="A line end in a value must not end the line: JSON writes it as \\n, two characters.",
    )

    escapes = log.only("escape sequences", lambda line: bool(CONTROLS.search(line)))
    expect(
        not escapes.texts,
        seen=escapes,
        expected="none, after a path with one in it",
        means="A customer's escape sequences reach the terminal of everyone who reads the log.",
        look="In JSON, control characters are escaped. Which text is put into the line as it is?",
    )


def expect_json(log: Lines) -> None:
    """Require JSON objects, a line for each event, with the fields that every line has."""
    odd = log.only("lines that are no JSON object", lambda line: not fields_of(line))
    require(
        not odd.texts,
        seen=odd,
        expected="none",
        means="A program that reads this log meets lines that it cannot read, and has to guess.",
        look="Who wrote that line: the service, or a library? Is all of it made by a JSON library?",
        hint=2,
    )

    ends = log.having(f"the lines with which {len(HONEST)} requests ended", msg="request", path=NO_ORDER)
    expect(
        len(ends.texts) == len(HONEST),
        seen=ends,
        expected=f"{len(HONEST)} lines",
        means="One event is not one line: a program that counts lines gets a wrong number.",
        look="Which handlers get an event? One of the root logger is enough.",
    )

    lacking = log.only("lines without ts, level, logger or msg", lambda line: not fields_of(line).keys() >= REQUIRED)
    require(
        not lacking.texts,
        seen=lacking,
        expected="none",
        means="No search by a field finds the lines that lack it.",
        look="STEPS makes these fields, for the service's events and, as foreign_pre_chain, for those of libraries.",
        hint=2,
    )

    without_zone = log.only("lines whose ts is no time with a zone", lambda line: not has_zone(fields_of(line)["ts"]))
    expect(
        not without_zone.texts,
        seen=without_zone,
        expected="none",
        means="Without its zone, a time of this log means another moment on another machine.",
        look="STEPS makes ts as a text with its zone, Z. What happens to it on its way into the line?",
    )


def has_zone(value: Any) -> bool:
    """Return whether a value is a time with its zone."""
    try:
        return datetime.fromisoformat(str(value)).tzinfo is not None
    except ValueError:
        return False


def expect_all_fields(log: Lines, fields: Mapping[str, Any]) -> None:
    """Expect the event that was logged with these fields to have them, with their values."""
    lines = log.having(f"an event with {len(fields)} fields and a time", logger="trial", msg="a trial")
    record = lines.records[0] if lines.texts else {}
    dropped = [name for name in (*fields, "when") if name not in record]
    changed = [name for name, value in fields.items() if as_json(record.get(name)) != as_json(value)]

    means = f"A value is not what was logged ({', '.join(changed)}): a number is no text, and a list is none either."
    look = "json.dumps writes numbers, lists and texts as what they are. Who has turned them into text?"
    if dropped:
        means = f"What the service wanted to say is not in its log: {', '.join(dropped)}."
        look = (
            "All of an event belongs into the line, also fields that you have not heard of. What JSON does not know, "
        )
        look += "such as a time, has to become text: default=str."
    expect(not dropped and not changed, seen=lines, expected="all of them, unchanged", means=means, look=look)


def as_json(value: Any) -> str:
    """Return a value as JSON, in which 207 is not "207", and true is not 1."""
    return json.dumps(value, sort_keys=True)


def expect_libraries(log: Lines) -> None:
    """Expect the line of a library once, with the id of its request and the traceback."""
    lines = log.having("an exception that a library logged", logger=LIBRARY_LOGGER, msg=f"asked by {NICKNAME}")
    means = "What libraries say is not in the log as they said it: the database's driver may have explained all of it."
    look = "Libraries call logging.getLogger(…): the root logger needs a handler whose formatter makes the same form."
    if lines.texts:
        means = "A search for a request's id does not find what a library logged for it, and where it failed."
        look = "Which steps do the lines of libraries go through? foreign_pre_chain=STEPS is for them."

    right = lines.having("it", request_id="curious").only("it", has_traceback)
    expect(
        len(right.texts) == len(lines.texts) == 1,
        seen=lines,
        expected="one object, with the message unchanged, the request's id and the traceback",
        means=means,
        look=look,
        hint=2,
    )


def expect_path_and_traceback(log: Lines) -> None:
    """Expect the hostile path unchanged, and the traceback of a bug in a line of its request."""
    hostile = log.having("the request with the hostile path", request_id="hostile", msg="request")
    expect(
        [record.get("path") for record in hostile.records] == [HOSTILE_PATH],
        seen=hostile,
        expected="one line, and its field path is what was asked for",
        means="The log does not have what this customer asked for, as they asked for it.",
        look="JSON can hold every text: it escapes what would harm the line. What has changed the field path?",
    )

    bug = log.having("the lines of a request that ran into a bug", request_id="unlucky")
    expect(
        any(map(has_traceback, bug.texts)),
        seen=bug,
        expected="one of them has the traceback",
        means="The log does not say what went wrong for this request, and where.",
        look="format_exc_info turns the exception into a text, and in_order names it stack. What becomes of it?",
    )


def has_traceback(line: str) -> bool:
    """Return whether a line names the exception, and the file that it came from."""
    return "faulty_inside.py" in line and "KeyError" in line
