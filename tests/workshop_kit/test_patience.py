"""Limits that grow while this machine is slow."""

from __future__ import annotations

import os
import time

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.patience import MAX_MEASURED_FACTOR, VARIABLE, patient, wait_for


@pytest.fixture(autouse=True)
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with four cores on which nothing waits, whatever else runs beside the test."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    load(monkeypatch, 0.1)


def load(monkeypatch: pytest.MonkeyPatch, programs: float) -> None:
    """Let so many programs run in the mean of the last minute."""
    monkeypatch.setattr(os, "getloadavg", lambda: (programs, 0.05, 0.01))


def test_the_variable_overrules_what_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty one counts as unset; what is no factor is one sentence with the value."""
    load(monkeypatch, 40)
    monkeypatch.setenv(VARIABLE, "2.5")
    assert patient(3.0) == 7.5
    monkeypatch.setenv(VARIABLE, "")
    assert patient(3.0) == 3.0 * MAX_MEASURED_FACTOR
    for value in ("fast", "0.5", "nan", "1e9"):
        monkeypatch.setenv(VARIABLE, value)
        with pytest.raises(WrongUsage, match=f"WORKSHOP_PATIENCE is '{value}', and no number from 1 to 100"):
            patient(3.0)


@pytest.mark.parametrize(
    ("programs", "factor"),
    [
        (0.1, 1.0),  # idle
        (4.0, 1.0),  # a program for each core: none waits
        (8.0, 3.0),
        (200, MAX_MEASURED_FACTOR),
    ],
)
def test_a_limit_follows_the_machine(monkeypatch: pytest.MonkeyPatch, programs: float, factor: float) -> None:
    """By the programs that wait for a core."""
    load(monkeypatch, programs)
    assert patient(2.0) == 2.0 * factor


def test_a_wait_returns_what_was_seen_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it is good, or once the limit, lengthened on a slow machine, has passed."""
    seen = iter(range(1000))
    assert wait_for(lambda: next(seen), 10.0, until=lambda number: number == 3, pause_seconds=0.0) == 3

    began = time.monotonic()
    monkeypatch.setenv(VARIABLE, "3")
    assert wait_for(lambda: "", 0.1, pause_seconds=0.01) == ""
    assert time.monotonic() - began >= 0.3
