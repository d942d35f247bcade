"""The checks of lesson 03 on logs.py: what they find in a log, and the likely mistakes on real containers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from workshop_kit.exercises.checks import logging_context, logging_level, logging_look, logging_stdout
from workshop_kit.exercises.checks.logging_look import Log
from workshop_kit.exercises.checks.logging_stdout import Customers
from workshop_kit.exercises.result import Finding
from workshop_kit.observe.logs import read_lines, record

CUSTOMERS = Customers.of(1)
IDS = logging_context.ids_of(1)
FIRST = {"ts": "2026-05-18T09:00:00.000+00:00", "level": "info", "logger": "orders", "msg": "request"}
BUG = {"error": "KeyError: 'rows'", "stack": "orders.py:40 in charge"}
EVENTS: list[dict[str, Any]] = [
    *({**FIRST, "request_id": name, "path": "/orders/first"} for name in CUSTOMERS.honest),
    {**FIRST, "request_id": CUSTOMERS.hostile, "path": CUSTOMERS.path},
    {**FIRST, "request_id": CUSTOMERS.unlucky, **BUG},
]


def log_of(*lines: str) -> Log:
    """What the check reads from docker logs."""
    frame = read_lines("".join(f"{line}\n" for line in lines).encode())
    return Log(frame, tuple(record(frame, row) for row in range(len(frame))))


def stdout_findings(log: Log) -> list[Finding]:
    """What the check on stdout finds in a log."""
    with_customers = (logging_stdout._there, logging_stdout._hostile, logging_stdout._bug)
    found = [part(log, CUSTOMERS) for part in with_customers]
    return [*found, logging_stdout._objects(log), logging_stdout._fields(log)]


def as_text(fields: dict[str, Any]) -> str:
    """The usual line of a program that has never been read by another one."""
    return " ".join(f"{name}={value}" for name, value in fields.items())


@pytest.mark.parametrize(
    ("to_line", "says"),
    [
        pytest.param(json.dumps, "", id="right"),
        pytest.param(lambda fields: json.dumps(fields, indent=1), "no JSON object", id="pretty, on many lines"),
        pytest.param(as_text, "A customer wrote a line of your log", id="text"),
        pytest.param(lambda fields: json.dumps({**fields, "ts": fields["ts"][:19]}), "its zone", id="no zone"),
        pytest.param(
            lambda fields: json.dumps({name: value for name, value in fields.items() if name != "logger"}),
            "Nobody can search for logger",
            id="half of the fields",
        ),
        pytest.param(
            lambda fields: json.dumps({name: value for name, value in fields.items() if name not in BUG}),
            "no search finds what went wrong",
            id="no error",
        ),
        pytest.param(
            lambda fields: json.dumps({**fields, **({"locals": logging_look.CANARY} if "stack" in fields else {})}),
            "has passwords now",
            id="values of variables",
        ),
    ],
)
def test_lines_that_are_nearly_right(to_line: Callable[[dict[str, Any]], str], says: str) -> None:
    """What falls short is told by what it costs."""
    failed = [finding.means for finding in stdout_findings(log_of(*map(to_line, EVENTS))) if not finding.passed]
    assert any(says in means for means in failed) if says else failed == []


def test_a_log_that_is_nowhere_is_said() -> None:
    """A file in the container: nothing collects it."""
    assert "docker logs is empty" in logging_stdout._there(log_of(), CUSTOMERS).means


def lines_of_requests(id_of: Callable[[str], dict[str, str]]) -> Log:
    """All that is logged for customers who ask at once, with the id that each line gets."""
    events: list[dict[str, Any]] = [{**FIRST, "msg": "beat", **id_of("nobody")}]
    for who in IDS:
        events += [{**FIRST, "msg": "slow", "who": who, "by": way, **id_of(who)} for way in logging_context.WAYS]
        events.append({**FIRST, "logger": "some_library", "msg": f"asked by {who}", **id_of(who)})
        events.append({**FIRST, "route": "/orders", **id_of(who)})
    return log_of(*map(json.dumps, events))


LAST = list(IDS)[-1]


@pytest.mark.parametrize(
    ("id_of", "says"),
    [
        pytest.param(lambda who: {"request_id": IDS[who]} if who in IDS else {}, "", id="right"),
        pytest.param(lambda who: {"request_id": IDS[LAST]}, "reads another's", id="one place for all"),
        pytest.param(lambda who: {}, "does not find what", id="no id at all"),
        pytest.param(lambda who: {"request_id": IDS.get(who, IDS[LAST])}, "put down to a customer", id="also for none"),
    ],
)
def test_contexts_that_are_nearly_right(id_of: Callable[[str], dict[str, str]], says: str) -> None:
    """Each line has the id of its own request, and none where there is no request."""
    log = lines_of_requests(id_of)
    ways = [logging_context._by(way, log, IDS) for way in logging_context.WAYS]
    findings = [*ways, logging_context._last(log, IDS), logging_context._outside(log)]
    failed = [finding.means for finding in findings if not finding.passed]
    assert says in failed[0] if says else failed == []


@pytest.mark.parametrize(
    ("level", "probe", "request_there", "right"),
    [
        ("debug", 1, 1, True),
        ("info", 0, 1, True),
        ("error", 0, 0, True),
        ("debug", 0, 1, False),
        ("error", 0, 1, False),
    ],
)
def test_levels_that_are_nearly_right(level: str, probe: int, request_there: int, right: bool) -> None:
    """Up and down, for every level."""
    lines = [json.dumps({**FIRST, "request_id": f"level-{level}-probe"})] * probe
    lines += [json.dumps({**FIRST, "request_id": f"level-{level}-request"})] * request_there
    (phase,) = (phase for phase in logging_level.PHASES if phase.level == level)
    assert logging_level._heard(log_of(*lines), phase).passed is right


def test_both_sides_mean_the_same_canary() -> None:
    """What the trial loses in a traceback is what the check looks for."""
    first, second = logging_look.CANARY.split("-")
    assert f'CANARY = "{first}-" + "{second}"' in logging_look.INSIDE.read_text()


def test_everybody_has_ids_of_their_own() -> None:
    """They come from the seed, so that nothing can be hard-coded."""
    assert Customers.of(1) == CUSTOMERS != Customers.of(2)
    assert not set(IDS.values()) & set(logging_context.ids_of(2).values())
