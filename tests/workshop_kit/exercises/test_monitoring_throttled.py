"""The exercise on a throttled container: what is said of an answer, by what the kernel has counted."""

from __future__ import annotations

import pytest

from workshop_kit.exercises.checks import monitoring_throttled
from workshop_kit.exercises.checks.monitoring_throttled import Counted
from workshop_kit.exercises.result import Verdict

COUNTED = {"a": Counted(0.0, 45.0), "b": Counted(61.0, 5.0), "c": Counted(2.0, 1.5)}


@pytest.mark.parametrize(
    ("value", "passed"),
    [
        ({"container": "b", "percent": 58.2}, [True, True]),
        ({"container": "B ", "percent": 70}, [True, True]),
        ({"container": "b", "percent": 30}, [True, False]),
        ({"container": "b", "percent": "61"}, [True, False]),
        ({"container": "a", "percent": 61}, [False, False]),
        ({"container": "d", "percent": 61}, [False, True]),
        (None, [False, False]),
    ],
)
def test_who_and_how_much_are_told_apart(value: object, passed: list[bool]) -> None:
    """The busiest is not the one that is held back, and a share is of the container that was named."""
    judged = monitoring_throttled.compared(value, COUNTED)
    assert [finding.passed for finding in judged.findings] == passed, judged.findings
    assert (judged.verdict is Verdict.PASSED) == all(passed)
