"""The list of exercises, and what build makes of it: an author's mistakes are one sentence each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.workshop_kit.conftest import CELLS, MARKED, REGISTRY, Write
from workshop_dev import generator, registry_check
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import registry
from workshop_kit.workspace.folder import Workspace


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('id = "container.layer"', "", "exercises/exercises.toml, exercise 2: `id`: Field required."),
        ('id = "container.layer"', 'id = "config.layer"', "an id of 01_container begins with `container.`."),
        ('["Self-Containment"]', '["factor 8, Concurrency"]', "no track or guideline 'factor 8, Concurrency'"),
        ('"leaving.py"', '"gone.py"', "solutions/01_container/gone.py has no `# region container.graceful`."),
        ("# endregion", "#", "solutions/01_container/leaving.py: line 3: `# region"),
        ("region container.graceful", "region container.new", "container.new has a region in solutions/01_container/"),
    ],
)
def test_problems_name_their_exercise(checkout: Path, write: Write, old: str, new: str, problem: str) -> None:
    """Every problem of the registry, or of its match with the sources, is a sentence that names exercise or file."""
    assert old in REGISTRY + MARKED
    write("exercises/exercises.toml", REGISTRY.replace(old, new))
    write("solutions/01_container/leaving.py", MARKED.replace(old, new))
    with pytest.raises(WorkshopError, match=re.escape(problem)):
        registry_check.require_sound(checkout)


def test_a_beginning_is_enough_where_no_other_exercise_has_it(checkout: Path) -> None:
    """The id, its second part, or a beginning of either; else the nearest id is proposed, or all that fit."""
    exercises = registry.load(checkout)
    for typed in ("container.graceful", "container.g", "Graceful", "gra"):
        assert registry.find(exercises, typed).id == "container.graceful"
    with pytest.raises(WrongUsage, match=r"'container' fits more than one exercise: container.*graceful"):
        registry.find(exercises, "container")
    with pytest.raises(WrongUsage, match=r"'gracful'.*Did you mean 'container\.graceful'\?"):
        registry.find(exercises, "gracful")


def test_a_participant_does_not_get_the_registry(checkout: Path, tmp_path: Path) -> None:
    """It has all hints, so it is not copied to the workspace."""
    generator.build(checkout)
    workspace = Workspace.open(tmp_path / "workspace", source=checkout)
    assert [path.name for path in workspace.exercises.rglob("*.*")] == ["leaving.py"]


def test_what_is_committed_is_what_build_makes() -> None:
    """Registry and sources fit together; exercises and cells of this checkout come from solutions/ as it is."""
    assert generator.outdated(CHECKOUT) == {}


def test_build_moves_strays_away(checkout: Path, write: Write) -> None:
    """A file without a source is moved to build/stray; a damaged marker is one sentence, and nothing is written."""
    write("solutions/01_container/notebook.py", CELLS.replace("#: both", "#: all"))
    with pytest.raises(WorkshopError, match=r"\.$"):
        generator.build(checkout)
    assert not (checkout / "exercises/01_container/leaving.py").exists()
    write("solutions/01_container/notebook.py", CELLS)
    generator.build(checkout)
    write("exercises/00_start/own.py", "mine = 1\n")
    write("exercises/.hidden/cache", "")
    assert generator.build(checkout) == [Path("exercises/00_start/own.py")]
    assert (checkout / "build/stray/exercises/00_start/own.py").read_text() == "mine = 1\n"
    assert generator.build(checkout) == []
