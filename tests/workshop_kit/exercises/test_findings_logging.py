"""The checks of lesson 03 on recorded logs: each mistake has a finding of its own, by its key."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from tests.workshop_kit.exercises import check_runner
from tests.workshop_kit.exercises.check_runner import failed_keys
from tests.workshop_kit.gameday.recorded import solution, starter
from tests.workshop_kit.observe.log_frames import read_lines
from workshop_kit.checks import (
    logging_context,
    logging_incident,
    logging_jq,
    logging_level,
    logging_parse,
    logging_stdout,
)
from workshop_kit.checks.logging_context import LIBRARY, QUEUE, WRITERS
from workshop_kit.checks.logging_level import FROM_DEBUG, FROM_WARNING
from workshop_kit.checks.logging_service import LIBRARY_LOGGER, TRIAL_LOGGER, Log
from workshop_kit.checks.logging_stdout import (
    CURIOUS,
    FRAME,
    HONEST,
    HOSTILE,
    HOSTILE_PATH,
    NICKNAME,
    RAISED,
    UNLUCKY,
)
from workshop_kit.exercises import fixtures
from workshop_kit.observe.http import Answer
from workshop_kit.observe.jq import JqOutput
from workshop_kit.paths import CHECKOUT
from workshop_kit.trials import incidents
from workshop_kit.trials.incidents import LogIncident
from workshop_kit.trials.result import Finding, Result, Verdict

Case = tuple[str, Sequence[Finding]]
FIRST = {"ts": "2026-05-18T09:00:00.000+00:00", "level": "info", "logger": "orders", "msg": "request"}
FIELDS = {"status": 207, "order_id": 4711, "problems": ["a", "b"], "5e1f": "made up"}
STACK = f"File {FRAME}, line 40, in error\n{RAISED}: 'no price'"
EVENTS: list[dict[str, Any]] = [
    *({**FIRST, "request_id": name, "path": "/orders/first"} for name in HONEST),
    {**FIRST, "request_id": HOSTILE, "path": HOSTILE_PATH},
    {**FIRST, "logger": TRIAL_LOGGER, "msg": "a trial", "request_id": CURIOUS, **FIELDS},
    {**FIRST, "logger": LIBRARY_LOGGER, "msg": f"asked by {NICKNAME}", "request_id": CURIOUS},
    {**FIRST, "request_id": UNLUCKY, "stack": STACK},
]


def log_of(*lines: str) -> Log:
    """What the check reads from docker logs."""
    return Log.of("".join(f"{line}\n" for line in lines))


def log_of_events(events: Sequence[dict[str, Any]]) -> Log:
    """A log of JSON objects."""
    return log_of(*map(json.dumps, events))


def without(*names: str) -> Callable[[dict[str, Any]], str]:
    """Write a line without some fields."""
    return lambda fields: json.dumps({name: value for name, value in fields.items() if name not in names})


def changed(**values: Any) -> Callable[[dict[str, Any]], str]:
    """Write a line in which fields that it has have another value."""
    return lambda fields: json.dumps({name: values.get(name, value) for name, value in fields.items()})


def as_text(fields: dict[str, Any]) -> str:
    """Write a line for eyes."""
    return " ".join(f"{name}={value}" for name, value in fields.items())


def judge_stdout(log: Log) -> Sequence[Finding]:
    """What the check finds in a log, after a request for which these fields were logged."""
    return logging_stdout.stdout_findings(log, FIELDS)


def stdout_findings(to_line: Callable[[dict[str, Any]], str]) -> Sequence[Finding]:
    """What the check finds in a log whose lines are written so."""
    return judge_stdout(log_of(*map(to_line, EVENTS)))


def stdout() -> Iterator[Case]:
    """Lines that are nearly right."""
    assert all(finding.passed for finding in stdout_findings(json.dumps))
    lines = list(map(json.dumps, EVENTS))
    yield "logging.stdout.collected.empty", judge_stdout(log_of())
    yield "logging.stdout.collected.stderr", judge_stdout(Log.of("", "\n".join(lines)))
    yield "logging.stdout.collected.some", stdout_findings(without("request_id"))
    yield "logging.stdout.objects", stdout_findings(as_text)
    yield "logging.stdout.required.missing", stdout_findings(without("logger"))
    yield (
        "logging.stdout.required.zone",
        stdout_findings(lambda fields: json.dumps({**fields, "ts": fields["ts"][:19]})),
    )

    yield "logging.stdout.required.zone", stdout_findings(lambda fields: json.dumps({**fields, "ts": ""}))

    yield "logging.stdout.fields.dropped", stdout_findings(without("5e1f"))
    yield "logging.stdout.fields.changed", stdout_findings(changed(status="207"))
    of_library = [line for line in lines if LIBRARY_LOGGER in line]
    yield "logging.stdout.library.missing", judge_stdout(log_of(*(line for line in lines if line not in of_library)))
    no_id = [event if event["logger"] != LIBRARY_LOGGER else {**event, "request_id": None} for event in EVENTS]
    yield "logging.stdout.library.id", judge_stdout(log_of_events(no_id))

    forged = json.dumps({**FIRST, "level": "critical", "msg": "all is lost"})
    yield "logging.stdout.hostile.forged", judge_stdout(log_of(*lines, forged))
    yield (
        "logging.stdout.hostile.escapes",
        stdout_findings(lambda fields: json.dumps(fields).replace(r"\u001b", "\x1b")),
    )
    yield "logging.stdout.hostile.changed", stdout_findings(changed(path="/cleaned"))

    yield "logging.stdout.bug.missing", stdout_findings(without("stack"))
    stack = [json.dumps({**FIRST, "msg": line}) for line in STACK.split("\n")]
    yield "logging.stdout.bug.spread", judge_stdout(log_of(*map(without("stack"), EVENTS), *stack))


IDS = {"customer-0": "id-0", "customer-1": "id-1"}
ANSWERED = [Answer(200)] * len(IDS)


def context_events() -> Iterator[dict[str, Any]]:
    """The lines of two requests at once, and of a task that belongs to none."""
    for who, own in IDS.items():
        for by in WRITERS:
            line = {"logger": LIBRARY_LOGGER, "msg": f"asked by {who}"} if by == LIBRARY else {"who": who, "by": by}
            yield {**line, "request_id": own}
        yield {"msg": "request", "route": "/orders", "request_id": own}
    yield {"msg": "beat"}


def context() -> Iterator[Case]:
    """Lines with another's id, or with none."""

    def findings_of(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Sequence[Finding]:
        events = [change(event) for event in context_events()]
        return logging_context.context_findings(ANSWERED, log_of_events(events), IDS)

    def shared(event: dict[str, Any]) -> dict[str, Any]:
        return {**event, "request_id": "id-1"}

    def lost(name: str, value: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
        return lambda event: {**event, "request_id": None} if event.get(name) == value else event

    assert all(finding.passed for finding in findings_of(dict))
    failed = [Answer(500), Answer(200)]
    yield "logging.context.answered.failed", logging_context.context_findings(failed, log_of(), IDS)
    queue = log_of_events([{"by": QUEUE}, *context_events()])
    yield "logging.context.answered.queue", logging_context.context_findings(ANSWERED, queue, IDS)
    yield "logging.context.logged.another", findings_of(shared)
    yield "logging.context.logged.lost", findings_of(lost("by", "itself"))
    yield "logging.context.logged.thread", findings_of(lost("by", "a thread"))
    yield "logging.context.ended", findings_of(lost("msg", "request"))
    yield "logging.context.background", findings_of(lambda event: {"request_id": "id-0", **event})


FROM_INFO = (False, True, True)


def level() -> Iterator[Case]:
    """A signal without an effect, with half of it, or with another one."""
    for key, logged in (
        ("start", FROM_WARNING),
        ("debug", FROM_DEBUG),
        ("again", FROM_DEBUG),
        ("back", FROM_WARNING),
    ):
        assert logging_level.level_finding(key, logged, logged).passed

    for key, own, library in (
        ("logging.level.start", FROM_INFO, FROM_INFO),
        ("logging.level.debug.same", FROM_WARNING, FROM_WARNING),
        ("logging.level.debug.libraries", FROM_DEBUG, FROM_WARNING),
        ("logging.level.again", FROM_WARNING, FROM_WARNING),
        ("logging.level.back.still", FROM_DEBUG, FROM_DEBUG),
        ("logging.level.back.other", FROM_INFO, FROM_INFO),
        ("logging.level.back.libraries", FROM_WARNING, FROM_DEBUG),
    ):
        yield key, [logging_level.level_finding(key.split(".")[2], own, library)]

    assert logging_level.alive_finding("SIGUSR1", None).passed
    yield "logging.level.alive", [logging_level.alive_finding("SIGUSR1", 138)]


def mixed_text(seed: int) -> list[str]:
    """The lines of the container with mixed lines."""
    return fixtures.mixed_lines(Random(seed))


def framed(lines: Sequence[str]) -> pd.DataFrame:
    """Lines as the check reads them."""
    return read_lines("".join(f"{line}\n" for line in lines).encode())


def judge_parse(answer: Any, lines: Sequence[str]) -> Result:
    """What the check says to an answer about these lines."""
    return logging_parse.judge_parse(answer, lines, framed(lines))


def right_answer(lines: Sequence[str]) -> dict[str, Any]:
    """The right answer for mixed lines, with the rows in another order."""
    frame = framed(lines)
    odd = frame.loc[frame["reason"].notna(), "raw"].tolist()
    rows = [json.loads(line) for line in lines if line not in odd]
    return {"lines": len(lines), "rows": rows[::-1], "odd": odd}


def parse() -> Iterator[Case]:
    """One part of the answer is wrong."""
    lines = mixed_text(3)
    right = right_answer(lines)
    rows = right["rows"]
    for key, change in (
        ("logging.parse.lines.more", {"lines": len(lines) + 2}),
        ("logging.parse.lines.fewer", {"lines": len(lines) - 1}),
        ("logging.parse.rows.more", {"rows": [*rows, {}]}),
        ("logging.parse.rows.fewer", {"rows": rows[1:]}),
        ("logging.parse.rows.values", {"rows": [{}] * len(rows)}),
        ("logging.parse.rows.none", {"rows": len(rows)}),
        ("logging.parse.odd.lost", {"odd": right["odd"][1:]}),
        ("logging.parse.odd.extra", {"odd": [*right["odd"], "{}"]}),
    ):
        yield key, judge_parse({**right, **change}, lines).findings


FAILED_REQUEST = {"request_id": "a", "status": 503}


def jq() -> Iterator[Case]:
    """Output of jq with complaints, without an end, with too little or too much."""
    records = [FAILED_REQUEST, {"request_id": "b", "status": 404}]

    def findings_of(output: str, error: str = "", code: int = 0, *, cut: bool = False) -> Sequence[Finding]:
        return logging_jq.jq_findings(JqOutput(output, error, code, cut), [FAILED_REQUEST], records)

    assert all(finding.passed for finding in findings_of("a\n"))
    yield "logging.jq.ended.endless", findings_of("a\n", code=141, cut=True)
    yield "logging.jq.ended.complaints", findings_of("", "jq: error: Cannot index string\n", 5)
    yield "logging.jq.complete", findings_of("")
    yield "logging.jq.only", findings_of("a\nb\n")


BEGAN = datetime(2026, 5, 18, 9, tzinfo=UTC)
INJECTING = BEGAN + timedelta(seconds=12)
INCIDENT = LogIncident(
    "0" * 16,
    "service",
    "pause of redis",
    "redis",
    BEGAN,
    INJECTING,
    INJECTING + timedelta(seconds=0.5),
    BEGAN + timedelta(seconds=24),
)


def recorded() -> Iterator[dict[str, Any]]:
    """Lines of a service whose replica hiccups, and whose cache hangs then: four orders a second, and a probe."""
    for number in range(96):
        at = BEGAN + timedelta(seconds=number / 4)
        took = {"master_db_ms": 3.0, "replica_db_ms": 2.0, "redis_ms": 1.0 + number % 3}
        line = {"ts": at, "received": at, "request_id": f"id-{number}", "level": "info"}
        if timedelta(seconds=5) <= at - BEGAN < timedelta(seconds=5.7):
            took["replica_db_ms"] = 300.0
            yield {**line, "level": "warning", "msg": "replica not available"}
        if INCIDENT.injected <= at < INJECTING + timedelta(seconds=7):
            took["redis_ms"] = 500.0
            yield {**line, "level": "warning", "msg": "cache not available"}
        request_fields = {"msg": "request", "route": "/orders", "status": 201, "duration_ms": sum(took.values()) + 5}
        yield {**line, **took, **request_fields}
        if number % 4 == 0:
            yield {**line, "request_id": None, "msg": "request", "route": "/readyz", "status": 200, "duration_ms": 0.5}


def recorded_log() -> pd.DataFrame:
    """The log with all columns of an incident."""
    log = pd.DataFrame(recorded())
    missing = {name: pd.Series(pd.NA, log.index, kind) for name, kind in incidents.FIELDS.items() if name not in log}
    return log.assign(**missing)


LOG = recorded_log()
RIGHT = {"dependency": "redis", "since": str(INCIDENT.injected), "request_id": "id-60"}


def cause() -> Iterator[Case]:
    """Another dependency, time or request: one finding fails, and none is judged by a wrong dependency."""
    assert logging_incident.judge_cause(RIGHT, LOG, INCIDENT).verdict is Verdict.PASSED
    for key, change in (
        ("logging.cause.dependency.other", {"dependency": "replica-db"}),
        ("logging.cause.dependency.unnoticed", {"dependency": "master-db"}),
        ("logging.cause.dependency.unknown", {"dependency": "a disk"}),
        ("logging.cause.since.early", {"since": str(BEGAN + timedelta(seconds=5))}),
        ("logging.cause.since.late", {"since": str(INJECTING + timedelta(seconds=6))}),
        ("logging.cause.since.no-time", {"since": "soon"}),
        ("logging.cause.request.unconcerned", {"request_id": "id-3"}),
        ("logging.cause.request.unknown", {"request_id": "nobody"}),
    ):
        findings = logging_incident.judge_cause({**RIGHT, **change}, LOG, INCIDENT).findings
        judged = ["dependency"] if "dependency" in change else [*RIGHT]
        assert [finding.passed for finding in findings] == [name not in change for name in judged]
        yield key, findings


def test_a_time_at_which_a_busy_machine_showed_the_trouble_is_right() -> None:
    """Four requests that waited for the cache in one second; a single one that did is no trouble."""
    for waiting, passes in (({"id-20", "id-21", "id-22", "id-23"}, True), ({"id-20"}, False)):
        log = LOG.copy()
        log.loc[log["request_id"].isin(waiting), "redis_ms"] = 300.0
        answer = {**RIGHT, "since": str(BEGAN + timedelta(seconds=5)), "request_id": "id-20"}
        assert (logging_incident.judge_cause(answer, log, INCIDENT).verdict is Verdict.PASSED) is passes
        assert logging_incident.judge_cause(RIGHT, log, INCIDENT).verdict is Verdict.PASSED
        begins_with_its_fault = incidents.beginning(log, INCIDENT, incidents.SLOW_MS) == INCIDENT.injecting
        assert begins_with_its_fault is not passes


WRONG = {
    "logging.stdout": stdout,
    "logging.context": context,
    "logging.level": level,
    "logging.parse": parse,
    "logging.jq": jq,
    "logging.cause": cause,
}


@pytest.mark.parametrize("identifier", WRONG)
def test_each_wrong_answer_is_named(identifier: str) -> None:
    """A finding with the key of the mistake fails."""
    check_runner.assert_keys(WRONG[identifier]())


def test_what_follows_from_an_earlier_failure_is_left_out() -> None:
    """A log without a line, lines for eyes, one dictionary for all requests: one or two findings, and not five."""
    findings_by_case: dict[str, Sequence[Finding]] = dict(stdout())
    assert len(findings_by_case["logging.stdout.collected.empty"]) == 1
    failed = failed_keys(findings_by_case["logging.stdout.objects"])
    assert failed == ["logging.stdout.objects", "logging.stdout.hostile.forged"]
    for cases in (context(), level()):
        for key, findings in cases:
            assert failed_keys(findings) == [key]


KINDS = {"plain text", "empty", "JSON, not an object", "JSON cut short", "NaN or Infinity", "duplicate keys"}


@pytest.mark.parametrize("kind", sorted(KINDS - {"JSON cut short"}))
def test_what_is_lost_is_named_by_its_kind(kind: str) -> None:
    """Lines of one kind are in neither list."""
    lines = mixed_text(3)
    frame = framed(lines)
    right = right_answer(lines)
    lost = set(frame.loc[frame["reason"] == kind, "raw"])
    odd = [line for line in right["odd"] if line not in lost]
    finding = judge_parse({**right, "odd": odd}, lines).findings[-1]
    assert finding.key == "logging.parse.odd.lost"
    assert kind in finding.means


@pytest.mark.parametrize("seed", range(3))
def test_every_kind_of_odd_line_is_in_the_mixed_log(seed: int) -> None:
    """A seed without NaN would teach nothing about it."""
    lines = mixed_text(seed)
    assert set(framed(lines)["reason"].dropna()) == KINDS
    assert judge_parse(right_answer(lines), lines).verdict is Verdict.PASSED


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {"dependency": ["redis"], "since": "soon", "request_id": {}},
        {"lines": "many", "rows": None, "odd": 3},
        {"lines": 99, "rows": 0, "odd": ["fine"] * 99},
    ],
)
def test_any_answer_gets_a_verdict(answer: Any) -> None:
    """Any value that a cell hands in gets a verdict; none raises in the check."""
    for result in (
        logging_incident.judge_cause(answer, LOG, INCIDENT),
        judge_parse(answer, mixed_text(1)),
    ):
        assert result.verdict is Verdict.WRONG
        assert any(finding.means and finding.look for finding in result.findings)


def log_as_in_the_lesson(text: str) -> pd.DataFrame:
    """What the lines before the exercise's own cell make of a container's log."""
    source = (CHECKOUT / "solutions" / "03_logging" / "notebook.py").read_text()
    lines = source.partition('task = w.exercise("logging.cause")\n')[2].partition("# region")[0]
    service = SimpleNamespace(logs=lambda since, until: text.encode() if since < until else b"")
    client = SimpleNamespace(containers=SimpleNamespace(get={"service": service}.__getitem__))
    began, ended = (str(time.timestamp()) for time in (INCIDENT.began, INCIDENT.ended))
    task = SimpleNamespace(given={"container": "service", "began": began, "ended": ended})
    names: dict[str, Any] = {"json": json, "pd": pd, "task": task, "w": SimpleNamespace(client=client)}
    exec(lines, names)
    log: pd.DataFrame = names["log"]
    return log


def test_the_cause_is_found_in_a_table_of_plain_lines() -> None:
    """No line has the field dependency, and one is plain text: the starter's answer is wrong, the solution's right."""
    lines = [json.dumps({**line, "ts": line["ts"].isoformat(), "received": None}) for line in recorded()]
    log = log_as_in_the_lesson("\n".join([lines[0], "a line of a library", *lines[1:], ""]))
    assert len(log) == len(lines)
    begun = logging_incident.judge_cause(starter("logging.cause", {"log": log}), LOG, INCIDENT)
    assert failed_keys(begun.findings) == ["logging.cause.dependency.other"]
    solved = logging_incident.judge_cause(solution("logging.cause", {"log": log}), LOG, INCIDENT)
    assert solved.verdict is Verdict.PASSED, solved
