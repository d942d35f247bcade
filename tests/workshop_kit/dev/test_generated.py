"""docs/performance.md: written from the rows of the benchmarks, with the command and the peers beside each."""

from __future__ import annotations

from pathlib import Path

from workshop_kit.dev import generated


def test_the_committed_page_is_of_the_kept_rows(root: Path) -> None:
    """It says what the kept rows say: ``./workshop build`` writes it, ``./workshop bench --report`` measures, too."""
    assert (root / generated.PERFORMANCE).read_text() == generated.performance_page(root)
