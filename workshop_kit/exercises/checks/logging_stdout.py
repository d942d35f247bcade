"""The check of logging.stdout: every event is one JSON object in ``docker logs``, whatever a customer sends."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from workshop_kit.exercises.check_api import CheckResult, Context, check, conclude, found
from workshop_kit.exercises.checks.logging_service import CANARY, Log, read_log, run
from workshop_kit.exercises.result import Finding
from workshop_kit.progress import Step
from workshop_kit.screen import visible

REQUIRED = ("ts", "level", "logger", "msg")
FORGED = '{"level":"critical","msg":"all is lost"}'
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class Customers:
    """The request ids of the customers: some who order, a hostile one, and one who meets a bug."""

    honest: tuple[str, ...]
    hostile: str
    unlucky: str

    @classmethod
    def of(cls, seed: int) -> Customers:
        """Return those of a participant."""
        chance = random.Random(f"logging.stdout {seed}")  # noqa: S311  # no secret
        honest, hostile, unlucky = (f"{name}-{chance.randrange(16**6):06x}" for name in ("a", "b", "c"))
        return cls(tuple(f"{honest}.{number}" for number in range(4)), hostile, unlucky)

    @property
    def path(self) -> str:
        """The path of the hostile customer: with a line end and a forged line, an escape sequence, and U+2028."""
        return f"/orders/{self.hostile}\n{FORGED}\n\x1b[2J\x1b[31m\N{LINE SEPARATOR}"


@check("logging.stdout")
def stdout(context: Context) -> CheckResult:
    """Send requests of several customers, then read ``docker logs``."""
    customers = Customers.of(context.seed)
    with run(context) as trial:
        context.report(Step("Check", None, "placing orders, asking for trouble, and reading docker logs"))
        for name in customers.honest:
            trial.get("/orders/first", headers={"X-Request-ID": name})
        trial.get(quote(customers.path), headers={"X-Request-ID": customers.hostile})
        trial.get(f"/orders?trial=bug&who={customers.unlucky}", headers={"X-Request-ID": customers.unlucky})
        log = read_log(trial, lambda log: bool(log.having(request_id=customers.unlucky, msg="request")))
        shown = "Whatever happens is one JSON object on one line of docker logs, also if a customer sends more."
        return conclude(shown, findings_in(log, customers), trial.lines())


def findings_in(log: Log, customers: Customers) -> tuple[Finding, ...]:
    """Return the findings on the log of a service after the requests of these customers."""
    return (_there(log, customers), _objects(log), _fields(log), _hostile(log, customers), _bug(log, customers))


def _there(log: Log, customers: Customers) -> Finding:
    text = [" ".join(map(str, fields.values())) or log.text(row) for row, fields in enumerate(log.records)]
    seen = [name for name in customers.honest if any(name in line for line in text)]
    total = len(customers.honest)
    means = "docker logs is empty: the log is a file in the container. Nothing collects it, and rm takes it along."
    if len(log.records):
        means = f"docker logs has lines, but only {len(seen)} of {total} customers are in it."
    return found(
        len(seen) == total,
        f"Ask {total} times, then read docker logs",
        f"{len(log.records)} lines; {len(seen)} of {total} customers are in them",
        f"all {total}",
        means,
        "Where does output() send the lines? What a container says stands on its stdout.",
    )


def _objects(log: Log) -> Finding:
    odd = [log.text(row) for row, fields in enumerate(log.records) if not fields]
    means = f"A program that reads this log has to guess: {len(odd)} of its lines are no JSON object."
    if not log.records:
        means = "There is nothing to read."
    return found(
        bool(log.records) and not odd,
        "Read each line as a JSON object",
        f"{len(odd)} of {len(log.records)} are none" + (f", such as {visible(odd[0][:60])!r}" if odd else ""),
        "every line is one",
        means,
        "What does to_line() make of the fields?",
    )


def _fields(log: Log) -> Finding:
    lacking = sorted({name for fields in log.records if fields for name in REQUIRED if name not in fields})
    objects = sum(bool(fields) for fields in log.records)
    timeless = objects - sum(isinstance(fields.get("ts"), datetime) for fields in log.records)
    got = f"missing: {', '.join(lacking)}" if lacking else "all there" if objects else "no object at all"
    if timeless:
        got += f"; ts is no time in {timeless} of {objects}"
    means = f"Nobody can search for {lacking[0]} if lines lack it." if lacking else "No line has fields."
    if timeless and objects and not lacking:
        means = f"In {timeless} lines ts is no time with its zone: another machine reads another time."
    return found(
        bool(objects) and not lacking and not timeless,
        f"Look for {', '.join(REQUIRED)} in every object",
        got,
        "all there, and ts a time with its zone",
        means,
        "to_line() is given all fields: which does it write, and how?",
    )


def _hostile(log: Log, customers: Customers) -> Finding:
    lines = log.having(request_id=customers.hostile, msg="request")
    whole = len(lines) == 1 and lines[0].get("path") == customers.path
    forged = bool(log.having(level="critical", msg="all is lost"))
    acting = any(CONTROLS.search(log.text(row)) for row in range(len(log.records)))
    got = f"{len(lines)} lines of that request, " + ("path as it was asked for" if whole else "path not as asked for")
    if forged:
        got += "; and a line that says all is lost, at level critical"
    if acting:
        got += "; escape sequences stand in the log as they are"
    means = "What a customer asks for is not in the log as they asked for it."
    if forged:
        means = "A customer wrote a line of your log: by it, all is lost."
    elif acting:
        means = "A customer's escape sequences reach the terminal of everyone who reads the log."
    return found(
        whole and not forged and not acting,
        "GET an order whose name has a line end, a line of JSON, an escape sequence and U+2028",
        got,
        "one line, and the path is a value in it, to the letter",
        means,
        "What does to_line() do with a line end in a value?",
    )


def _bug(log: Log, customers: Customers) -> Finding:
    lines = [one for one in log.having(request_id=customers.unlucky) if "stack" in one and "error" in one]
    whole = len(lines) == 1 and "KeyError" in str(lines[0]["error"]) and "in charge" in str(lines[0]["stack"])
    leaked = any(CANARY in str(fields) for fields in log.records)
    got = "one line with error and stack" if whole else f"{len(lines)} lines that have the error and where it was"
    means = "An exception is spread over many lines, or not there: no search finds what went wrong for whom."
    if leaked:
        got, means = "a password that a variable held", "The log has passwords now, out of the variables of the stack."
    return found(
        whole and not leaked,
        "Ask for something that runs into a bug",
        got,
        "one line of that request, with error and stack, and no values of variables",
        means,
        "error and stack are two of the fields that to_line() is given.",
    )
