"""The reaper's promise, as often as it is made: twenty random moments, twenty rounds of two times two kernels."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workshop_kit.engine import kernels
from workshop_kit.engine.reach import Engine

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("seed", range(100, 120))
def test_a_kernel_killed_at_any_moment_leaves_nothing(
    engine: Engine, images: dict[str, str], root: Path, tmp_path: Path, seed: int
) -> None:
    """20 of 20."""
    kernels.kill_at_a_random_moment(engine, root, tmp_path / "own", images["base"], seed)


@pytest.mark.parametrize("seed", range(1000, 1200, 10))
def test_two_workspaces_with_two_kernels_do_not_disturb_each_other(
    engine: Engine, images: dict[str, str], root: Path, tmp_path: Path, seed: int
) -> None:
    """20 of 20."""
    kernels.two_by_two(engine, root, tmp_path, images["base"], seed)
