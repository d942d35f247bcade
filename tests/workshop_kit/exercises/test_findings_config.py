"""The checks of lesson 02 on recorded observations: each mistake gets its own finding."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.workshop_kit.exercises import check_runner
from workshop_kit.exercises.check_api import CheckEnded
from workshop_kit.exercises.checks import config, config_secrets, config_tasks, container_limits, monitoring_container
from workshop_kit.exercises.checks.config import LoadResult, Refusal
from workshop_kit.exercises.result import Finding
from workshop_kit.observe.http import Answer


def refusal(*named: str, code: int | None = 1, lines: int = 1, json_lines: int = 1) -> Refusal:
    """The end of a start without some settings."""
    return Refusal(code, frozenset(named), lines, json_lines)


def test_an_incomplete_report_is_named() -> None:
    """All that is missing, nothing that is not, in one line, with exit code 1."""
    cases = {
        "names none of them": refusal(),
        "you need 4 deploys to learn all 4": refusal(config.MISSING[0]),
        "Look for other variables": refusal(*config.MISSING, "LOG_LEVEL"),
        "Count the lines": refusal(*config.MISSING, lines=3),
        "Start it without them": refusal(*config.MISSING, code=None),
    }
    results = [(says, config.report_findings(told)) for says, told in cases.items()]
    check_runner.assert_named("config.report", results, without=["KeyError"])
    assert all(sum(not finding.passed for finding in findings) == 1 for _, findings in results)


@pytest.mark.parametrize("given", [container_limits.given, monitoring_container.given])
def test_the_numbers_of_a_task_come_from_the_seed(given: Callable[[int], object]) -> None:
    """The same for the same participant, and not for everybody."""
    assert given(3) == given(3)
    assert len({str(given(seed)) for seed in range(30)}) > 5


SECRET = "canary-0f1e2d3c4b5a"
NAMED = refusal("LOG_LEVEL", "MASTER_DB_PORT")


@pytest.mark.parametrize(
    ("finding", "says"),
    [
        (config_secrets.log_names_variables(NAMED, leaked=True), "stands in the log now"),
        (config_secrets.printed_settings(LoadResult(SECRET), SECRET), ""),
        (config_secrets.printed_settings(LoadResult(SECRET, printed=f"…{SECRET[3:12]}…"), SECRET), "Printing"),
        (config_secrets.printed_settings(LoadResult("*****"), SECRET), "no longer gets its password"),
    ],
)
def test_each_leak_of_a_secret_is_named(finding: Finding, says: str) -> None:
    """A part of a value is a leak, too; and hiding it from the service is no solution."""
    assert finding.passed == (not says)
    assert says in finding.means


def test_each_mistake_with_a_secret_in_a_file_is_named() -> None:
    """The password, a secret with blanks, one that is set twice, and a file that cannot be read."""
    right, refused = LoadResult(config_secrets.ODD), LoadResult(refused=(config.PASSWORD,))
    raised = LoadResult(raised="IsADirectoryError")
    fine = config_secrets.file_findings(Answer(201, 0.1), [right, refused, refused])
    assert all(finding.passed for finding in fine)
    findings = config_secrets.file_findings(Answer(503, 0.1), [LoadResult("odd"), right, raised])
    says = ("access denied", "was cut off", "takes one of them in silence", "does not say which variable")
    for finding, words in zip(findings, says, strict=True):
        assert not finding.passed
        assert words in finding.means


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "environments"),
        ("qa:\n  image: x\n   secrets: 1", "line 3"),
        ("qa:\n  image: !!python/object/apply:os.system ['true']", "line 2"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_a_sentence(text: str, says: str) -> None:
    """No traceback, and no code that runs."""
    with pytest.raises(CheckEnded) as refused:
        config_tasks.read(text)
    assert says in str(refused.value)
    assert len(str(refused.value)) < 200
