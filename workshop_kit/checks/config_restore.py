"""The check of config.restore: what a context manager for environment variables leaves behind."""

from __future__ import annotations

from dataclasses import dataclass

from workshop_kit.checks import config
from workshop_kit.trials.check_api import check
from workshop_kit.trials.expect import Observation, expect
from workshop_kit.trials.service import Service

LONGEST_GOT = 300


@dataclass(frozen=True)
class RestoreOutcome:
    """What happened in a block of config_inside.py, and the two variables afterwards: None for one that is not set."""

    block: str
    first: str | None
    second: str | None

    def __str__(self) -> str:
        first = describe(self.first)
        second = describe(self.second)
        return f"within the block {self.block}; afterwards the first variable is {first}, the second {second}"


RIGHT = RestoreOutcome("as asked", None, "before")


@check("config.restore")
def restore(service: Service) -> None:
    """After each test, the next one finds the environment as it was."""
    values = config.run_inside(service, "restored")
    plain, raising, nested = (RestoreOutcome(*values[name]) for name in ("plain", "raising", "nested"))
    judge_outcomes(plain, raising, nested)


def judge_outcomes(plain: RestoreOutcome, raising: RestoreOutcome, nested: RestoreOutcome) -> None:
    """Expect three situations to end well, except where a finding would only repeat the one on the plain test."""
    puts_variables_back(plain)
    if plain == RIGHT or raising != plain:
        puts_variables_back_after_a_failure(raising)
    if plain != RIGHT:
        return

    expect(
        nested == RIGHT,
        seen=seen("Run a block within a block", nested),
        expected=str(RIGHT),
        means="After the inner block, the outer block or the next test runs in another environment.",
        look="The inner block has to restore what it found when it began.",
        hint=2,
    )


def puts_variables_back(outcome: RestoreOutcome) -> None:
    """Expect a test to get both variables, and to leave them as they were."""
    means = "The next test runs in another environment."
    look = "What did each variable hold before? One that was not set has no value, not even ''."
    if outcome.first == "":
        means = "After one test, all the others fail: the variable that was not set before is still there, empty."
    if outcome.block != RIGHT.block:
        means = "The test did not get what it asked for: its variables were not set, or its block failed."
        look = "What does the block do before `yield`?"

    expect(
        outcome == RIGHT,
        seen=seen("Run a test that sets two variables, the first of which was not set before", outcome),
        expected=str(RIGHT),
        means=means,
        look=look,
    )


def puts_variables_back_after_a_failure(outcome: RestoreOutcome) -> None:
    """Expect a test that fails to fail with its own exception, and to leave the variables as they were."""
    means = "After a test that fails, the next one runs in another environment."
    look = "What runs even if a test fails?"
    if outcome.block != RIGHT.block:
        means = "A test failed, and its exception did not leave the block: a failing test looks like a passing one."
        look = "What does the block do with an exception?"

    expect(
        outcome == RIGHT,
        seen=seen("Run a test that fails within the block", outcome),
        expected=str(RIGHT),
        means=means,
        look=look,
        hint=2,
    )


def seen(called: str, outcome: RestoreOutcome) -> Observation:
    """Return what came of a situation."""
    return Observation(called, str(outcome)[:LONGEST_GOT], 0.0)


def describe(value: str | None) -> str:
    """Return the value of a variable as text."""
    return "not set" if value is None else repr(value)
