"""The list of exercises: an author's mistakes are one sentence each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workshop_kit.exercises.small_checkout import MARKED, REGISTRY, Write
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.exercises import generator, registry
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.folder import Workspace


def test_the_workshops_registry_has_no_problem() -> None:
    """The exercises of this workshop have no problem, and there are some."""
    assert registry.validate(CHECKOUT) == []
    assert registry.load(CHECKOUT)


def test_an_entry_becomes_an_exercise(checkout: Path) -> None:
    """Its fields are the author's."""
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
    (
        'id = "container.layer"',
        'id = "config.layer"',
        "config.layer: `lesson` is 01_container, where an id begins with `container.`",
    ),
    ('id = "container.layer"', 'id = "container.graceful"', "container.graceful is registered 2 times"),
    ("minutes = 5", "", "container.layer: `minutes` is missing"),
    ("minutes = 5", "minutes = true", "container.layer: `minutes` is True; input should be a valid integer"),
    ('"Find the layer"', '" "', "container.layer: `title` is empty"),
    ("minutes = 5", "minutes = 0", "container.layer: `minutes` is 0; input should be greater than or equal to 1"),
    ("debrief_minutes = 0", "debrief_minutes = -1", "container.layer: `debrief_minutes` is -1"),
    ('tracks = ["full"]', 'tracks = ["week"]', "container.layer: `tracks` names 'week'"),
    ('["Self-Containment"]', '["factor 8, Concurrency"]', "container.layer: `guidelines` names 'factor 8, Con"),
    (', "It is the second."]', "]", "container.layer: `hints`, number 3, is missing"),
    ('hints = ["Look at', 'tips = ["Look at', "container.layer: `hints` is missing"),
    ('hints = ["Look at', 'first_hints = []\nhints = ["Look at', "container.layer: `first_hints` is ()"),
    ('hints = ["Look at', 'first_hints.x = 1\nhints = ["Look at', "container.layer: `first_hints` for 'x' is 1"),
    ('"leaving.py"', '"../leaving.py"', "container.graceful: `file` is '../leaving.py'"),
    (
        'lesson = "01_container"\nfile',
        'lesson = "00_start"\nfile',
        "container.graceful: `lesson` is 00_start, which has no exercises",
    ),
    (
        '"leaving.py"',
        '"leaving.py"\njudges = "code"',
        "container.graceful: `judges` is 'code'; input should be 'service'",
    ),
    (
        '"leaving.py"',
        '"leaving.py"\nmore_files = ["/a"]',
        "container.graceful: `more_files`, number 1, is '/a'; write a path",
    ),
    (
        '"leaving.py"',
        '"leaving.py"\nmore_files = ["a.txt"]',
        "container.graceful: its source solutions/01_container/a.",
    ),
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
        ("other.py", MARKED, "container.graceful: its region stands in solutions/01_container/other.py, not in solut"),
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
    """Not TOML, no tracks, a lesson without minutes: the sentence has the file's name."""
    write("exercises/exercises.toml", text)
    with pytest.raises(WorkshopError, match=problem) as caught:
        registry.load(checkout)
    assert "exercises/exercises.toml" in str(caught.value)


@pytest.mark.parametrize("typed", ["container.gracefull", "gracful"])
def test_a_misspelled_id_gets_the_nearest_one(checkout: Path, typed: str) -> None:
    """The nearest id is proposed; taking the wrong exercise silently would be worse than asking."""
    with pytest.raises(WrongUsage, match=r"Use `container\.graceful`") as caught:
        registry.find(registry.load(checkout), typed)
    assert typed in caught.value.what


def test_a_beginning_is_enough_where_no_other_exercise_has_it(checkout: Path) -> None:
    """The id, its second part, or a beginning of either; one that several have is no answer."""
    exercises = registry.load(checkout)
    for typed in ("container.graceful", "container.g", "Graceful", "gra"):
        assert registry.find(exercises, typed).id == "container.graceful"
    with pytest.raises(WrongUsage, match=r"'container' fits more than one exercise: container.*graceful"):
        registry.find(exercises, "container")


def test_a_participant_does_not_get_the_registry(checkout: Path, tmp_path: Path) -> None:
    """It has all hints, so it is not copied to the workspace."""
    generator.build(checkout)
    workspace = Workspace.open(tmp_path / "workspace", source=checkout)
    assert [path.name for path in workspace.exercises.rglob("*.*")] == ["leaving.py"]
