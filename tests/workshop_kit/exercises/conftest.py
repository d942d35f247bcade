"""A small checkout of its own to read, build and damage, with two lessons and two exercises; and a running stack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workshop_kit.exercises import check_runner
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.reporting import silent
from workshop_kit.trials import service_trial
from workshop_kit.workspace.folder import Workspace


def no_engine() -> Stack:
    """Fail: the test needs no engine."""
    raise AssertionError("this needs no engine")


@pytest.fixture
def engineless(tmp_path: Path) -> ExerciseService:
    """A participant's exercises on a machine without an engine."""
    return ExerciseService.of(Workspace.open(tmp_path / "mine"), no_engine)


@pytest.fixture(scope="module")
def participant(stack: Stack) -> Stack:
    """The stack of the tests' workspace, up: a participant's."""
    service_trial.ensure_up(stack, silent)
    return stack


@pytest.fixture
def quick_control() -> Iterator[None]:
    """What a check waited for in vain is the answer's fault, however slow this machine is."""
    with check_runner.quick_control():
        yield
