"""The checks of logs.py, logging.stdout, logging.context and logging.level: requests, and what docker logs has then."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import Context, check, part
from workshop_kit.exercises.result import Finding, Result, conclude, equals, found, has_none
from workshop_kit.exercises.trial import Trial, fields_of
from workshop_kit.screen import visible

ORDERS = "orders.py"
INSIDE = Path(__file__).with_name("logging_inside.py")
WRAPPED = "\nfrom . import inside as _inside\n\nrecent = _inside.around(recent)\n"
WAIT_SECONDS = 2.0

REQUIRED = ("ts", "level", "logger", "msg")
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*(?:Z|[+-]\d\d:?\d\d)")
HONEST, HOSTILE, UNLUCKY = ("honest-1", "honest-2", "honest-3", "honest-4"), "hostile", "unlucky"
"""The request ids of the customers: some who order, a hostile one, and one who meets a bug."""
FORGED = '{"level":"critical","msg":"all is lost"}'
HOSTILE_PATH = f"/orders/cheap\n{FORGED}\n\x1b[2J\x1b[31m\N{LINE SEPARATOR}"
"""With a line end and a forged line, an escape sequence, and U+2028."""
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f]")

AT_ONCE = 8
LIBRARY = "a library"
WAYS = {
    "itself": "the service itself",
    LIBRARY: "a library",
    "a thread": "a thread of the request",
    "an exception": "code that caught an exception",
}
"""The field ``by`` of a line that logging_inside.py writes, and who has logged it."""

LEVEL_PATH = "/admin/log-level"
LEVELS = {"debug": (True, True), "info": (False, True), "error": (False, False)}
"""Whether the log has the line of a probe, and of a customer's request, at each level."""


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
        shown = "Whatever happens is one JSON object on one line of docker logs, also if a customer sends more."
        return conclude(shown, stdout_findings(log), trial.lines())


def stdout_findings(log: Log) -> tuple[Finding, ...]:
    """Return the findings on the log of a service after the requests of all customers."""
    return (_there(log), _objects(log), _fields(log), _hostile(log), _bug(log))


def _there(log: Log) -> Finding:
    seen = [name for name in HONEST if any(name in line for line in log.lines)]
    total = len(HONEST)
    means = "docker logs is empty: the log is a file in the container. Nothing collects it, and rm takes it along."
    return found(
        len(seen) == total,
        f"Ask {total} times, then read docker logs",
        f"{len(log.lines)} lines; {len(seen)} of {total} customers are in them",
        f"all {total}",
        "docker logs has lines, but not of all customers." if log.lines else means,
        "Where does output() send the lines? What a container says stands on its stdout.",
    )


def _objects(log: Log) -> Finding:
    odd = [visible(line[:60]) for line, fields in zip(log.lines, log.records, strict=True) if not fields]
    return has_none(
        odd if log.lines else ["an empty log"],
        "Read each line as a JSON object: lines that are none",
        f"A program that reads this log has to guess: {len(odd)} of its lines are no JSON object.",
        "What does to_line() make of the fields?",
    )


def _fields(log: Log) -> Finding:
    objects = [fields for fields in log.records if fields]
    lacking = {name for fields in objects for name in REQUIRED if name not in fields}
    lacking |= {"the zone of ts" for fields in objects if not TIME.fullmatch(str(fields.get("ts")))}
    return found(
        bool(objects) and not lacking,
        f"Look for {', '.join(REQUIRED)} in every object",
        f"missing: {', '.join(sorted(lacking)) or 'nothing'}",
        "all there, and ts a time with its zone",
        "Nobody can search for what lines lack; and without its zone, another machine reads another time.",
        "to_line() is given all fields: which does it write, and how?",
    )


def _hostile(log: Log) -> Finding:
    paths = [line.get("path") for line in log.having(request_id=HOSTILE, msg="request")]
    got, means = "path as it was asked for", "What a customer asks for is not in the log as they asked for it."
    if log.having(level="critical", msg="all is lost"):
        got, means = "a line that says all is lost", "A customer wrote a line of your log: by it, all is lost."
    elif any(map(CONTROLS.search, log.lines)):
        got = "escape sequences stand in the log as they are"
        means = "A customer's escape sequences reach the terminal of everyone who reads the log."
    elif paths != [HOSTILE_PATH]:
        got = f"{len(paths)} lines of that request, path not as asked for"
    return equals(
        "GET an order whose name has a line end, a line of JSON, an escape sequence and U+2028",
        got,
        "path as it was asked for",
        means,
        "What does to_line() do with a line end in a value?",
    )


def _bug(log: Log) -> Finding:
    lines = [one for one in log.having(request_id=UNLUCKY) if "stack" in one and "error" in one]
    whole = len(lines) == 1 and "KeyError" in str(lines[0]["error"]) and "in charge" in str(lines[0]["stack"])
    return found(
        whole,
        "Ask for something that runs into a bug",
        f"{len(lines)} lines that have the error and where it was",
        "one line of that request, with error and stack",
        "An exception is spread over many lines, or not there: no search finds what went wrong for whom.",
        "error and stack are two of the fields that to_line() is given.",
    )


@check("logging.context")
def request_context(context: Context) -> Result:
    """Send several requests at once, while the service also works for no request; read ``docker logs``."""
    ids = {f"customer-{number}": f"id-{number}" for number in range(AT_ONCE)}
    with run(context) as trial:
        context.report_step(f"asking as {AT_ONCE} customers at once")
        trial.get("/orders?trial=beat")

        def ask(who: str) -> None:
            trial.get(f"/orders?trial=slow&who={who}", headers={"X-Request-ID": ids[who]}, within_seconds=4)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(ask, ids))
        log = read_log(trial, lambda log: len(log.having(msg="request", route="/orders")) > AT_ONCE)
        shown = "One id leads to all lines of a request, and to no line of another."
        return conclude(shown, _context_findings(log, ids), trial.lines())


def _context_findings(log: Log, ids: Mapping[str, str]) -> tuple[Finding, ...]:
    last = {who: len(log.having(msg="request", route="/orders", request_id=own)) for who, own in ids.items()}
    right = sum(count == 1 for count in last.values())
    beats = log.having(msg="beat")
    wrong = [one for one in beats if "request_id" in one]
    return (
        *(_logged(way, log, ids) for way in WAYS),
        found(
            right == AT_ONCE,
            "Look for the line that each request ends with",
            f"{right} of {AT_ONCE} ids have one",
            "each id has one",
            "How a request ended cannot be found by its id: the id was gone, or another's, by then.",
            "Is it still the request's own context when others have ended meanwhile?",
        ),
        found(
            bool(beats) and not wrong,
            "Look at lines of what the service does for no request",
            f"{len(wrong)} of {len(beats)} have the id of a request",
            "none has one",
            "Work of no request is put down to a customer.",
            "What does a task see that was not started by the request?",
        ),
    )


def _logged(way: str, log: Log, ids: Mapping[str, str]) -> Finding:
    right, wrong = 0, 0
    for who, own in ids.items():
        named = {"logger": "some_library", "msg": f"asked by {who}"} if way == LIBRARY else {"who": who, "by": way}
        found_ids = {line.get("request_id") for line in log.having(**named)}
        right += found_ids == {own}
        wrong += bool(found_ids - {own, None})
    means = f"A search for an id does not find what {WAYS[way]} logged for that request."
    if wrong:
        means = "Lines carry the id of another request: a search for one customer's trouble reads another's."
    return found(
        right == AT_ONCE,
        f"{AT_ONCE} requests at once, each with an X-Request-ID: the id in what {WAYS[way]} logged",
        f"{right} of {AT_ONCE} have their own id" + (f", {wrong} that of another" if wrong else ""),
        f"all {AT_ONCE}",
        means,
        "The requests take turns: while one waits, the next is served. Who else writes to what you keep the id in?",
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
        takes = equals(
            f"PUT {LEVEL_PATH}, then GET it: {', '.join(LEVELS)}",
            ", ".join(answered),
            ", ".join(LEVELS),
            "It does not take another level.",
            "set_level() is called with the level; level() tells what the root logger has.",
        )
        findings = (takes, *(_lines_at(log, level) for level in LEVELS))
        return conclude("It said more when it was asked to, then less.", findings, trial.lines())


def _set_level(trial: Trial, level: str) -> str:
    """Set a level, send a probe and a request, and return the level that the service answers."""
    trial.send("PUT", LEVEL_PATH, {"level": level})
    for path, kind in (("/livez", "probe"), ("/orders/first", "request")):
        trial.get(path, headers={"X-Request-ID": f"level-{level}-{kind}"})
    return str(part(trial.get(LEVEL_PATH).json(), "level") or "nothing")


def _lines_at(log: Log, level: str) -> Finding:
    kinds = ("probe", "request")
    there = tuple(bool(log.having(request_id=f"level-{level}-{kind}", msg="request")) for kind in kinds)
    return equals(
        f"Level {level}: ask /livez, which is logged at debug, and for an order, at info",
        _in_the_log(*there),
        _in_the_log(*LEVELS[level]),
        f"It says that its level is {level}, and logs as if nobody had asked: by the time you have restarted it, the "
        "incident is over, and so is what was to be seen.",
        "When is it decided whether a level is worth a line, and how often?",
    )


def _in_the_log(probe: bool, order: bool) -> str:
    return f"{'with' if probe else 'without'} the probe, {'with' if order else 'without'} the order"
