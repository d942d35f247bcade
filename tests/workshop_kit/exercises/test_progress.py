"""The progress file: readable, whole, and never a reason to crash."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from workshop_kit.errors import NotReady
from workshop_kit.exercises.progress import Progress


@pytest.fixture
def said() -> list[str]:
    """What the participant was told."""
    return []


@pytest.fixture
def progress(tmp_path: Path, said: list[str]) -> Progress:
    """A progress file in a folder with a space in its name."""
    folder = tmp_path / "my folder"
    folder.mkdir()
    return Progress(folder / "progress.json", tell=said.append)


def test_the_first_guess_counts(progress: Progress) -> None:
    """A second guess changes nothing: the first one is returned."""
    assert progress.lock_guess("start.db", "red").choice == "red"
    assert progress.lock_guess("start.db", "green").choice == "red"
    guess = progress.guess("start.db")
    assert guess is not None
    assert (guess.choice, guess.actual) == ("red", None)


def test_what_happened_is_kept_with_the_guess(progress: Progress) -> None:
    """The result of the experiment stands beside the guess, and only where there is one."""
    assert progress.record_actual("start.db", "green") is None
    assert not progress.path.exists()
    progress.lock_guess("start.db", "red")
    progress.record_actual("start.db", "green")
    guess = progress.guess("start.db")
    assert guess is not None
    assert guess.actual == "green"


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
def test_a_damaged_file_is_set_aside(progress: Progress, said: list[str], content: bytes) -> None:
    """A damaged file is kept under a new name, the participant is told so, and a new one begins."""
    progress.path.write_bytes(content)
    assert progress.read() == {}
    (kept,) = progress.path.parent.glob("progress.damaged-*.json")
    assert kept.read_bytes() == content
    assert kept.name in said[0]
    assert len(said) == 1
    progress.lock_guess("start.db", "red")
    assert len(said) == 1


def test_unknown_keys_survive(progress: Progress) -> None:
    """Whatever else the file holds is there, unchanged, after a guess was added."""
    document = {"later": [1, {"x": None}], "predictions": {"old": {"anything": True}}}
    progress.path.write_text(json.dumps(document))
    progress.lock_guess("id", "red")
    after = json.loads(progress.path.read_text())
    assert after["predictions"].pop("id")["choice"] == "red"
    assert after == document


def test_writers_do_not_lose_each_others_work(progress: Progress) -> None:
    """Twenty writers at once, as kernels and commands are, leave twenty guesses."""

    def write(number: int) -> None:
        Progress(progress.path).lock_guess(f"id-{number}", "red")

    threads = [threading.Thread(target=write, args=[number]) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(progress.read()["predictions"]) == {f"id-{number}" for number in range(20)}


def test_full_disk_keeps_the_old_file(small_disk: Path) -> None:
    """When the disk is full the sentence says so and the file is what it was."""
    progress = Progress(small_disk / "progress.json")
    progress.lock_guess("first", "red")
    before = progress.path.read_bytes()
    with pytest.raises(NotReady, match="is full"):
        progress.lock_guess("second", "x" * 100_000)
    assert progress.path.read_bytes() == before
    assert [path.name for path in small_disk.iterdir() if path.name.startswith(".progress.json.")] == [
        ".progress.json.lock"
    ]
