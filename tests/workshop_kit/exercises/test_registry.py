"""The list of exercises: an author's mistakes are one sentence each."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.workshop_kit.exercises.small_checkout import MARKED, REGISTRY, Write
from workshop_kit.dev.generated import exercises_schema
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.exercises import generator, registry
from workshop_kit.workspace.folder import Workspace


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('id = "container.layer"', "", "exercises/exercises.toml, exercise 2: `id`: Field required."),
        ('id = "container.layer"', 'id = "config.layer"', "an id of 01_container begins with `container.`."),
        ('id = "container.layer"', 'id = "container.graceful"', "container.graceful is registered 2 times."),
        ('["Self-Containment"]', '["factor 8, Concurrency"]', "no track or guideline 'factor 8, Concurrency'"),
        ('"leaving.py"', '"../leaving.py"', "container.graceful: `file`: "),
        ('"leaving.py"', '"gone.py"', "solutions/01_container/gone.py has no `# region container.graceful`."),
        ("[tracks]", "[tracks", "is not TOML"),
        (
            "[lessons]",
            "[sections.01_container]\ntitle = { full = 0 }\n[lessons]",
            "exercises/exercises.toml: `sections.01_container.title.full`: Input should be greater than",
        ),
    ],
)
def test_problems_name_their_exercise(checkout: Path, write: Write, old: str, new: str, problem: str) -> None:
    """Every problem of the registry is a sentence that names the exercise, or the file."""
    assert old in REGISTRY
    write("exercises/exercises.toml", REGISTRY.replace(old, new))
    with pytest.raises(WorkshopError, match=re.escape(problem)):
        registry.load(checkout)


def test_the_schema_for_editors_is_that_of_the_registry(root: Path) -> None:
    """It is committed as build makes it, named in the first line, accepts this registry, and refuses a slip."""
    committed = root / "docs" / "exercises.schema.json"
    assert committed.read_text() == exercises_schema()
    registered = root / "exercises" / "exercises.toml"
    first = registered.read_text().partition("\n")[0]
    assert registered.parent / first.removeprefix("#:schema ") == root / "exercises" / ".." / "docs" / committed.name
    schema = json.loads(committed.read_text())
    jsonschema.validate(tomllib.loads(registered.read_text()), schema)
    with pytest.raises(jsonschema.ValidationError, match="'tips' was unexpected"):
        jsonschema.validate(tomllib.loads(REGISTRY.replace("hints = ", "tips = ", 1)), schema)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x = 1\n", "container.graceful: solutions/01_container/leaving.py has no `# region container.graceful`."),
        (MARKED.replace("# endregion", "#"), "solutions/01_container/leaving.py, line 3: `# region"),
        (MARKED.replace("graceful", "new"), "container.new has a region in solutions/01_container/leaving.py, and no"),
    ],
)
def test_regions_and_entries_fit_both_ways(checkout: Path, write: Write, text: str, problem: str) -> None:
    """An entry has a region in the file that it names, and a region has an entry."""
    write("solutions/01_container/leaving.py", text)
    with pytest.raises(WorkshopError, match=re.escape(problem)):
        registry.load(checkout)


def test_a_misspelled_id_gets_the_nearest_one(checkout: Path) -> None:
    """The nearest id is proposed; taking the wrong exercise silently would be worse than asking."""
    with pytest.raises(WrongUsage, match=r"'gracful'.*Did you mean 'container\.graceful'\?"):
        registry.find(registry.load(checkout), "gracful")


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
