"""The audit at length: every rule on every animal of the zoo, and targets that take all they can get."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.workshop_kit.audit import animals, test_hostile, test_service
from tests.workshop_kit.audit.conftest import build, ground, keeper, python_image
from tests.workshop_kit.audit.counting import look, look_at_all, summary, wrong
from tests.workshop_kit.audit.test_zoo import Tell, tell
from workshop_kit.engine.session import Session
from workshop_kit.engine.stack import Stack

__all__ = ["build", "ground", "keeper", "python_image", "tell"]  # fixtures

pytestmark = [pytest.mark.engine, pytest.mark.timeout(3600)]


def test_every_rule_on_every_animal(session: Session, python_image: str, tmp_path: Path, tell: Tell) -> None:
    """Each fault is found by the rule meant, and no other rule finds one."""
    zoo = (*animals.STATIC, *animals.DYNAMIC)
    tags = {one.name: animals.build_animal(session, tmp_path / one.name, one, python_image) for one in zoo}
    looked = look_at_all([partial(look, session, one.name, tags[one.name], [one.rule]) for one in zoo])
    tell(summary(looked))
    assert wrong(looked) == {}


@pytest.mark.parametrize("place", test_service.STARTERS)
def test_every_rule_on_every_starter(stack: Stack, root: Path, place: str) -> None:
    """A naive module is found by the rules that its lesson is about, and by no other of all."""
    assert wrong([test_service.of_starter(stack, root, place)]) == {}


@pytest.mark.parametrize("name", ["FORKS", "LOG", "DISK", "MEMORY"])
def test_what_takes_all_it_can_get_is_bounded(session: Session, python_image: str, name: str) -> None:
    """Processes, log, disk, memory, with the limits that clones have of themselves."""
    one = test_hostile.audited(session, python_image, entrypoint=["python3", "-c", getattr(test_hostile, name)])
    assert len(one.findings) > 15
