"""The images of the zoo, built once, and nobody else's: other tests remove whatever their shared session made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.workshop_kit.audit import animals
from workshop_kit.audit import subject
from workshop_kit.engine import cleanup
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.learn import ready
from workshop_kit.learn.workspace import Workspace

Builder = Callable[[animals.Animal], str]


@pytest.fixture(scope="session")
def keeper(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """Makes the images, and removes them at the end."""
    keeper = ready.session_of(Workspace.open(tmp_path_factory.mktemp("keeper") / "workspace"), engine)
    yield keeper
    assert cleanup.remove(keeper, {"kernel", "workspace"}).left == []


@pytest.fixture(scope="session")
def ground(keeper: Session, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the others stand on: our base in one layer."""
    folder = tmp_path_factory.mktemp("ground")
    return animals.build(keeper, folder, "ground", animals.GROUND, "--build-arg", f"BASE={images['base']}")


@pytest.fixture(scope="session")
def python_image(keeper: Session, ground: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The good one that those with a fault are made from: a Python service."""
    folder = tmp_path_factory.mktemp("python")
    return animals.build(keeper, folder, "python", animals.PYTHON, "--build-arg", f"GROUND={ground}")


@pytest.fixture(scope="session")
def shell_image(keeper: Session, ground: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A good one of another kind: a shell script that serves no port."""
    folder = tmp_path_factory.mktemp("shell")
    return animals.build(keeper, folder, "shell", animals.SHELL, "--build-arg", f"GROUND={ground}")


@pytest.fixture(scope="session")
def binary_image(keeper: Session, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A good one of another kind: a compiled program, without a shell."""
    folder = tmp_path_factory.mktemp("binary")
    return animals.build(keeper, folder, "binary", animals.BINARY, "--build-arg", f"GO={images['prometheus']}")


@pytest.fixture(autouse=True)
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let verdicts depend on what is audited, not on what else runs on this machine."""
    monkeypatch.setattr(subject, "how_busy", lambda: 1.0)


@pytest.fixture
def build(keeper: Session, python_image: str, tmp_path: Path) -> Builder:
    """Build an animal; return its tag."""
    return lambda animal: animals.build_animal(keeper, tmp_path / "context", animal, python_image)
