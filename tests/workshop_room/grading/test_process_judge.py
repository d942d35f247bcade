"""A worker that dies, hangs or babbles costs the exercise that it was at, and the others are judged."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from tests.waiting import wait_until
from workshop_kit.errors import NotReady
from workshop_kit.host import GIB
from workshop_kit.reporting import silent
from workshop_room.grading import process_judge
from workshop_room.grading.grade import Grade, Outcome
from workshop_room.grading.process_judge import ProcessJudge
from workshop_room.grading.submission import Submission

NAMES = ["container.limits", "config.env", "config.report"]
ANN = Submission("ann", {"my_service/config.py": b"a"}, seed=7)
PASS = """
import json, sys, time, os, signal
job = json.loads(sys.stdin.buffer.read())
def give(name, outcome="passed"):
    print(json.dumps({"digest": job["digest"], "exercise": name, "outcome": outcome}), flush=True)
"""


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits stay as they are on a busy machine: these workers hang anyway."""
    monkeypatch.setattr(process_judge, "patient", lambda seconds: seconds)


def judged(folder: Path, program: str, grade_seconds: float = 60.0, end_seconds: float = 60.0) -> list[Grade]:
    """The grades of a worker with this program."""
    command = (sys.executable, "-c", PASS + textwrap.dedent(program))
    judge = ProcessJudge(folder, lambda: None, ("--network=none",), command, grade_seconds, end_seconds)
    return list(judge(ANN, NAMES, silent))


def outcomes(grades: list[Grade]) -> list[str]:
    """The outcome of each exercise, which come in their order."""
    assert [grade.exercise for grade in grades] == NAMES
    return [str(grade.outcome) for grade in grades]


def test_a_worker_gets_the_job_and_gives_all_grades(tmp_path: Path) -> None:
    """The files reach it as they are, and its folder is removed."""
    program = """
    import base64
    assert base64.b64decode(job["files"]["my_service/config.py"]) == b"a"
    assert (job["seed"], job["build_options"]) == (7, ["--network=none"])
    for name in job["exercises"]:
        give(name)
    """
    assert outcomes(judged(tmp_path, program)) == ["passed"] * 3
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_dies_costs_one_exercise(tmp_path: Path) -> None:
    """Another one judges the rest; the last line of its log is the reason."""
    program = """
    for name in job["exercises"]:
        if name == "config.env":
            sys.exit("The engine said no.")
        give(name)
    """
    grades = judged(tmp_path, program)
    assert outcomes(grades) == ["passed", "not judged", "passed"]
    assert grades[1].finding == "The worker ended. The engine said no."


def test_a_worker_that_hangs_is_ended(tmp_path: Path) -> None:
    """It is told to end, so that it removes what it made."""
    program = f"""
    def clean_up(*_):
        open({str(tmp_path / "cleaned")!r}, "w").close()
        sys.exit(1)
    signal.signal(signal.SIGTERM, clean_up)
    for name in job["exercises"]:
        if name == "config.env":
            time.sleep(600)
        give(name)
    """
    grades = judged(tmp_path / "work", program, grade_seconds=3.0)
    assert outcomes(grades) == ["passed", "not judged", "passed"]
    assert grades[1].finding.startswith("There was no grade after 3 s.")
    assert (tmp_path / "cleaned").exists()


def test_a_worker_that_takes_much_memory_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The output of a program of others has no end."""
    monkeypatch.setattr(process_judge, "MOST_MEMORY_BYTES", GIB // 4)
    program = """
    for name in job["exercises"]:
        if name == "config.env":
            much = b"x" * 2**29
            time.sleep(600)
        give(name)
    """
    grades = judged(tmp_path, program)
    assert outcomes(grades) == ["passed", "not judged", "passed"]
    assert grades[1].finding.startswith("The worker took more than 0.25 GiB of memory.")


def test_a_worker_that_does_not_end_is_killed(tmp_path: Path) -> None:
    """Its folder stays for its reaper, which needs the ledger."""
    program = """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for name in job["exercises"]:
        if name == "config.report":
            time.sleep(600)
        give(name)
    """
    assert outcomes(judged(tmp_path, program, grade_seconds=3.0, end_seconds=0.5))[-1] == "not judged"
    assert len(list(tmp_path.iterdir())) == 1


def test_what_a_killed_worker_had_started_is_ended(tmp_path: Path) -> None:
    """Its builder, say, which would build on."""
    program = f"""
    import subprocess
    child = subprocess.Popen(["sleep", "600"])
    open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
    os.kill(os.getpid(), signal.SIGKILL)
    """
    assert outcomes(judged(tmp_path / "work", program)) == ["not judged"] * 3
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


@pytest.mark.parametrize("line", ["babble", "{}", '{"digest": "d", "exercise": "config.report", "outcome": "passed"}'])
def test_a_worker_that_gives_no_grade_of_this_exercise_is_not_believed(tmp_path: Path, line: str) -> None:
    """What it says is not taken for a grade; after three such workers the rest is not judged."""
    grades = judged(tmp_path, f"print({line!r}, flush=True)")
    assert {grade.outcome for grade in grades[:2]} == {Outcome.NOT_JUDGED}
    assert [grade.exercise for grade in grades] == NAMES


def test_without_an_engine_grading_ends(tmp_path: Path) -> None:
    """That is no submission's fault: no grade is noted, and the next run goes on there."""

    def require() -> None:
        raise NotReady("There is no engine.")

    judge = ProcessJudge(tmp_path, require, (), (sys.executable, "-c", "raise SystemExit(3)"))
    with pytest.raises(NotReady, match="no engine"):
        list(judge(ANN, NAMES, silent))


def test_the_real_worker_says_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an engine its last words are the sentence that `check` has for that; it leaves no folder."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    judge = ProcessJudge(tmp_path / "work", lambda: None)
    [grade] = judge(ANN, ["config.report"], silent)
    assert grade.outcome is Outcome.NOT_JUDGED
    assert "nobody.sock" in grade.finding
    assert list((tmp_path / "work").iterdir()) == []
