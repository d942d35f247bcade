"""WORKSHOP_PATIENCE lengthens time limits, and says what it takes."""

from __future__ import annotations

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.patience import VARIABLE, patient


@pytest.mark.parametrize(("said", "seconds"), [("", 3.0), ("1", 3.0), ("2.5", 7.5), ("10", 30.0)])
def test_a_limit_is_multiplied(monkeypatch: pytest.MonkeyPatch, said: str, seconds: float) -> None:
    """An empty variable counts as unset."""
    monkeypatch.setenv(VARIABLE, said)
    assert patient(3.0) == seconds


@pytest.mark.parametrize("said", ["fast", "0.5", "-3", "nan", "inf", "1e9"])
def test_what_is_no_factor_is_one_sentence(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    """It names the variable, the value, and what to do."""
    monkeypatch.setenv(VARIABLE, said)
    with pytest.raises(WrongUsage, match=f"WORKSHOP_PATIENCE is '{said}', and no number from 1 to 100"):
        patient(3.0)
