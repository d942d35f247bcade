"""Every incident, by several seeds: it shows in two places, the first reaction does not help, the reason does."""

from __future__ import annotations

import pytest

from tests.workshop_kit.game.playing import lesson_of, play
from workshop_kit import game
from workshop_kit.engine.stack import Stack
from workshop_kit.learn.workspace import Workspace

pytestmark = [pytest.mark.engine, pytest.mark.timeout(400)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("day", game.CAUSES)
def test_every_incident_can_be_found_and_mended(workspace: Workspace, stack: Stack, day: str, seed: int) -> None:
    """Inject, see it, try the usual, find it, mend it, and leave nothing."""
    stack.up()
    play(lesson_of(workspace, stack), day, seed)
