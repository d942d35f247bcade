"""Tuesday's prediction: each of its four answers is what happened, for some customers."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from workshop_kit.gameday import after_restart

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
PER_SECOND = 10


def visits(*percent: int) -> pd.DataFrame:
    """Customers of which so many percent are served in each second, the first ten of them before noon."""
    rows = [
        (NOON + timedelta(seconds=second - 10 + number / PER_SECOND), number < share * PER_SECOND / 100)
        for second, share in enumerate(percent)
        for number in range(PER_SECOND)
    ]
    return pd.DataFrame(rows, columns=["time", "good"])


@pytest.mark.parametrize(
    ("percent", "outcome"),
    [
        ([40] * 10 + [0] * 3 + [100] * 12, "heals"),
        ([40] * 10 + [0] * 2 + [100] * 6 + [30] * 7, "half"),
        ([40] * 10 + [0] * 15, "worse"),
        ([40] * 10 + [40] * 15, "nothing"),
        ([0] * 10 + [0] * 15, "nothing"),
    ],
)
def test_every_answer_can_be_right(percent: list[int], outcome: str) -> None:
    """It follows from who was served before and after."""
    assert after_restart(visits(*percent), NOON) == outcome


def test_they_are_the_options_of_the_prediction(root: Path) -> None:
    """The lesson reveals one of them."""
    question = tomllib.loads((root / "notebooks" / "05_game_day.predictions.toml").read_text())["restart"]
    assert set(question["options"]) == {"heals", "half", "worse", "nothing"}
