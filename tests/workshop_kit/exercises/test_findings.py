"""What findings say: the files of texts, and that each way to fail is reached by a wrong answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from workshop_kit.errors import WorkshopError
from workshop_kit.paths import CHECKOUT
from workshop_kit.trials import findings as module
from workshop_kit.trials.findings import FOLDER, findings
from workshop_kit.workspace import registry

TEXTS = """
[graceful]
shown = "It ended by itself."

[graceful.order]
called = "POST /orders, the rest {seconds:g} s later"
expected = "201"
means = "It answered {status}."
look = "How long does it wait?"

[graceful.end]
called = "docker stop"
expected = "exit code 0"

[graceful.end.shell]
means = "Process 1 is a shell."
look = "Which process gets SIGTERM?"
hint = "One word of the shell helps."

[graceful.end.crashed]
means = "It ends with {code}."
look = "Read its last lines."
"""


def written(root: Path, text: str, name: str = "container") -> Path:
    """A checkout with this file of texts."""
    path = root / FOLDER / f"{name}.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return root


def test_a_finding_is_made_of_a_key_and_values(tmp_path: Path) -> None:
    """With one way to fail, or with several; a passed one says neither what it means nor where to look."""
    says = findings("container.graceful", written(tmp_path, TEXTS))
    assert says.success_summary == "It ended by itself."
    order = says.found(False, "order", "503", seconds=0.5, status=503)
    assert (order.called, order.means) == ("POST /orders, the rest 0.5 s later", "It answered 503.")
    crashed = says.found(False, "end.crashed", "exit code 3", code=3)
    assert (crashed.passed, crashed.means, crashed.key) == (
        False,
        "It ends with 3.",
        "container.graceful.end.crashed",
    )
    ended = says.equals("end.shell", "exit code 0")
    assert (ended.passed, ended.means, ended.look, ended.key) == (True, "", "", "container.graceful.end")
    assert says.hint("container.graceful.end.shell") == "One word of the shell helps."
    assert says.hint("container.graceful.end.crashed") == says.hint("container.graceful.gone") == ""


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('expected = "201"', "", "container.toml, graceful: `expected`"),
        ('means = "It answered {status}."', "", "means"),
        ('hint = "One', 'tip = "One', "tip"),
        ('called = "docker stop"', 'called = "docker stop"\nmean = "It stops."', "mean"),
        ("[graceful.end]", "[graceful.end", "container.toml cannot be used"),
    ],
)
def test_a_slip_in_the_file_is_one_sentence(tmp_path: Path, old: str, new: str, problem: str) -> None:
    """It names the file, the exercise and the place."""
    assert old in TEXTS
    with pytest.raises(WorkshopError, match=f"{FOLDER}/container.toml.*") as error:
        findings("container.graceful", written(tmp_path, TEXTS.replace(old, new)))
    assert problem in str(error.value)


def test_every_table_of_the_files_is_that_of_an_exercise() -> None:
    """A table for an exercise that is gone would be translated for nothing."""
    exercises = {exercise.id for exercise in registry.load(CHECKOUT)}
    for path in (CHECKOUT / FOLDER).glob("*.toml"):
        assert {f"{path.stem}.{name}" for name in module._file(CHECKOUT, path.stem)} <= exercises
