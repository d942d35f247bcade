"""Lessons are found by their name or a beginning of it; an unclear word is one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.workspace.course import find_lesson

NOTEBOOKS = ("00_start", "02_configuration", "02_configuration-Copy1", "03_logging", "04_loading", "mine")


@pytest.fixture
def notebooks(tmp_path: Path) -> Path:
    """A folder of lessons, with a copy that JupyterLab made and a notebook of the participant's."""
    for name in NOTEBOOKS:
        (tmp_path / f"{name}.ipynb").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("02", "02_configuration"),
        ("CONF", "02_configuration"),
        ("log", "03_logging"),
        ("03_logging.ipynb", "03_logging"),
        ("mine", "mine"),
    ],
)
def test_a_lesson_is_found(notebooks: Path, word: str, name: str) -> None:
    """By a beginning of its name, of its number or of its word; another notebook by its whole name."""
    assert find_lesson(word, notebooks) == name


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("lo", "^'lo' fits more than one lesson: 03_logging and 04_loading.$"),
        ("../02_configuration", "There is no lesson '../02_configuration'. "),
    ],
)
def test_a_name_that_is_not_enough_is_one_sentence(notebooks: Path, word: str, sentence: str) -> None:
    """It names the candidates."""
    with pytest.raises(WrongUsage, match=sentence):
        find_lesson(word, notebooks)


def test_no_lessons_at_all(tmp_path: Path) -> None:
    """An empty folder is an error of its own."""
    with pytest.raises(WrongUsage, match="There is no lesson in "):
        find_lesson("02", tmp_path)
