"""The exercise on jq: wrong programs by the real jq, over the live service's log."""

from __future__ import annotations

import json

import pytest

from tests.workshop_kit.exercises import trying
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises.checks import logging_jq
from workshop_kit.exercises.result import Verdict

ALSO_GOOD = (
    '(fromjson? // empty) | select(type == "object" and (.status | type) == "number" and .status >= 500)'
    ' | select(.request_id | type == "string") | .request_id'
)
DIES = "fromjson | objects | select((.status | numbers) >= 500) | .request_id | strings"
TAKES_TEXT = "fromjson? | objects | select(.status >= 500) | .request_id | strings"
MISSES_500 = "fromjson? | objects | select((.status | numbers) > 500) | .request_id | strings"


@pytest.mark.engine
@pytest.mark.parametrize(
    ("program", "passed"),
    [
        pytest.param(ALSO_GOOD, [True, True, True], id="another way"),
        pytest.param(DIES, [False, True, True], id="dies"),
        pytest.param(TAKES_TEXT, [True, True, False], id="takes text"),
        pytest.param(MISSES_500, [True, False, True], id="misses 500"),
        pytest.param("repeat(1)", [False, False, False], id="without an end"),
    ],
)
def test_each_mistake_has_its_finding(participant: Stack, program: str, passed: list[bool]) -> None:
    """No complaint, none missing, none too many: one finding each."""
    judged = trying.judge(participant, "logging.jq", program)
    assert judged.verdict is (Verdict.PASSED if all(passed) else Verdict.WRONG)
    assert [finding.passed for finding in judged.findings] == passed, judged.findings


@pytest.mark.engine
def test_what_is_no_program_is_not_readable(participant: Stack) -> None:
    """jq's own words come along."""
    judged = trying.judge(participant, "logging.jq", "fromjson? | (")
    assert judged.verdict is Verdict.NOT_READABLE
    assert "syntax error" in judged.output


def test_what_is_planted_has_failures_and_what_looks_like_them() -> None:
    """Three requests failed; texts, lists, objects, null and a cut line did not say so."""
    lines = logging_jq.planted()
    records = [logging_jq._record(line.encode()) for line in lines]
    assert sum(bool(record) and logging_jq.failed(record) for record in records if record) == 3
    assert sum(record is None for record in records) == 7
    assert json.loads(lines[0])["request_id"] != json.loads(logging_jq.planted()[0])["request_id"]
