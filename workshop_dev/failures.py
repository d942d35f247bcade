"""A pytest plugin that writes what failed to the file `VARIABLE`, so that `suite` can run it once more, alone."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

VARIABLE = "WORKSHOP_TEST_FAILURES"
"""The variable with the path of the file; without it nothing is written."""
LAST_LINES = 6
GROUP = re.compile(r"@[^\]]*$")
"""What pytest-xdist adds to the name of a test: its group."""


@dataclass(frozen=True)
class Failure:
    """A test that failed, with the end of what pytest says of it; ``load`` is the machine's at that moment.

    ``is_test`` is false for a file that pytest could not collect.
    """

    test: str
    last_lines: tuple[str, ...]
    load: float
    is_test: bool = True


class FailureRecorder:
    """Collects the failures of a run, those of its workers among them."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._failures: dict[str, Failure] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test whose call, set-up or clean-up failed."""
        if report.failed:
            self._note(report, is_test=True)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that could not be collected."""
        if report.failed:
            self._note(report, is_test=False)

    def pytest_sessionfinish(self) -> None:
        """Write the failures."""
        rows = [asdict(failure) for failure in self._failures.values()]
        self._file.write_text(json.dumps(rows), encoding="utf-8")

    def _note(self, report: pytest.TestReport | pytest.CollectReport, *, is_test: bool) -> None:
        test = GROUP.sub("", report.nodeid)
        lines = report.longreprtext.rstrip().splitlines()
        load, _, _ = os.getloadavg()
        self._failures.setdefault(test, Failure(test, tuple(lines[-LAST_LINES:]), load, is_test))


def pytest_configure(config: pytest.Config) -> None:
    """Record the failures of a run whose environment names a file; not in a worker, which reports them."""
    path = os.environ.get(VARIABLE)
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(FailureRecorder(Path(path)))


def read(file: Path) -> Iterator[Failure]:
    """Yield the failures in a file; none without the file: pytest ended before it wrote one."""
    if not file.is_file():
        return
    for row in json.loads(file.read_text(encoding="utf-8")):
        yield Failure(**{**row, "last_lines": tuple(row["last_lines"])})
