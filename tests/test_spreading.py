"""Two workers share the suite: together what belongs together, the long ones first, what must be alone at the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.spreading import ALONE, in_order, listed, unit_of
from tests.workshop_kit.learn.waiting import wait_until
from workshop_kit.develop import suite

CONFTEST = """
import os, pathlib, signal, time
import pytest
from tests.spreading import pytest_collection_modifyitems, pytest_sessionfinish, pytest_xdist_make_scheduler

signal.signal(signal.SIGINT, signal.default_int_handler)

TOLD = pathlib.Path(os.environ["TOLD"])

def tell(what):
    with TOLD.open("a") as file:
        file.write(f"{os.environ['PYTEST_XDIST_WORKER']} {what}\\n")

@pytest.fixture(scope="session", autouse=True)
def stack():
    yield
    time.sleep(float(os.environ.get("DOWN_SECONDS", "0.5")))  # taking down takes its time
    tell("gone")

@pytest.fixture(autouse=True)
def told(request):
    yield
    tell(request.node.name)
"""
TESTS = """
import time
import pytest

@pytest.mark.parametrize("number", range(4))
def test_{name}(number):
    time.sleep({seconds})

@pytest.mark.alone
def test_alone_{name}():
    pass
"""


@pytest.fixture
def small_suite(tmp_path: Path) -> Path:
    """A quick file and a slow one, with a test each that must be alone."""
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = alone\n")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    for name, seconds in (("quick", 0.0), ("slow", 0.3)):
        (tmp_path / f"test_{name}.py").write_text(TESTS.format(name=name, seconds=seconds))
    return tmp_path


def spread(folder: Path, root: Path, *words: str) -> tuple[subprocess.CompletedProcess[str], list[tuple[str, str]]]:
    """Run the small suite with two workers: what pytest said, and each worker with what it did, in their order."""
    told = folder / "told"
    said = subprocess.run(
        [sys.executable, "-m", "pytest", *suite.pytest_words(["-p", "no:cacheprovider"], folder, cores=2), *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(root), "TOLD": str(told)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    lines = told.read_text().split("\n")[:-1] if told.exists() else []
    return said, [(worker, what) for worker, _, what in (line.partition(" ") for line in lines)]


def test_what_must_be_alone_waits_until_the_other_worker_has_taken_down_its_stack(
    small_suite: Path, root: Path
) -> None:
    """Every test is run once and told in one closing line; the two at the end have the machine for themselves."""
    said, told = spread(small_suite, root)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "10 passed" in said.stdout.strip().split("\n")[-1]
    assert {what for _, what in told[-3:-1]} == {"test_alone_quick", "test_alone_slow"}
    (worker,) = {worker for worker, _ in told[-3:]}
    assert sorted(one for one, what in told[:-3] if what == "gone") == sorted({"gw0", "gw1"} - {worker})


def test_a_file_stays_with_one_worker(small_suite: Path, root: Path) -> None:
    """Its module's fixtures are made once; the two files run side by side."""
    _, told = spread(small_suite, root)
    for name in ("quick", "slow"):
        assert len({worker for worker, what in told if what.startswith(f"test_{name}")}) == 1
    assert len({worker for worker, what in told if what.startswith(("test_quick", "test_slow"))}) == 2


def test_one_failure_anywhere_is_a_failure(small_suite: Path, root: Path) -> None:
    """Also in what runs alone; and nothing collected is no success."""
    (small_suite / "test_slow.py").write_text(TESTS.format(name="slow", seconds=0).replace("pass", "assert False"))
    said, _ = spread(small_suite, root)
    assert said.returncode == 1
    assert "1 failed, 9 passed" in said.stdout.strip().split("\n")[-1]
    assert spread(small_suite, root, "-k", "nothing_of_that_name")[0].returncode == 5


def test_a_worker_that_dies_fails_the_run_and_says_where(small_suite: Path, root: Path) -> None:
    """It is not replaced: one after the other would die in the same test."""
    text = TESTS.format(name="slow", seconds=0.1).replace("time.sleep", "number == 2 and os._exit(1); time.sleep")
    (small_suite / "test_slow.py").write_text(f"import os\n{text}")
    said, _ = spread(small_suite, root)
    assert said.returncode != 0
    assert "crashed while running 'test_slow.py::test_slow[2]'" in said.stdout
    assert "1 failed" in said.stdout.strip().split("\n")[-1]


def test_ctrl_c_lets_both_workers_take_down_their_stacks(small_suite: Path, root: Path) -> None:
    """A terminal tells the whole group; taking down goes on, although xdist tells them again and would end them."""
    for name, seconds in (("quick", 60), ("slow", 2)):
        (small_suite / f"test_{name}.py").write_text(TESTS.format(name=name, seconds=seconds))
    told = small_suite / "told"
    told.touch()
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", *suite.pytest_words(["-p", "no:cacheprovider"], small_suite, cores=2)],
        cwd=small_suite,
        env={**os.environ, "PYTHONPATH": str(root), "TOLD": str(told), "DOWN_SECONDS": "17"},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until(lambda: "test_slow[0]" in told.read_text(), timeout_seconds=60)
        os.killpg(run.pid, signal.SIGINT)
        assert run.wait(timeout=60) == pytest.ExitCode.INTERRUPTED
    finally:
        run.kill()
    assert {line for line in told.read_text().split("\n") if line.endswith("gone")} == {"gw0 gone", "gw1 gone"}


def test_the_longest_unit_comes_first_and_a_new_file_early(tmp_path: Path) -> None:
    """Files that ask for a costly fixture are one unit; a file without a time is taken for a long one."""
    alone = "@pytest.mark.alone\ndef test_alone(): pass"
    costly = "def test_it(own_engine): pass"
    hogs = "pytestmark = [pytest.mark.engine, pytest.mark.alone]\ndef test_it(): pass"
    texts = {"a": costly, "b": costly, "c": alone, "new": '"""Says own_engine."""', "hogs": hogs}
    for name, text in texts.items():
        file = tmp_path / "tests" / "part" / f"test_{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    nodeids = [f"tests/part/test_{name}.py::test_it" for name in texts]
    seconds = {"tests/part/test_a.py": 40.0, "tests/part/test_b.py": 50.0, "tests/part/test_c.py": 10.0}
    assert in_order([*nodeids, "tests/part/test_c.py::test_alone[1]"], seconds, tmp_path) == [
        "tests/part: own_engine",
        "tests/part/test_new.py",
        "tests/part/test_c.py",
        ALONE,
    ]


def test_the_table_names_files_that_are_there(root: Path) -> None:
    """Seconds of a file that was renamed help nobody."""
    assert listed()
    assert [file for file in listed() if not (root / file).is_file()] == []


def test_private_engines_of_two_parts_are_two(root: Path) -> None:
    """The fixture has the same name in both, and is another one."""
    homes = {
        unit_of(f"{file.relative_to(root)}::test_it", root)
        for file in (
            root / "tests" / "lessons" / "test_disasters.py",
            root / "tests/workshop_kit/observe/test_sampler.py",
        )
    }
    assert homes == {"tests/lessons: own_engine", "tests/workshop_kit: own_engine"}
