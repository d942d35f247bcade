"""docs/performance.md: written from the rows of the benchmarks, with the command and the peers beside each."""

from __future__ import annotations

import json
from pathlib import Path

from workshop_kit.dev import generated

ROW = {"work": "to read", "runs": 3, "unit": "s", "taken": "median"}
ALONE = {**ROW, "theirs": None, "ratio": None, "beside": "", "aim": ""}
ROWS = [
    {**ROW, "ours": 0.5, "theirs": 2.0, "ratio": 0.25, "beside": "pandas 3.1", "aim": "ratio ≤ 0.6"},
    {**ALONE, "work": "memory", "ours": 241.4, "unit": "MiB", "runs": 1},
    {**ALONE, "work": "lost", "ours": 0, "unit": "events", "taken": "all", "runs": 1200, "aim": "0"},
]


def test_kept_rows_become_a_table(tmp_path: Path) -> None:
    """Measured, peer, ratio and aim stand in a line, below the command; what was not measured is said."""
    (tmp_path / "benchmarks").mkdir()
    for name in ("logs", "audit", "_rows"):
        (tmp_path / "benchmarks" / f"{name}.py").write_text(f'"""The cost of {name}.\n\nFurther\nwords.\n"""\n')
    generated.keep_rows(tmp_path, "logs", json.dumps(ROWS))
    assert generated.write_performance_page(tmp_path) == generated.PERFORMANCE
    page = (tmp_path / generated.PERFORMANCE).read_text()
    assert "## Logs\n\nThe cost of logs. Further words.\n\n`./workshop bench logs`\n\n| What |" in page
    assert "| to read | 0.50 s, median of 3 | pandas 3.1: 2.00 s | 0.25 × | ratio ≤ 0.6 |" in page
    assert "| memory | 241 MiB, one run |  |  |  |" in page
    assert "| lost | 0 events, all of 1,200 |  |  | 0 |" in page
    assert "`./workshop bench audit`\n\nNot measured yet." in page
    assert "_rows" not in page


def test_the_committed_page_is_of_the_kept_rows(root: Path) -> None:
    """It says what the kept rows say: ``./workshop build`` writes it, ``./workshop bench --report`` measures, too."""
    assert (root / generated.PERFORMANCE).read_text() == generated.performance_page(root)
