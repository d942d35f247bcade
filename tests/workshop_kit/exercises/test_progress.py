"""The progress file: readable, whole, and refused in a sentence when it is damaged; and the board that it fills."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from workshop_kit.errors import NotReady, WrongUsage
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.exercises.progress import Progress, State
from workshop_kit.paths import CHECKOUT
from workshop_kit.trials.result import Verdict
from workshop_kit.workspace import exercise_list

ID = "container.limits"
EXERCISES = exercise_list.load(CHECKOUT)


@pytest.fixture
def progress(tmp_path: Path) -> Progress:
    """A progress file in a folder with a space in its name."""
    folder = tmp_path / "my folder"
    folder.mkdir()
    return Progress(folder / "progress.json")


def test_a_damaged_file_is_a_sentence_and_stays(progress: Progress) -> None:
    """The sentence names the file and the place; nothing is written over it."""
    content = b'{"exercises": {"container.limits": {"hints": "2"}}}'
    progress.path.write_bytes(content)
    with pytest.raises(NotReady, match=r"progress\.json cannot be used: exercises\.container\.limits\.hints"):
        progress.record_check(ID, Verdict.PASSED)
    assert progress.path.read_bytes() == content


def test_unknown_keys_and_fields_survive(progress: Progress) -> None:
    """What a newer version wrote stays when a guess or a check is recorded."""
    document = {"later": [1, {"x": None}], "exercises": {ID: {"mood": "ok"}}}
    progress.path.write_text(json.dumps(document))
    progress.lock_guess("id", "red")
    progress.record_check(ID, Verdict.WRONG)
    after = json.loads(progress.path.read_text())
    assert after["predictions"].pop("id")["choice"] == "red"
    assert after["exercises"][ID] == {"mood": "ok", "attempts": 1, "verdict": Verdict.WRONG}
    assert after["later"] == document["later"]


@pytest.mark.parametrize("value", ["\ud800", {"a": object()}])
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

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(record, range(20)))
    assert set(progress.document().predictions) == {f"id-{number}" for number in range(20)}
    assert progress.exercise(ID).attempts == 20


def test_the_board_has_the_minutes_that_are_left(progress: Progress) -> None:
    """A passed exercise takes none, and an extra one does not count."""
    core = [exercise for exercise in EXERCISES if exercise.weight == "core"]
    progress.record_check(core[0].id, Verdict.PASSED)
    assert progress.board(EXERCISES).minutes_left == sum(exercise.all_minutes for exercise in core[1:])


def test_an_exercise_that_was_removed_is_ignored(engineless: ExerciseService) -> None:
    """Its record stays in the file, the board is that of the exercises there are, and its name gets a sentence."""
    progress = engineless.progress
    before = progress.board(EXERCISES)
    progress.keep_answer("container.removed", {"value": 1})
    progress.record_check("container.removed", Verdict.PASSED)
    assert progress.board(EXERCISES) == before
    with pytest.raises(WrongUsage, match=r"no exercise 'container\.removed'"):
        engineless.check("container.removed")
    assert progress.exercise("container.removed").state is State.PASSED
