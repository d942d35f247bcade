"""Two participants who check at once on one engine, twenty times: each gets the right result."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.workshop_kit.learn.exercise import trying
from workshop_kit.engine.stack import Stack
from workshop_kit.learn.exercise import regions
from workshop_kit.learn.exercise.result import Verdict

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def two(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Stack]]:
    """Two participants' stacks, up."""
    folder = tmp_path_factory.mktemp("two")
    with trying.a_participant(folder / "one") as one, trying.a_participant(folder / "other") as other:
        yield one, other


@pytest.mark.parametrize("number", range(20))
def test_two_checks_at_once_are_both_right(two: tuple[Stack, Stack], root: Path, number: int) -> None:
    """20 of 20: the solution passes and the starter fails, whoever has which and whichever exercise it is."""
    identifier, name = [("container.graceful", "__main__.py"), ("container.limits", "limits.yaml")][number % 2]
    source = trying.marked(root, name)
    texts = [regions.solved(source), regions.starter(source)]
    good, bad = two if number % 4 < 2 else two[::-1]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(trying.judge, (good, bad), (identifier, identifier), texts))
    assert [judged.ruling for judged in results] == [Verdict.PASSED, Verdict.WRONG], results
