"""What the progress file says of exercises: what was done is read back, and hand edits are survived."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.exercises.progress import Progress
from workshop_kit.exercises.result import Verdict


def test_what_was_done_is_read_back(tmp_path: Path) -> None:
    """Attempts count up, hints are three at most, and passed stays passed, since when it was first."""
    path = tmp_path / "progress.json"
    first = Progress(path).record_check("a.b", Verdict.PASSED)
    assert [Progress(path).next_hint("a.b") for _ in range(4)] == [1, 2, 3, 3]
    Progress(path).record_solution("a.b")
    Progress(path).keep_answer("a.b", {"x": [1]})
    Progress(path).record_check("a.b", Verdict.WRONG)
    done = Progress(path).exercise("a.b")
    assert (done.attempts, done.verdict, done.passed_at) == (2, str(Verdict.WRONG), first.passed_at)
    assert (done.hints, done.solution_shown, done.answer) == (3, True, {"x": [1]})


def test_what_an_entry_holds_beside_stays(tmp_path: Path) -> None:
    """A field that a newer version wrote is there after a check of this one."""
    path = tmp_path / "progress.json"
    path.write_text(json.dumps({"exercises": {"a.b": {"mood": "good", "attempts": "many"}}}))
    assert Progress(path).record_check("a.b", "passed").attempts == 1
    entry = json.loads(path.read_text())["exercises"]["a.b"]
    assert (entry["mood"], entry["attempts"], entry["verdict"]) == ("good", 1, "passed")


@pytest.mark.parametrize(("kept", "hints"), [(2, 2), (7, 3), (-1, 0), ("2", 0)])
def test_hints_are_none_to_three(tmp_path: Path, kept: object, hints: int) -> None:
    """There are three hints, whatever number somebody wrote there."""
    path = tmp_path / "progress.json"
    path.write_text(json.dumps({"exercises": {"a.b": {"hints": kept}}}))
    assert Progress(path).exercise("a.b").hints == hints


@pytest.mark.parametrize("value", [{1, 2}, float("nan"), b"bytes", "\ud800", {"a": object()}])
def test_an_answer_is_json_or_a_sentence(tmp_path: Path, value: object) -> None:
    """What JSON cannot hold is refused with the exercise's name, and nothing is written."""
    progress = Progress(tmp_path / "progress.json")
    with pytest.raises(WrongUsage, match=r"The answer of a\.b cannot be kept"):
        progress.keep_answer("a.b", value)
    assert not progress.path.exists()


def test_checks_at_once_are_all_counted(tmp_path: Path) -> None:
    """A panel and a terminal that check at the same time: both attempts count."""
    path = tmp_path / "progress.json"
    threads = [threading.Thread(target=Progress(path).record_check, args=["a.b", "passed"]) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Progress(path).exercise("a.b").attempts == 16
