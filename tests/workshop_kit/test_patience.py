"""WORKSHOP_PATIENCE lengthens time limits, and says what it takes."""

from __future__ import annotations

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.patience import VARIABLE, patient


def test_a_limit_is_multiplied_by_a_factor(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable counts as unset; what is no factor is one sentence with the value."""
    for said, seconds in (("", 3.0), ("2.5", 7.5)):
        monkeypatch.setenv(VARIABLE, said)
        assert patient(3.0) == seconds
    for said in ("fast", "0.5", "nan", "1e9"):
        monkeypatch.setenv(VARIABLE, said)
        with pytest.raises(WrongUsage, match=f"WORKSHOP_PATIENCE is '{said}', and no number from 1 to 100"):
            patient(3.0)
