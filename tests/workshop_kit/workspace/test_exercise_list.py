"""The list of exercises, and what build makes of it: an author's mistakes are one sentence each."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.workshop_kit.conftest import REGISTRY, Write
from workshop_dev import exercise_list_check, generator
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import exercise_list


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('id = "container.layer"', "", "exercises/exercises.toml, exercise 2: `id`: Field required."),
        ('id = "container.layer"', 'id = "config.layer"', "an id of 01_container begins with `container.`."),
        ('["Self-Containment"]', '["factor 8, Concurrency"]', "no guideline 'factor 8, Concurrency'"),
        ('"leaving.py"', '"gone.py"', "there is no solutions/01_container/container.graceful/gone.py."),
        (
            "weight",
            'cheats = { "a.py" = "a" }\nweight',
            "there is no solutions/01_container/answers/container.graceful/a.py.",
        ),
        ("weight", 'builds_on = ["a.b"]\nweight', "container.graceful builds on a.b, which is unknown."),
    ],
)
def test_problems_name_their_exercise(checkout: Path, write: Write, old: str, new: str, problem: str) -> None:
    """Every problem of the list, or of its match with the sources, is a sentence that names exercise or file."""
    write("exercises/exercises.toml", REGISTRY.replace(old, new))
    with pytest.raises(WorkshopError, match=re.escape(problem)):
        exercise_list_check.require_sound(checkout)


def test_a_beginning_is_enough_where_no_other_exercise_has_it(checkout: Path) -> None:
    """The id, its second part, or a beginning of either; else the nearest id is proposed, or all that fit."""
    exercises = exercise_list.load(checkout)
    for typed in ("container.graceful", "container.g", "Graceful", "gra"):
        assert exercise_list.find(exercises, typed).id == "container.graceful"
    with pytest.raises(WrongUsage, match=r"'container' fits more than one exercise: container.*graceful"):
        exercise_list.find(exercises, "container")
    with pytest.raises(WrongUsage, match=r"'gracful'.*Did you mean 'container\.graceful'\?"):
        exercise_list.find(exercises, "gracful")


def test_what_is_committed_is_what_build_makes() -> None:
    """Registry, solutions and notebooks of this checkout fit together; the service's modules come from them."""
    assert generator.outdated(CHECKOUT) == {}


def test_build_makes_the_modules_of_the_service(checkout: Path, write: Write) -> None:
    """From the file cells and the solutions; a notebook without an exercise's cell is one sentence."""
    path = checkout / "notebooks" / "01_container.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"].insert(
        0, {**notebook["cells"][0], "id": "write", "source": "%%file my_service/app.py\nLIMIT = 1"}
    )
    write("notebooks/01_container.ipynb", json.dumps(notebook))
    generator.build(checkout)
    assert (checkout / "workshop_app/app.py").read_text().endswith("\nLIMIT = 1\n")
    assert generator.build(checkout) == []

    notebook["cells"].pop(1)
    write("notebooks/01_container.ipynb", json.dumps(notebook))
    with pytest.raises(WorkshopError, match=r"01_container\.ipynb has no cell with the id exercise-container-graceful"):
        generator.build(checkout)
