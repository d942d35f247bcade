"""``./workshop test``: two workers for the whole suite, one process for a part of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from workshop_kit.develop import suite


@pytest.mark.parametrize("words", [[], ["-x"], ["--durations=60"], ["-v", "-ra"], ["--color=no"], ["--maxfail=3"]])
def test_the_whole_suite_is_shared_by_two(root: Path, words: list[str]) -> None:
    """However many cores there are; and where there is one only, nothing is shared."""
    assert suite.pytest_words(words, root, cores=16) == ["-n", "2", "--max-worker-restart=0", *words]
    assert suite.pytest_words(words, root, cores=1) == words


@pytest.mark.parametrize(
    "words",
    [
        ["-k", "ledger"],
        ["-kledger"],
        ["-m", "alone"],
        ["-n", "4"],
        ["-v", "tests/quality"],
        ["tests/quality/test_style.py::test_ruff_has_nothing_to_say"],
        ["--lf"],
        ["--collect-only"],
    ],
)
def test_a_part_stays_in_one_process(root: Path, words: list[str]) -> None:
    """A second stack would cost more than it saves; and who names a number of workers gets that."""
    assert suite.pytest_words(words, root, cores=16) == words


def test_this_machine_has_a_core() -> None:
    """The number of processors is at least one, wherever the workshop runs."""
    assert suite.cores() >= 1
