"""The checks of lesson 02 on recorded observations: each mistake gets its own finding."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.workshop_kit.exercises.check_runner import failed_meanings
from workshop_kit.checks import (
    config,
    config_file,
    config_restore,
    config_tasks,
    container_limits,
    monitoring_healthcheck,
)
from workshop_kit.checks.config import Refusal
from workshop_kit.checks.config_restore import RestoreOutcome
from workshop_kit.trials.check_context import CheckEnded
from workshop_kit.trials.expect import collected


def refusal(text: str, exception: str = "") -> Refusal:
    """The end of a start with settings that it cannot use."""
    return Refusal(1, frozenset(), 1, exception, text)


@pytest.mark.parametrize(
    "line",
    [
        "configuration refused: MASTER_DB_HOST: Field required; REDIS_PORT: Input should be a valid integer",
        json.dumps({"problems": ["MASTER_DB_HOST: Field required", "REDIS_PORT: is no number"]}),
        "MASTER_DB_HOST and REDIS_PORT_FILE are wrong",
    ],
)
def test_variables_are_found_in_any_form_of_a_line(line: str) -> None:
    """As text, as JSON, and with the name of their file."""
    assert set(config.VARIABLE.findall(line)) == {"MASTER_DB_HOST", "REDIS_PORT"}


@pytest.mark.parametrize("numbers_of", [container_limits.task_numbers, monitoring_healthcheck.task_numbers])
def test_the_numbers_of_a_task_come_from_the_seed(numbers_of: Callable[[int], object]) -> None:
    """The same for the same participant, and not for everybody."""
    assert numbers_of(3) == numbers_of(3)
    assert len({str(numbers_of(seed)) for seed in range(30)}) > 5


BOTH = refusal("configuration refused: MASTER_DB: Value error, PASSWORD and PASSWORD_FILE are both set")
UNREADABLE = refusal('{"problems":["MASTER_DB: Value error, the file that PASSWORD_FILE names is a folder"]}')
RAISED = refusal(BOTH.text, "IsADirectoryError: [Errno 21] Is a directory: '/tmp' (config.py, line 40)")


def test_a_mistake_with_a_file_is_refused_in_a_sentence_and_not_by_an_exception() -> None:
    """The variable's name may come in two parts: pydantic's group, and the rest in the participant's words."""
    with collected() as findings:
        for outcome in (BOTH, UNREADABLE, RAISED):
            config_file.refuses(outcome, "Start it", accepted="It starts.", look="The log.")
    assert [finding.passed for finding in findings] == [True, True, False]


AS_IT_WAS = config_restore.RIGHT
NAME_ERROR = RestoreOutcome("NameError", None, "before")
SWALLOWED = RestoreOutcome("not as asked", None, "before")
NOT_PUT_BACK = RestoreOutcome("as asked", "within", "within")


@pytest.mark.parametrize(
    ("words", "outcomes"),
    [
        ("did not get what it asked for", (NAME_ERROR, NAME_ERROR, AS_IT_WAS)),
        ("its exception did not leave the block", (AS_IT_WAS, SWALLOWED, AS_IT_WAS)),
        ("After the inner block", (AS_IT_WAS, AS_IT_WAS, NOT_PUT_BACK)),
    ],
)
def test_what_a_test_leaves_behind_is_named(
    words: str, outcomes: tuple[RestoreOutcome, RestoreOutcome, RestoreOutcome]
) -> None:
    """What only repeats the failure of the first situation is left out."""
    with collected() as findings:
        config_restore.judge_outcomes(*outcomes)
    [failed] = failed_meanings(findings)
    assert words in failed


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("does not have the right form", "", "dictionary"),
        ("does not have the right form", "qa:\n  image: !!python/object/apply:os.system ['true']", "line 2"),
        ("the line before has no colon", "qa:\n  image x\n  secrets: []\n", "line 3"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_a_sentence(key: str, text: str, words: str) -> None:
    """With the line, and the mistake if it is a common one. No traceback, and no code that runs."""
    with pytest.raises(CheckEnded) as refused:
        config_tasks.read(text)
    [failed] = failed_meanings(refused.value.result.findings)
    assert key in failed
    assert words in str(refused.value)
