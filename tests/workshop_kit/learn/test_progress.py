"""The progress file: readable, whole, and never a reason to crash."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workshop_kit.errors import NotReady
from workshop_kit.learn.progress import Progress

FOR_FILES = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)


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


def test_people_can_read_it(progress: Progress) -> None:
    """The file is indented JSON in UTF-8, one line an entry."""
    progress.lock_guess("start.db", "grün")
    assert '      "choice": "grün",\n' in progress.path.read_text("utf-8")


@FOR_FILES
@given(
    document=st.dictionaries(st.text().filter(lambda key: key not in ("predictions", "exercises")), JSON, max_size=4),
    others=st.dictionaries(st.text().filter(lambda key: key != "id"), JSON, max_size=4),
    choice=st.text(st.characters(exclude_categories=["Cs"])),
)
def test_unknown_keys_survive(
    progress: Progress, document: dict[str, Any], others: dict[str, Any], choice: str
) -> None:
    """Whatever else the file holds is there, unchanged, after a guess was added."""
    progress.path.write_text(json.dumps({**document, "predictions": others}))
    if not progress.read():
        return  # lone surrogates: set aside, tested below
    progress.lock_guess("id", choice)
    after = json.loads(progress.path.read_text())
    assert after["predictions"].pop("id")["choice"] == choice
    assert after == {**document, "predictions": others}


@FOR_FILES
@given(content=st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_survived(progress: Progress, content: bytes) -> None:
    """Whatever the bytes, reading works, and a guess can be locked afterwards."""
    progress.path.write_bytes(content)
    assert isinstance(progress.read(), dict)
    assert progress.lock_guess("id", "red").choice == "red"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"predictions": {"start.db": {"choi',
        b"[]",
        b'{"predictions": []}',
        b'{"exercises": null}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"x": NaN}',
        b'{"x": 1e999}',
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


@pytest.mark.parametrize("entry", [None, 5, [], {}, {"choice": 7, "locked_at": "now"}, {"choice": "red"}])
def test_an_entry_that_makes_no_sense_is_no_guess(progress: Progress, entry: object) -> None:
    """A hand-edited entry of the wrong shape counts as unanswered and can be answered."""
    progress.path.write_text(json.dumps({"predictions": {"start.db": entry}}))
    assert progress.guess("start.db") is None
    assert progress.record_actual("start.db", "red") is None
    assert progress.lock_guess("start.db", "red").choice == "red"


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


def test_read_only_disk(read_only: Callable[[], Path]) -> None:
    """A read-only disk is one sentence, not a traceback."""
    with pytest.raises(NotReady, match="cannot be written"):
        Progress(read_only() / "progress.json").lock_guess("id", "red")


def test_a_folder_in_the_way(tmp_path: Path) -> None:
    """A folder where the file belongs is one sentence."""
    with pytest.raises(NotReady, match="in the way"):
        Progress(tmp_path).read()
