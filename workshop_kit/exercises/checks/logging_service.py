"""The checks of logs.py, logging.stdout, logging.context and logging.level: requests, and what docker logs has then."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import Context, check, part
from workshop_kit.exercises.findings import findings, until_failed
from workshop_kit.exercises.result import Finding, Result, conclude
from workshop_kit.exercises.trial import Trial, fields_of
from workshop_kit.observe.http import Answer
from workshop_kit.screen import visible

ORDERS = "orders.py"
INSIDE = Path(__file__).with_name("logging_inside.py")
WRAPPED = "\nfrom . import inside as _inside\n\nrecent = _inside.around(recent)\n"
WAIT_SECONDS = 2.0
SHOWN_CHARACTERS = 60
"""How much of a line stands in a finding."""

STDOUT = findings("logging.stdout")
REQUIRED = ("ts", "level", "logger", "msg")
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*(?:Z|[+-]\d\d:?\d\d)")
HONEST = ("honest-1", "honest-2", "honest-3", "honest-4")
HOSTILE = "hostile"
UNLUCKY = "unlucky"
"""The request ids of the customers: some who order, a hostile one, and one who meets a bug."""
FORGED = '{"level":"critical","msg":"all is lost"}'
HOSTILE_PATH = f"/orders/cheap\n{FORGED}\n\x1b[2J\x1b[31m\N{LINE SEPARATOR}"
"""With a line end and a forged line, an escape sequence, and U+2028."""
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
FRAME = "in charge"
"""Stands in the traceback of the bug."""

CONTEXT = findings("logging.context")
AT_ONCE = 8
LIBRARY = "a library"
WRITERS = {
    "itself": "the service",
    LIBRARY: "a library",
    "a thread": "a thread of the request",
    "an exception": "code that caught an exception",
}
"""The field ``by`` of a line that logging_inside.py writes, and what has logged it."""

LEVEL = findings("logging.level")
LEVEL_PATH = "/admin/log-level"
LEVELS = {"debug": (True, True), "info": (False, True), "error": (False, False)}
"""Whether the log has the line of a probe, and of a customer's request, at each level."""
KINDS = ("probe", "request")


@dataclass(frozen=True)
class Log:
    """All lines of ``docker logs``, and the fields of each ({} if it is no JSON object)."""

    lines: tuple[str, ...]
    records: tuple[dict[str, Any], ...]

    @classmethod
    def of(cls, text: str) -> Log:
        """Read the output of ``docker logs``."""
        lines = text.split("\n")[:-1]
        return cls(tuple(lines), tuple(map(fields_of, lines)))

    def having(self, **fields: Any) -> list[dict[str, Any]]:
        """Return the records with these values."""
        return [one for one in self.records if all(one.get(name) == value for name, value in fields.items())]


def read_log(trial: Trial, complete: Callable[[Log], bool]) -> Log:
    """Read the log until it is complete, or the time is up."""

    def read() -> Log:
        return Log.of(trial.running.container.logs().decode(errors="replace"))

    return trial.poll(read, complete, WAIT_SECONDS, missing="the log was not complete")


@contextlib.contextmanager
def run(context: Context, **changes: Any) -> Iterator[Trial]:
    """Run the participant's service with logging_inside.py behind ``GET /orders?trial=…``."""
    orders = context.folder / ORDERS
    orders.write_text((context.stack.root / "workshop_app" / ORDERS).read_text() + WRAPPED)
    (context.folder / "inside.py").write_text(INSIDE.read_text())
    with service_trial.start(context, **changes) as trial:
        yield trial


@check("logging.stdout")
def stdout(context: Context) -> Result:
    """Send requests of several customers, then read ``docker logs``."""
    with run(context) as trial:
        context.report_step("placing orders, asking for trouble, and reading docker logs")
        for name in HONEST:
            trial.get("/orders/first", headers={"X-Request-ID": name})
        trial.get(quote(HOSTILE_PATH), headers={"X-Request-ID": HOSTILE})
        trial.get("/orders?trial=bug&who=nobody", headers={"X-Request-ID": UNLUCKY})

        log = read_log(trial, lambda log: bool(log.having(request_id=UNLUCKY, msg="request")))
        return conclude(STDOUT.shown, stdout_findings(log), trial.lines())


def stdout_findings(log: Log) -> tuple[Finding, ...]:
    """Return the findings on the log of a service after the requests of all customers.

    Without the customers' lines nothing else is judged. Where lines are no JSON, only what a hostile customer wrote is.
    """
    collected = _collected(log)
    if not collected.passed:
        return (collected,)

    objects = _objects(log)
    if objects.passed:
        return (collected, objects, _fields(log), _hostile(log), _bug(log))

    harm = [_hostile(log)] if _was_forged(log) or _has_escapes(log) else []
    return (collected, objects, *harm)


def _collected(log: Log) -> Finding:
    logged = [name for name in HONEST if any(name in line for line in log.lines)]
    total = len(HONEST)
    way = "some" if log.lines else "empty"
    got = f"{len(log.lines)} lines; {len(logged)} of {total} requests are in them"
    return STDOUT.found(len(logged) == total, f"collected.{way}", got, total=total)


def _objects(log: Log) -> Finding:
    odd = [line for line, fields in zip(log.lines, log.records, strict=True) if not fields]
    got = f"{len(odd)} of {len(log.lines)} lines are no JSON object"
    if odd:
        got += f"; the first: {visible(odd[0][:SHOWN_CHARACTERS]) or 'an empty line'}"
    return STDOUT.found(not odd, "objects", got)


def _fields(log: Log) -> Finding:
    missing = [name for name in REQUIRED if any(name not in fields for fields in log.records)]
    names = ", ".join(REQUIRED)
    if missing:
        return STDOUT.failed("fields.missing", f"without {', '.join(missing)}", fields=names)

    times = [str(fields["ts"]) for fields in log.records]
    without_zone = next((time for time in times if not TIME.fullmatch(time)), "")
    got = f"ts is {without_zone[:SHOWN_CHARACTERS]}" if without_zone else "all of them"
    return STDOUT.found(not without_zone, "fields.zone", got, fields=names)


def _was_forged(log: Log) -> bool:
    """Return whether a line of the log is the hostile customer's own."""
    return bool(log.having(level="critical", msg="all is lost"))


def _has_escapes(log: Log) -> bool:
    """Return whether a terminal that shows the log obeys characters in it."""
    return any(map(CONTROLS.search, log.lines))


def _hostile(log: Log) -> Finding:
    paths = [line.get("path") for line in log.having(request_id=HOSTILE, msg="request")]
    if _was_forged(log):
        return STDOUT.failed("hostile.forged", "a line that says: all is lost")
    if _has_escapes(log):
        return STDOUT.failed("hostile.escapes", "escape sequences as they are")
    got = "the path" if paths == [HOSTILE_PATH] else f"{len(paths)} lines of that request, and another path"
    return STDOUT.found(paths == [HOSTILE_PATH], "hostile.changed", got)


def _bug(log: Log) -> Finding:
    lines = [one for one in log.having(request_id=UNLUCKY) if "stack" in one and "error" in one]
    is_whole = len(lines) == 1 and "KeyError" in str(lines[0]["error"]) and FRAME in str(lines[0]["stack"])
    elsewhere = [
        line
        for line, fields in zip(log.lines, log.records, strict=True)
        if FRAME in line and fields.get("request_id") != UNLUCKY
    ]
    way = "spread" if elsewhere else "missing"
    return STDOUT.found(is_whole, f"bug.{way}", f"{len(lines)} lines of that request with error and stack")


@check("logging.context")
def request_context(context: Context) -> Result:
    """Send several requests at once, while the service also works for no request; read ``docker logs``."""
    ids = {f"customer-{number}": f"id-{number}" for number in range(AT_ONCE)}
    with run(context) as trial:
        context.report_step(f"asking as {AT_ONCE} customers at once")
        trial.get("/orders?trial=beat")

        def ask(who: str) -> Answer:
            return trial.get(f"/orders?trial=slow&who={who}", headers={"X-Request-ID": ids[who]}, within_seconds=4)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(ask, ids))
        log = read_log(trial, lambda log: len(log.having(msg="request", route="/orders")) > AT_ONCE)
        return conclude(CONTEXT.shown, context_findings(answers, log, ids), trial.lines())


def context_findings(answers: Sequence[Answer], log: Log, ids: Mapping[str, str]) -> tuple[Finding, ...]:
    """Return the findings on requests at once, up to the first that failed: what fails later follows from that."""

    def all_findings() -> Iterator[Finding]:
        yield _answered(answers)
        for by in WRITERS:
            yield _logged(by, log, ids)
        yield _ended(log, ids)
        yield _background(log)

    return until_failed(all_findings())


def _answered(answers: Sequence[Answer]) -> Finding:
    wrong = [answer for answer in answers if answer.status != 200]
    got = f"{len(answers) - len(wrong)} of {len(answers)} are answered with 200"
    if wrong:
        got += f"; another one: {wrong[0]}"
    return CONTEXT.found(not wrong, "answered", got, total=len(answers))


def _logged(by: str, log: Log, ids: Mapping[str, str]) -> Finding:
    """Find whether each request has its own id in the lines of one writer."""
    right = 0
    wrong = 0
    for who, own in ids.items():
        lines = {"logger": "some_library", "msg": f"asked by {who}"} if by == LIBRARY else {"who": who, "by": by}
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
    last_lines = [log.having(msg="request", route="/orders", request_id=own) for own in ids.values()]
    right = sum(len(lines) == 1 for lines in last_lines)
    return CONTEXT.found(right == len(ids), "ended", f"{right} of {len(ids)} ids have one")


def _background(log: Log) -> Finding:
    beats = log.having(msg="beat")
    wrong = [one for one in beats if "request_id" in one]
    return CONTEXT.found(
        bool(beats) and not wrong, "background", f"{len(wrong)} of {len(beats)} have the id of a request"
    )


@check("logging.level")
def level(context: Context) -> Result:
    """Set three levels, and send a probe and an order at each."""
    with run(context, environment={"HTTP_ADMIN": "true"}) as trial:
        context.report_step(f"PUT {LEVEL_PATH}: debug, info, error, debug")
        answered = [_set_level(trial, level) for level in LEVELS]
        trial.send("PUT", LEVEL_PATH, {"level": "debug"})
        trial.get("/orders/first", headers={"X-Request-ID": "level-last"})

        log = read_log(trial, lambda log: bool(log.having(request_id="level-last")))
        return conclude(LEVEL.shown, level_findings(answered, log), trial.lines())


def level_findings(answered: Sequence[str], log: Log) -> tuple[Finding, ...]:
    """Return the findings on the levels that the service answered, and on the lines that it logged at each."""
    is_taken = [*answered] == [*LEVELS]
    taken = LEVEL.found(is_taken, "taken", ", ".join(answered), levels=", ".join(LEVELS))
    if not is_taken:
        return (taken,)
    return (taken, *(_lines_at(log, level) for level in LEVELS))


def _set_level(trial: Trial, level: str) -> str:
    """Set a level, send a probe and a request, and return the level that the service answers."""
    trial.send("PUT", LEVEL_PATH, {"level": level})
    for path, kind in zip(("/livez", "/orders/first"), KINDS, strict=True):
        trial.get(path, headers={"X-Request-ID": f"level-{level}-{kind}"})
    return str(part(trial.get(LEVEL_PATH).json(), "level") or "nothing")


def _lines_at(log: Log, level: str) -> Finding:
    logged = tuple(bool(log.having(request_id=f"level-{level}-{kind}", msg="request")) for kind in KINDS)
    probe = "with" if logged[0] else "without"
    order = "with" if logged[1] else "without"
    return LEVEL.found(logged == LEVELS[level], level, f"{probe} the probe, {order} the order")
