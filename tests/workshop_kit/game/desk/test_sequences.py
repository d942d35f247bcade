"""After any sequence of faults, one click makes everything well within 30 seconds, and nothing is left."""

from __future__ import annotations

import pytest

from tests.workshop_kit.game.desk.conftest import Pages, wait_for
from tests.workshop_kit.game.desk.sequences import TARGETS, holds_after, is_well, sequence, states
from workshop_kit.disturb.catalog import FAULTS

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

SEEDS = range(10)


def test_the_sequences_are_many_and_the_same_again() -> None:
    """A seed gives one sequence; fifty together strike every target with every fault, and undo some in between."""
    assert list(sequence(3)) == list(sequence(3))
    acts = [act for seed in range(60) for act in sequence(seed)]
    assert {act.fault for act in acts} - {""} == set(FAULTS)
    assert {act.target for act in acts} - {""} == set(TARGETS)
    assert any(act.nth >= 0 for act in acts)
    assert any(act.seconds for act in acts)


@pytest.mark.parametrize("seed", SEEDS)
def test_undo_all_after_a_random_sequence(pages: Pages, seed: int) -> None:
    """Every health passes, limits and networks are as before, no proxy stands, no line is in the journal."""
    stack = pages.stage.stack
    wait_for(lambda: is_well(stack), "all is well before")
    holds_after(pages.stage, seed, states(stack))
