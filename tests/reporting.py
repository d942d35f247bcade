"""The end of pytest's report: the ten slowest files, and the number of deselected tests."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from _pytest.terminal import TerminalReporter

SLOWEST = 10
LEFT_OUT = pytest.StashKey[int]()


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Count deselected tests; a worker sends its count to the reporting process."""
    if not items:
        return
    config = items[0].config
    config.stash[LEFT_OUT] = config.stash.get(LEFT_OUT, 0) + len(items)
    if hasattr(config, "workeroutput"):
        config.workeroutput["left_out"] = config.stash[LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take a worker's count: every worker has collected and left out the same tests."""
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left_out", 0)


def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> None:
    """Write the table if many files ran."""
    seconds: Counter[str] = Counter()
    for report in (one for reports in terminalreporter.stats.values() for one in reports):
        if isinstance(report, pytest.TestReport):
            seconds[report.nodeid.partition("::")[0]] += report.duration  # type: ignore[assignment]
    if len(seconds) <= SLOWEST:
        return
    terminalreporter.section(f"the {SLOWEST} slowest of {len(seconds)} files")
    for file, took in seconds.most_common(SLOWEST):
        terminalreporter.write_line(f"{took:6.1f} s  {file}")
    terminalreporter.write_line(f"{sum(seconds.values()):6.1f} s  all files, added up over the workers")
    if left_out := config.stash.get(LEFT_OUT, 0):
        terminalreporter.write_line(
            f"Left out: {left_out} tests ({config.option.markexpr}). Run: ./workshop test --all"
        )
