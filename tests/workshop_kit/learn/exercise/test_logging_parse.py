"""The exercise on lines that must not be lost: for every seed the starter loses some, the solution none."""

from __future__ import annotations

from random import Random
from typing import Any

import pandas as pd
import pytest

from tests.workshop_kit.learn.exercise import handing
from workshop_kit.engine.stack import Stack
from workshop_kit.learn.exercise import log_subjects, registry
from workshop_kit.learn.exercise.checks import CHECKS, logging_parse
from workshop_kit.learn.exercise.judging import Context
from workshop_kit.learn.exercise.result import Verdict
from workshop_kit.observe.logs import read_lines


def written(seed: int) -> str:
    """What the container of a seed writes."""
    return "".join(f"{line}\n" for line in log_subjects.mixed_lines(Random(seed)))


def read(text: str) -> pd.DataFrame:
    """The same as the check has it."""
    return read_lines(text.encode())


@pytest.mark.parametrize("seed", range(25))
def test_for_every_seed_the_starter_loses_lines_and_the_solution_none(seed: int) -> None:
    """All three findings fail for the one and pass for the other."""
    text = written(seed)
    begun = logging_parse.compared(handing.starter("logging.parse", {"text": text}), read(text))
    assert [finding.passed for finding in begun.findings] == [False] * 3
    solved = logging_parse.compared(handing.solution("logging.parse", {"text": text}), read(text))
    assert solved.ruling is Verdict.PASSED, solved.findings


@pytest.mark.parametrize("seed", range(5))
def test_every_kind_of_odd_line_is_there(seed: int) -> None:
    """A seed without NaN would teach nothing about it."""
    reasons = set(read(written(seed))["reason"].dropna())
    kinds = {"plain text", "empty", "JSON, not an object", "JSON cut short", "NaN or Infinity", "duplicate keys"}
    assert reasons == kinds


@pytest.mark.parametrize("leak", ["NaN or Infinity", "duplicate keys", "JSON, not an object", "empty", "plain text"])
def test_each_leak_is_named(leak: str) -> None:
    """Whoever loses lines of one kind only is told of which."""
    text = written(3)
    right, frame = handing.solution("logging.parse", {"text": text}), read(text)
    lost = set(frame.loc[frame["reason"] == leak, "raw"])
    answer = {**right, "odd": [line for line in right["odd"] if line not in lost]}
    judged = logging_parse.compared(answer, frame)
    (wrong,) = (finding for finding in judged.findings if not finding.passed)
    assert leak in wrong.means


def test_a_fine_line_among_the_odd_ones_is_wrong() -> None:
    """Whoever keeps everything as odd has lost nothing, and understood nothing."""
    text = written(4)
    lines = text.split("\n")[:-1]
    judged = logging_parse.compared({"lines": len(lines), "rows": 0, "odd": lines}, read(text))
    assert [finding.passed for finding in judged.findings] == [True, False, False]


@pytest.mark.parametrize("answer", [None, 7, [], {"lines": "many", "rows": None, "odd": 3}])
def test_any_answer_gets_a_verdict(answer: Any) -> None:
    """What a cell hands in may be anything; it is wrong, and no error of ours."""
    assert logging_parse.compared(answer, read(written(1))).ruling is Verdict.WRONG


@pytest.mark.engine
def test_the_check_reads_the_live_container(participant: Stack) -> None:
    """What the engine has kept is what was written; once the container is gone, the check says so."""
    names, running = log_subjects.container_with_lines(participant, Random(5))
    exercise = registry.find(registry.load(participant.root), "logging.parse")
    with running:
        text = running.container.logs().decode()
        answer = {"subject": names, "value": handing.solution("logging.parse", {"text": text})}
        context = Context(exercise, participant, 5, answer=answer)
        assert CHECKS["logging.parse"].check(context).ruling is Verdict.PASSED
    assert CHECKS["logging.parse"].check(context).ruling is Verdict.NOT_STARTED
