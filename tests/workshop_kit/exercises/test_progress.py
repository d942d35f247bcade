"""The progress file: readable, whole, and never a reason to crash."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from workshop_kit.errors import NotReady, WrongUsage
from workshop_kit.exercises.progress import Progress
from workshop_kit.exercises.result import Verdict

ID = "container.limits"


@pytest.fixture
def progress(tmp_path: Path) -> Progress:
    """A progress file in a folder with a space in its name."""
    folder = tmp_path / "my folder"
    folder.mkdir()
    return Progress(folder / "progress.json")


def write(progress: Progress, **document: object) -> None:
    """Write the file as a hand edit would."""
    progress.path.write_text(json.dumps(document))


def test_the_first_guess_counts_and_keeps_its_result(progress: Progress) -> None:
    """A second guess changes nothing; the result of the experiment is recorded only where there is a guess."""
    assert progress.record_actual("start.db", "green") is None
    assert not progress.path.exists()
    assert progress.lock_guess("start.db", "red").choice == "red"
    assert progress.lock_guess("start.db", "green").choice == "red"
    progress.record_actual("start.db", "green")
    guess = progress.guess("start.db")
    assert guess is not None
    assert (guess.choice, guess.actual) == ("red", "green")


def test_records_of_an_exercise_are_read_back(progress: Progress) -> None:
    """Attempts count up, hints are three at most, and the time of the first pass stays."""
    first = progress.record_check(ID, Verdict.PASSED)
    assert [progress.next_hint(ID) for _ in range(4)] == [1, 2, 3, 3]
    progress.record_solution(ID)
    progress.keep_answer(ID, {"x": (1,)})
    progress.record_check(ID, Verdict.WRONG)
    done = Progress(progress.path).exercise(ID)
    assert (done.attempts, done.verdict, done.passed_at) == (2, str(Verdict.WRONG), first.passed_at)
    assert (done.hints, done.solution_shown, done.answer) == (3, True, {"x": [1]})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"predictions": {"start.db": {"choi',
        b'{"exercises": null}',
        b"[" * 100_000,
        b'{"x": NaN}',
        b'{"x": "\\ud800"}',
    ],
)
def test_a_damaged_file_is_set_aside(progress: Progress, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    """A damaged file is kept under a new name, one message names it, and a new file begins."""
    progress.path.write_bytes(content)
    assert progress.read() == {}
    (damaged,) = progress.path.parent.glob("progress.damaged-*.json")
    assert damaged.read_bytes() == content
    progress.lock_guess("start.db", "red")
    (message,) = capsys.readouterr().err.splitlines()
    assert damaged.name in message


def test_a_fifo_is_refused_in_a_sentence(progress: Progress) -> None:
    """Reading one would hang; it is neither read nor replaced."""
    os.mkfifo(progress.path)
    with pytest.raises(NotReady, match="is no regular file"):
        progress.record_check(ID, Verdict.PASSED)
    assert progress.path.is_fifo()


def test_unknown_keys_and_fields_survive(progress: Progress) -> None:
    """Everything else in the file stays when a guess or a check is recorded."""
    document = {
        "later": [1, {"x": None}],
        "predictions": {"old": {"anything": True}},
        "exercises": {ID: {"mood": "ok"}},
    }
    write(progress, **document)
    progress.lock_guess("id", "red")
    progress.record_check(ID, Verdict.WRONG)
    after = json.loads(progress.path.read_text())
    assert after["predictions"].pop("id")["choice"] == "red"
    assert after["exercises"][ID].pop("attempts") == 1
    assert after["exercises"][ID].pop("verdict") == Verdict.WRONG
    assert after["exercises"][ID]["mood"] == "ok"
    assert (after["later"], after["predictions"]) == (document["later"], document["predictions"])


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("hints", 2, 2),
        ("hints", 7, 3),
        ("hints", -1, 0),
        ("hints", "2", 0),
        ("attempts", True, 0),
        ("passed_at", "", None),
        ("solution_shown", "yes", False),
        ("verdict", ["passed"], ""),
    ],
)
def test_a_field_of_the_wrong_type_counts_as_absent(
    progress: Progress, field: str, value: object, expected: object
) -> None:
    """A hand edit may leave anything; more than three hints are three."""
    write(progress, exercises={ID: {field: value}, "other": [1]}, predictions={"start.db": {"choice": 3}})
    assert getattr(progress.exercise(ID), field) == expected
    assert progress.exercise("other").attempts == 0
    assert progress.guess("start.db") is None


@pytest.mark.parametrize("value", [float("nan"), b"bytes", "\ud800", {"a": object()}])
def test_an_answer_is_json_or_a_sentence(progress: Progress, value: object) -> None:
    """A value that JSON lacks is refused with the exercise's id, and nothing is written."""
    with pytest.raises(WrongUsage, match=rf"The answer of {ID} cannot be kept"):
        progress.keep_answer(ID, value)
    assert not progress.path.exists()


def test_writers_do_not_lose_each_others_work(progress: Progress) -> None:
    """Twenty writers at once, as kernels and commands are, leave twenty guesses and twenty attempts."""

    def record(number: int) -> None:
        mine = Progress(progress.path)
        mine.lock_guess(f"id-{number}", "red")
        mine.record_check(ID, Verdict.WRONG)

    threads = [threading.Thread(target=record, args=[number]) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(progress.read()["predictions"]) == {f"id-{number}" for number in range(20)}
    assert progress.exercise(ID).attempts == 20


def test_full_disk_keeps_the_old_file(small_disk: Path) -> None:
    """On a full disk the sentence says so, and the file stays as it was."""
    progress = Progress(small_disk / "progress.json")
    progress.lock_guess("first", "red")
    before = progress.path.read_bytes()
    with pytest.raises(NotReady, match="is full"):
        progress.lock_guess("second", "x" * 100_000)
    assert progress.path.read_bytes() == before
    assert [path.name for path in small_disk.iterdir() if path.name.startswith(".progress.json.")] == [
        ".progress.json.lock"
    ]
