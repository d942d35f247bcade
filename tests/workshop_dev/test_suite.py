"""``./workshop test --all``: every group runs, and a failure of one stays the result."""

from __future__ import annotations

from pathlib import Path

import pytest

from workshop_dev import suite
from workshop_dev.suite import DEFAULT, LONG


def test_all_groups_run_after_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The groups behind a failed one run, too; the exit code is that of the first failure."""
    started: list[str] = []

    def run_group(group: suite.Group, *_: object) -> int:
        started.append(group.name)
        return {"long": 2, "alone": 1}.get(group.name, 0)

    monkeypatch.setattr(suite, "run_group", run_group)
    assert suite.run_all(tmp_path, tmp_path, [], {}) == 2
    assert started == [group.name for group in (DEFAULT, *LONG)]
