"""What findings say: the files of texts, and that each way to fail is reached by a wrong answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from workshop_kit.errors import WorkshopError
from workshop_kit.paths import CHECKOUT
from workshop_kit.trials import findings as module
from workshop_kit.trials.findings import FOLDER, SHARED, findings
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


def ways_to_fail() -> set[str]:
    """The whole key of each way to fail, of all files."""
    ways: set[str] = set()
    for path in (CHECKOUT / FOLDER).glob("*.toml"):
        tables = module._file(CHECKOUT, path.stem)
        names = [path.stem] if path.stem in SHARED else [f"{path.stem}.{name}" for name in tables]
        for name in names:
            for key, texts in findings(name).texts.items():
                ways.update(f"{name}.{key}.{way}" if way else f"{name}.{key}" for way in texts.failures)
    return ways


def test_every_key_of_the_files_is_that_of_a_check() -> None:
    """A table for an exercise that is gone would be translated for nothing."""
    exercises = {exercise.id for exercise in registry.load(CHECKOUT)}
    ways = [way.split(".") for way in ways_to_fail()]
    assert {f"{prefix}.{name}" for prefix, name, *_ in ways if prefix not in SHARED} <= exercises
