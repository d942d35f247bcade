"""The list of exercises: what an author may write, and how what is wrong is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workshop_kit.learn.exercise.small_checkout import MARKED, REGISTRY, Write
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.learn.exercise import authored, registry
from workshop_kit.learn.exercise.checks import CHECKS
from workshop_kit.learn.exercise.course import load_course
from workshop_kit.learn.workspace import CHECKOUT, Workspace


def test_our_own_registry_is_sound() -> None:
    """The exercises of this workshop have no problem, and there are some."""
    assert registry.validate(CHECKOUT) == []
    assert registry.load(CHECKOUT)


def test_our_own_lessons_are_the_notebooks() -> None:
    """Every notebook of a lesson stands in the registry's table of lessons."""
    lessons = {lesson.name for lesson in load_course(CHECKOUT).lessons}
    assert {path.stem for path in (CHECKOUT / "notebooks").glob("0*.ipynb")} <= lessons
    assert tuple(load_course(CHECKOUT).tracks) == registry.TRACKS


def test_an_entry_becomes_an_exercise(checkout: Path) -> None:
    """What the author wrote, under the names that they used."""
    graceful, layer = registry.load(checkout)
    assert (graceful.id, graceful.file, graceful.cell) == (
        "container.graceful",
        "leaving.py",
        "exercise-container-graceful",
    )
    assert graceful.task.split("\n") == ["Let it end by itself.", "Ten seconds are all it has."]
    assert graceful.hints[0] == "It does not listen."
    assert (graceful.tracks, graceful.all_minutes) == (("90min", "full"), 10)
    assert (layer.file, layer.source) == (None, "notebook.py")


PROBLEMS = [
    ('id = "container.layer"', "", "exercises/exercises.toml, exercise 2: `id` is missing"),
    ('id = "container.layer"', 'id = "Container.Layer"', "Container.Layer: `id` is 'Container.Layer'"),
    ('id = "container.layer"', 'id = "config.layer"', "config.layer: an id in 01_container begins with `container.`"),
    ('id = "container.layer"', 'id = "container.graceful"', "container.graceful is registered 2 times"),
    ('title = "Find the layer"', 'title = " "', "container.layer: `title` is empty"),
    ("minutes = 5", "", "container.layer: `minutes` is missing"),
    ("minutes = 5", "minutes = 0", "container.layer: `minutes` is 0; write a whole number, at least 1"),
    ("minutes = 5", "minutes = true", "container.layer: `minutes` is True"),
    ("minutes = 5", "minutes = 1.5", "container.layer: `minutes` is 1.5"),
    ("debrief_minutes = 0", "debrief_minutes = -1", "container.layer: `debrief_minutes` is -1"),
    ('tracks = ["full"]', 'tracks = ["week"]', "container.layer: `tracks` names 'week'"),
    ('tracks = ["full"]', "tracks = []", "container.layer: `tracks` is no list, or an empty one"),
    ('tracks = ["full"]', 'tracks = ["full", "full"]', "container.layer: `tracks` names something twice"),
    ('["Self-Containment"]', '["factor 16"]', "container.layer: `guidelines` names 'factor 16'"),
    ('"It is the second."]', '" "]', "container.layer: hint 3 is empty"),
    (', "It is the second."]', "]", "container.layer: there are 2 hints; three are needed"),
    ('hints = ["Look at', 'tips = ["Look at', "container.layer: `hints` is missing"),
    ('hints = ["Look at', 'tips = ["Look at', "container.layer: `tips` is no field of an exercise"),
    ('weight = "core"\nminutes = 5', 'weight = "some"\nminutes = 5', "container.layer: `weight` is 'some'"),
    ('"leaving.py"', '"../leaving.py"', "container.graceful: `file` is '../leaving.py'"),
    ('"leaving.py"', '"notebook.py"', "container.graceful: leave `file` out"),
    ('lesson = "01_container"\nfile', 'lesson = "09_none"\nfile', "container.graceful: `lesson` is '09_none'"),
    ('lesson = "01_container"\nfile', 'lesson = "00_start"\nfile', "container.graceful: the lesson 00_start has no"),
    ('"leaving.py"', '"gone.py"', "container.graceful: its source solutions/01_container/gone.py is not there"),
]


@pytest.mark.parametrize(("old", "new", "problem"), PROBLEMS)
def test_problems_name_their_exercise(checkout: Path, write: Write, old: str, new: str, problem: str) -> None:
    """Every problem is a sentence that names the exercise; loading stops at the first."""
    assert old in REGISTRY
    write("exercises/exercises.toml", REGISTRY.replace(old, new))
    found = registry.validate(checkout)
    assert [sentence for sentence in found if sentence.startswith(problem)], found
    assert all(sentence.endswith(".") for sentence in found)
    with pytest.raises(WorkshopError) as caught:
        registry.load(checkout)
    assert caught.value.what.startswith(found[0])
    assert ("problems in all" in caught.value.what) == (len(found) > 1)


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("leaving.py", "x = 1\n", "container.graceful: solutions/01_container/leaving.py has no `# region container.g"),
        ("leaving.py", MARKED.replace("# endregion", "#"), "solutions/01_container/leaving.py, line 3: `# region"),
        ("other.py", MARKED, "container.graceful has a region in solutions/01_container/other.py and in solutions/01"),
        (
            "more.py",
            MARKED.replace("graceful", "new"),
            "container.new has a region in solutions/01_container/more.py and",
        ),
        ("../01_contaner/more.py", "x = 1\n", "solutions/01_contaner/more.py is in no lesson"),
    ],
)
def test_regions_and_entries_fit_both_ways(checkout: Path, write: Write, file: str, text: str, problem: str) -> None:
    """An entry has a region in the file that it names, a region has an entry, and each only once."""
    assert registry.validate(checkout) == []
    write(f"solutions/01_container/{file}", text)
    found = registry.validate(checkout)
    assert [sentence for sentence in found if sentence.startswith(problem)], found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[tracks", "is not TOML"),
        ("[lessons]\n", r"has no table \[tracks\]"),
        ("[tracks]\nfull = 3\n", r"has no table \[tracks\]"),
        ("[tracks]\nfull = { minutes = 0 }\n[lessons]\n", "the track full has no minutes"),
        ("[tracks]\n[lessons]\n01_x = { minutes = { full = 1 } }\n", "the lesson 01_x has no title"),
        ("[tracks]\n[lessons]\n01_x = { title = 'X' }\n", "the lesson 01_x has no minutes"),
        ("[tracks]\n[lessons]\n01_x = { title = 'X', minutes = { all = 1 } }\n", "has minutes on all"),
    ],
)
def test_a_broken_table_is_one_sentence(checkout: Path, write: Write, text: str, problem: str) -> None:
    """Not TOML, no tracks, a lesson without minutes: said with the file's name, never a traceback."""
    write("exercises/exercises.toml", text)
    with pytest.raises(WorkshopError, match=problem) as caught:
        registry.load(checkout)
    assert "exercises/exercises.toml" in str(caught.value)


def test_a_missing_registry_is_one_sentence(tmp_path: Path) -> None:
    """Without the file nothing can be loaded, and that is said."""
    with pytest.raises(WorkshopError, match=r"exercises.toml is not there"):
        registry.load(tmp_path)


def test_an_exercise_is_found_by_its_id(checkout: Path) -> None:
    """The id as it is registered, and nothing else."""
    exercises = registry.load(checkout)
    assert registry.find(exercises, "container.layer") is exercises[1]


@pytest.mark.parametrize(
    "typed", ["container.gracefull", "graceful", "Container.Graceful", "config.graceful", "gracful"]
)
def test_a_typing_error_gets_the_name_that_was_meant(checkout: Path, typed: str) -> None:
    """The nearest id is proposed; taking the wrong exercise silently would be worse than asking."""
    with pytest.raises(WrongUsage, match=r"Use `container\.graceful`") as caught:
        registry.find(registry.load(checkout), typed)
    assert typed in caught.value.what


def test_nonsense_gets_the_way_to_the_list(checkout: Path) -> None:
    """Nothing near: the command that lists all of them."""
    with pytest.raises(WrongUsage, match=r"Choose one that `./workshop status` lists"):
        registry.find(registry.load(checkout), "xyz")


def test_every_exercise_of_ours_has_a_check() -> None:
    """What is registered can be checked, and every check belongs to an exercise."""
    assert set(CHECKS) == {exercise.id for exercise in registry.load(CHECKOUT)}


def test_a_participant_does_not_get_the_registry(checkout: Path, tmp_path: Path) -> None:
    """It tells every hint: the copy in the workspace has the exercises, and nothing else."""
    authored.build(checkout)
    workspace = Workspace.open(tmp_path / "workspace", source=checkout)
    assert [path.name for path in workspace.exercises.rglob("*.*")] == ["leaving.py"]
