"""The images of the zoo, built once; removed with all that the tests' session made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workshop_kit.audit import animals
from workshop_kit.engine.session import Session

Builder = Callable[[animals.Animal], str]


@pytest.fixture(scope="session")
def ground(session: Session, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the others stand on: our base in one layer."""
    folder = tmp_path_factory.mktemp("ground")
    return animals.build(session, folder, "ground", animals.GROUND, "--build-arg", f"BASE={images['base']}")


@pytest.fixture(scope="session")
def python_image(session: Session, ground: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The good one that those with a fault are made from: a Python service."""
    folder = tmp_path_factory.mktemp("python")
    return animals.build(session, folder, "python", animals.PYTHON, "--build-arg", f"GROUND={ground}")


@pytest.fixture(scope="session")
def shell_image(session: Session, ground: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A good one of another kind: a shell script that serves no port."""
    folder = tmp_path_factory.mktemp("shell")
    return animals.build(session, folder, "shell", animals.SHELL, "--build-arg", f"GROUND={ground}")


@pytest.fixture(scope="session")
def binary_image(session: Session, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A good one of another kind: a compiled program, without a shell."""
    folder = tmp_path_factory.mktemp("binary")
    return animals.build(session, folder, "binary", animals.BINARY, "--build-arg", f"GO={images['prometheus']}")


@pytest.fixture
def build(session: Session, python_image: str, tmp_path: Path) -> Builder:
    """Build an animal; return its tag."""
    return lambda animal: animals.build_animal(session, tmp_path / "context", animal, python_image)
