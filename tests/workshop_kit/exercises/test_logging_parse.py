"""The exercise on lines that must not be lost: each kind of loss is named."""

from __future__ import annotations

from random import Random
from typing import Any

import pandas as pd
import pytest

from workshop_kit.exercises import log_subjects
from workshop_kit.exercises.checks import logging_parse
from workshop_kit.exercises.result import Verdict
from workshop_kit.observe.logs import read_lines

KINDS = {"plain text", "empty", "JSON, not an object", "JSON cut short", "NaN or Infinity", "duplicate keys"}


def read(seed: int) -> pd.DataFrame:
    """What the container of a seed writes, as the check has it."""
    return read_lines("".join(f"{line}\n" for line in log_subjects.mixed_lines(Random(seed))).encode())


def right(frame: pd.DataFrame) -> dict[str, Any]:
    """The right answer for these lines."""
    odd = frame.loc[frame["reason"].notna(), "raw"].tolist()
    return {"lines": len(frame), "rows": len(frame) - len(odd), "odd": odd}


@pytest.mark.parametrize("seed", range(3))
def test_every_kind_of_odd_line_is_there(seed: int) -> None:
    """A seed without NaN would teach nothing about it."""
    frame = read(seed)
    assert set(frame["reason"].dropna()) == KINDS
    assert logging_parse.compared(right(frame), frame).verdict is Verdict.PASSED


@pytest.mark.parametrize("leak", sorted(KINDS - {"JSON cut short"}))
def test_each_leak_is_named(leak: str) -> None:
    """Whoever loses lines of one kind only is told of which."""
    frame = read(3)
    lost = set(frame.loc[frame["reason"] == leak, "raw"])
    answer = {**right(frame), "odd": [line for line in right(frame)["odd"] if line not in lost]}
    (wrong,) = (finding for finding in logging_parse.compared(answer, frame).findings if not finding.passed)
    assert leak in wrong.means


@pytest.mark.parametrize(
    "answer", [None, [], {"lines": "many", "rows": None, "odd": 3}, {"lines": 99, "rows": 0, "odd": ["fine"] * 99}]
)
def test_any_answer_gets_a_verdict(answer: Any) -> None:
    """Any value that a cell hands in gets a verdict; none raises in the check."""
    assert logging_parse.compared(answer, read(1)).verdict is Verdict.WRONG
