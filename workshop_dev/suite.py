"""How ``./workshop test`` runs pytest: the default group, chosen tests, or with ``--all`` every group."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from workshop_dev import failures
from workshop_dev.failures import Failure
from workshop_kit import provision
from workshop_kit.engine import install as installer
from workshop_kit.errors import NotReady
from workshop_kit.host import can_install_packages
from workshop_kit.reporting import Report, silent
from workshop_kit.terminal import TerminalReport, say
from workshop_kit.workspace.folder import own_workspace

PREPARING = "WORKSHOP_TEST_PREPARES"
"""The variable is set for chosen tests: pytest then prepares what they need, with ``yes`` by installing it."""
TESTS_FAILED = 1
NOTHING_COLLECTED = 5
NOT_PREPARED = 30
"""The exit code of a pytest that could not prepare what the chosen tests need; pytest's own end at 5."""
MOST_REPEATED = 5
"""More failures than these are no busy moment: none of them runs again."""
BUSY_LOOP = "while True: pass"
SHUFFLED = ("-p", "randomly")
"""Run the tests in random order: none may depend on an earlier one."""
SELECTING = ("-k", "-m", "-n", "--numprocesses", "--lf", "--last-failed", "--sw", "--stepwise", "--collect", "-h")
"""Options that choose tests or a number of workers: pytest gets them unchanged."""
ON_MAC_OS = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", ON_MAC_OS)
BROWSER_PACKAGES = ("chromium", "fonts-dejavu-core", "fonts-vlgothic")
"""Without the fonts, screenshots show boxes instead of letters."""


@dataclass(frozen=True)
class Group:
    """Tests that run together. ``marks`` is the expression for ``-m``; ``shared`` allows several workers.

    ``extra_workers`` are those beyond a worker a core: most tests wait for containers. ``busy_loops`` is the number of
    programs that keep the processor busy while the group runs.
    """

    name: str
    marks: str
    shared: bool = True
    extra_workers: int = 1
    busy_loops: int = 0


DEFAULT = Group("default", "not long and not alone and not engines and not machine")
LONG = (
    # second engines, disasters, wrong answers built and run: they wait the most
    Group("long", "long and not (browser or alone or busy)", extra_workers=3),
    Group("browser", "long and browser and not alone"),
    Group("alone", "alone", shared=False),  # they load or measure the processor
    Group("busy", "busy", shared=False, busy_loops=4),  # checks, game day and a lesson, where programs wait for a core
    Group("engines", "engines", shared=False),  # lessons on other engines, beside this machine's own
    Group("machine", "machine", shared=False),  # other engines with systemd, in an emulated machine
)


def prepare(marks: Collection[str], *, may_install: bool) -> None:
    """Prepare what tests with these marks need: an engine with all images, a browser. Raises NotReady."""
    with TerminalReport() as report:
        if "engine" in marks:
            provision.make_ready(own_workspace(), may_install=may_install, report=report)
        if "browser" in marks:
            ensure_browser(install=may_install, report=report)


def names_a_part(words: Sequence[str], root: Path) -> bool:
    """Return whether a word selects tests: it is one of the options `SELECTING`, or the path of a file or folder.

    >>> names_a_part(["-x", "--durations=60"], Path("/checkout"))
    False
    >>> names_a_part(["-k", "reaper"], Path("/checkout")), names_a_part(["-v", "tmp::test_x"], Path("/"))
    (True, True)
    """
    for word in words:
        if word.startswith(SELECTING):
            return True
        path, _, _ = word.partition("::")
        if word and (root / path).exists():
            return True
    return False


def leaves_preparing(words: Sequence[str]) -> bool:
    """Return whether pytest can prepare what the chosen tests need: in one process, on a machine that is not busy.

    >>> leaves_preparing(["-k", "reaper"]), leaves_preparing(["-n", "4", "tests"]), leaves_preparing(["-m", "busy"])
    (True, False, False)
    """
    has_workers = any(word.startswith(("-n", "--numprocesses")) for word in words)
    return not has_workers and busy_loops_of(words) == 0


def busy_loops_of(words: Sequence[str]) -> int:
    """Return the number of busy loops of the group whose mark the words choose by ``-m``; 0 for any other choice.

    >>> busy_loops_of(["-x", "-m", "busy"]), busy_loops_of(["-m", "long"]), busy_loops_of(["busy"])
    (4, 0, 0)
    """
    marks = [mark for option, mark in pairwise(words) if option == "-m"]
    return sum(group.busy_loops for group in LONG if group.name in marks)


def arguments_of(group: Group, absent: Mapping[str, str], cores: int) -> list[str]:
    """Return pytest's arguments for a group, without the marks in ``absent`` (mark → reason).

    >>> arguments_of(LONG[0], {}, cores=2)
    ['-m', 'long and not (browser or alone or busy)', '-n', '5', '--dist', 'loadgroup', '--no-loadscope-reorder']
    >>> arguments_of(LONG[-1], {"engine": "no root"}, cores=2)
    ['-m', 'machine and not engine']
    """
    conditions = [group.marks, *(f"not {mark}" for mark in absent)]
    words = ["-m", " and ".join(conditions)]
    if group.shared and cores > 1:
        words += ["-n", str(min(cores, 3) + group.extra_workers), "--dist", "loadgroup", "--no-loadscope-reorder"]
    return words


def run(command: Sequence[str | Path], root: Path, variables: Mapping[str, str] | None = None) -> int:
    """Run a program in ``root`` and return its exit code; the program handles Ctrl-C.

    ``variables`` are added to its environment.
    """
    environment = {**os.environ, **(variables or {})}
    with subprocess.Popen(command, cwd=root, env=environment) as process:
        while True:
            with contextlib.suppress(KeyboardInterrupt):
                return process.wait()


def run_group(group: Group, python: Path, root: Path, words: Sequence[str], absent: Mapping[str, str]) -> int:
    """Run one group without the tests whose marks are ``absent``; return pytest's exit code.

    What failed beside other tests runs once more, alone: if all of it passes then, the code is 0, and it is named.
    """
    arguments = arguments_of(group, absent, cores())
    with busy(python, group.busy_loops), tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "failures.json")
        plugin = ("-p", failures.__name__)
        code = run([python, "-m", "pytest", *plugin, *arguments, *words], root, {failures.VARIABLE: str(file)})
        failed = list(failures.read(file))

    if code != TESTS_FAILED or not may_repeat(failed) or not group.shared:
        return code
    say(f"Running {len(failed)} of the tests once more, alone.")
    code = run([python, "-m", "pytest", *[failure.test for failure in failed]], root)
    if code == 0:
        _say_repeated(failed)
    return code


def may_repeat(failed: Sequence[Failure]) -> bool:
    """Return whether failures may be those of a busy moment: they are few, and each is that of a test."""
    return 0 < len(failed) <= MOST_REPEATED and all(failure.is_test for failure in failed)


def _say_repeated(failed: Sequence[Failure]) -> None:
    """Name the tests that passed alone, each with the end of its failure and the load of the machine."""
    say("FAILED BESIDE OTHERS, PASSED ALONE: this run counts as passed; each of these is a finding to look at.")
    for failure in failed:
        say(f"  {failure.test}, at a load of {failure.load:.1f} on {cores()} cores:")
        for line in failure.last_lines:
            say(f"    {line}")


@contextlib.contextmanager
def busy(python: Path, loops: int) -> Iterator[None]:
    """Keep the processor busy with ``loops`` programs until the end of the block."""
    programs = [subprocess.Popen([python, "-c", BUSY_LOOP]) for _ in range(loops)]
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


def run_all(python: Path, root: Path, words: Sequence[str], absent: Mapping[str, str]) -> int:
    """Run every group; return 0 if all have passed, else the first other exit code."""
    rows = []
    first_failure = 0

    for group in (DEFAULT, *LONG):
        options = SHUFFLED if group is DEFAULT else ()
        began = time.monotonic()
        code = run_group(group, python, root, [*words, *options], absent)
        minutes = (time.monotonic() - began) / 60
        verdict = f"failed (pytest says {code})" if code else "passed"
        rows.append(f"{group.name:<10}{verdict}, {minutes:.1f} min")
        first_failure = first_failure or code

    say("All groups:")
    for row in rows:
        say(f"  {row}")
    return first_failure


def cores() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def find_browser() -> Path | None:
    """Return the path of Chromium or Chrome on this machine, or None."""
    for name in BROWSERS:
        path = shutil.which(name)
        if path:
            return Path(path)
    return None


def ensure_browser(*, install: bool, report: Report = silent) -> Path:
    """Return a browser; ``install`` allows Chromium from the distribution. Raises NotReady without one."""
    browser = find_browser()
    if browser is None and install and can_install_packages():
        installer.install_packages(BROWSER_PACKAGES, report, "Chromium")
        browser = find_browser()
    if browser is None:
        raise NotReady("The tests need Chromium or Chrome.", "Install one (Debian: sudo apt-get install chromium).")
    return browser
