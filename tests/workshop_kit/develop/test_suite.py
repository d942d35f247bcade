"""``./workshop test``: two workers for the whole suite, one process for a part of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workshop_kit.learn.waiting import wait_until
from workshop_kit.develop import suite


@pytest.mark.parametrize("words", [[], ["-x"], ["--durations=60"], ["-v", "-ra"], ["--color=no"], ["--maxfail=3"]])
def test_the_whole_suite_is_shared_by_two(root: Path, words: list[str]) -> None:
    """However many cores there are; and where there is one only, nothing is shared."""
    assert suite.pytest_words(words, root, cores=16) == ["-n", "2", "--max-worker-restart=0", *words]
    assert suite.pytest_words(words, root, cores=1) == words


@pytest.mark.parametrize(
    "words",
    [
        ["-k", "ledger"],
        ["-kledger"],
        ["-m", "alone"],
        ["-n", "4"],
        ["-v", "tests/quality"],
        ["tests/quality/test_style.py::test_ruff_has_nothing_to_say"],
        ["--lf"],
        ["--collect-only"],
    ],
)
def test_a_part_stays_in_one_process(root: Path, words: list[str]) -> None:
    """A second stack would cost more than it saves; and who names a number of workers gets that."""
    assert suite.pytest_words(words, root, cores=16) == words


TAKES_DOWN = """
import pathlib, time
try:
    pathlib.Path("up").touch()
    time.sleep(60)
finally:
    time.sleep(1)  # longer than subprocess.run would wait
    pathlib.Path("down").touch()
"""


def test_ctrl_c_waits_until_pytest_has_taken_down_its_stack(root: Path, tmp_path: Path) -> None:
    """A terminal tells both; the command line ends last, with the exit code of what it ran."""
    code = "import sys\nfrom pathlib import Path\nfrom workshop_kit.develop import suite\n"
    code += "sys.exit(suite.run([sys.executable, '-c', sys.argv[1]], Path.cwd()) == -2)"
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", code, TAKES_DOWN]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, start_new_session=True) as process:
        try:
            wait_until((tmp_path / "up").exists)
            os.killpg(process.pid, signal.SIGINT)
            assert process.wait(timeout=60) == 1  # Python ends by the signal itself
        finally:
            process.kill()
    assert (tmp_path / "down").exists()


def test_this_machine_has_a_core() -> None:
    """The number of processors is at least one, wherever the workshop runs."""
    assert suite.cores() >= 1
