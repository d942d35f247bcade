"""How the suite is spread over workers (``pytest -n 2``): long files first, what must be alone last of all.

A file stays with one worker, and so do files that share something costly. A test marked ``alone`` measures or counts
what others on the machine disturb: such tests wait until every other worker has ended and taken its stack along.
"""

from __future__ import annotations

import ast
import contextlib
import signal
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

TABLE = Path(__file__).with_name("seconds.toml")
MEASURED = Path("build") / "seconds.toml"
"""What the last run with workers took, to be copied over the table when that has grown old."""
WORTH_LISTING_SECONDS = 2
UNKNOWN_SECONDS = 60.0
"""A file that the table does not know may be a long one: it is not left for the end."""
COSTLY = ("own_engine",)
"""Fixtures of a whole session that take minutes or gigabytes: whoever asks for one goes where it is up already.

A stack is none of them: it is up in seconds, and units that grow with every lesson would leave one worker idle."""
ENDING_SECONDS = 60
"""After Ctrl-C a worker takes down what it has up; one that takes longer than this is ended by force."""
MARK = "pytest.mark.alone"
ALONE = "alone"


class Spread(LoadScopeScheduling):
    """Gives whole units to the workers in the order collected, and the unit ``ALONE`` to the last one standing."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid, self.config.rootpath)

    def _assign_work_unit(self, node: WorkerController) -> None:
        if ALONE in self.workqueue:
            self.workqueue.move_to_end(ALONE)
        others = [one for one in self.nodes if one is not node]
        if not others or next(iter(self.workqueue)) != ALONE:
            super()._assign_work_unit(node)
        elif not all(one.shutting_down for one in others):
            node.shutdown()  # another one is still at work, and will take it
        # else: the others are taking down what they have; the last of them to go comes by `remove_node`

    def remove_node(self, node: WorkerController) -> str | None:
        """Forget a worker that has ended; the one that waited for it goes on. Returns the test it died in, if any."""
        crashed: str | None = super().remove_node(node)
        if self.collection is not None and ALONE in self.workqueue:
            for one in self.nodes:
                self._reschedule(one)
        return crashed


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Spread | None:
    """Spread in our way, unless ``--dist`` asks for another."""
    if config.getvalue("dist") != "load":  # what -n alone stands for
        return None
    config.option.loadscopereorder = False  # the workers have ordered what they collected
    return Spread(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a worker: the longest first."""
    if hasattr(config, "workerinput"):
        root = config.rootpath
        places = {unit: place for place, unit in enumerate(in_order((item.nodeid for item in items), listed(), root))}
        items.sort(key=lambda item: places[unit_of(item.nodeid, root)])


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """After Ctrl-C every worker takes down its stack and its engines: that is not interrupted, and it is waited for."""
    if hasattr(session.config, "workerinput"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is told again and again
    elif (distributed := session.config.pluginmanager.getplugin("dsession")) is not None:
        _wait_for(set(distributed._active_nodes), distributed.queue)  # none at the usual end


def _wait_for(workers: set[WorkerController], told: Queue[tuple[str, dict[str, Any]]]) -> None:
    """Hear out the workers that are still at it; xdist would give them 15 seconds and no more."""
    deadline = time.monotonic() + ENDING_SECONDS
    while workers and (left := deadline - time.monotonic()) > 0:
        with contextlib.suppress(Empty):
            what, details = told.get(timeout=left)
            if what in {"workerfinished", "errordown"}:
                workers.discard(details["node"])


def in_order(nodeids: Iterable[str], seconds: Mapping[str, float], root: Path) -> list[str]:
    """The units of these tests, the longest first, those that must be alone at the end."""
    files = {(unit_of(nodeid, root), file_of(nodeid)) for nodeid in nodeids}
    total: Counter[str] = Counter()
    for unit, file in files:
        total[unit] += seconds.get(file, UNKNOWN_SECONDS)  # type: ignore[assignment]
    return sorted(total, key=lambda unit: (unit == ALONE, -total[unit], unit))


def unit_of(nodeid: str, root: Path) -> str:
    """What goes to one worker as a whole: a file, the files that share a costly fixture, or all that must be alone.

    The scheduler knows nothing of a test but its name, so the marker is looked up in the file.
    """
    file, _, test = nodeid.partition("::")
    return ALONE if test.partition("[")[0] in _marked_alone(file, root) else _home_of(file, root)


def file_of(nodeid: str) -> str:
    """The file of a test, relative to the checkout."""
    return nodeid.partition("::")[0]


@cache
def _home_of(file: str, root: Path) -> str:
    """The name of a file's unit. A fixture of the same name in another part of the tests is another one."""
    functions = [one for one in ast.walk(_parsed(file, root)) if isinstance(one, ast.FunctionDef)]
    wanted = {argument.arg for function in functions for argument in function.args.args}
    part = "/".join(Path(file).parts[:2])
    return next((f"{part}: {name}" for name in COSTLY if name in wanted), file)


@cache
def _marked_alone(file: str, root: Path) -> frozenset[str]:
    """The tests of a file that are marked, one by one or with the whole file."""
    body = _parsed(file, root).body
    tests = [one for one in body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    marks = [ast.unparse(one.value) for one in body if isinstance(one, ast.Assign) and "pytestmark" in ast.unparse(one)]
    if any(MARK in mark for mark in marks):
        return frozenset(test.name for test in tests)
    return frozenset(test.name for test in tests if any(MARK in ast.unparse(one) for one in test.decorator_list))


@cache
def _parsed(file: str, root: Path) -> ast.Module:
    return ast.parse((root / file).read_text(encoding="utf-8"))


def listed() -> dict[str, float]:
    """Seconds that files took when they were last measured; an old table makes a run longer, never wrong."""
    return {str(file): float(seconds) for file, seconds in tomllib.loads(TABLE.read_text(encoding="utf-8")).items()}


class Stopwatch:
    """Adds up what each file takes, set-up included, and writes it down at the end of a run with workers."""

    def __init__(self, root: Path) -> None:
        self._path = root / MEASURED
        self._seconds: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count one phase of a test."""
        self._seconds[file_of(report.nodeid)] += report.duration  # type: ignore[assignment]

    def pytest_sessionfinish(self) -> None:
        """Write the table, the longest first."""
        lines = [f'"{file}" = {took:.0f}' for file, took in self._seconds.most_common() if took > WORTH_LISTING_SECONDS]
        self._path.parent.mkdir(exist_ok=True)
        self._path.write_text("\n".join(lines) + "\n", encoding="utf-8")
