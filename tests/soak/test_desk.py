"""Fifty random sequences of faults: after each, one click makes everything well within 30 seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import LiveStack
from tests.workshop_kit.game.desk.sequences import holds_after, states
from workshop_kit.game.desk.stage import Stage
from workshop_kit.learn.workspace import Workspace

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]


@pytest.fixture
def stage(live_stack: LiveStack, workspace: Workspace) -> Iterator[Stage]:
    """A desk over the stack, which is well."""
    with Stage(live_stack.stack, workspace) as stage:
        yield stage


@pytest.mark.parametrize("seed", range(100, 150))
def test_undo_all_after_a_random_sequence(stage: Stage, seed: int) -> None:
    """Other seeds than the suite's."""
    holds_after(stage, seed, states(stage.stack))
