"""A lesson to read ahead asks everything and tells nothing."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from workshop_kit.lessons import predictions
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import lesson_names, notebook_cells
from workshop_kit.workspace.lesson_tables import tables_path
from workshop_room.pages import preview
from workshop_room.pages.preview import load_preview

NOTEBOOKS = CHECKOUT / "notebooks"
LESSONS = tuple(lesson_names(NOTEBOOKS))


def asked(lesson: str, folder: Path = NOTEBOOKS) -> list[predictions.Question]:
    """The predictions of a lesson."""
    return list(predictions.load_questions(lesson, folder).values())


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_preview_has_each_question_and_no_answer(lesson: str) -> None:
    """All options stand there alike, each once; there is no reason, no key point, no code."""
    page = load_preview(lesson, CHECKOUT).markdown
    cells = notebook_cells(NOTEBOOKS / f"{lesson}.ipynb")
    title = cells[0]["source"].partition("\n")[0]
    assert page.startswith(title.replace("# ", "# Before "))
    for question in asked(lesson):
        assert f"**{question.question}**" in page
        for option in question.options.values():
            assert page.count(f"- {option.text}\n") == 1
            assert option.reason not in page
    end = next(cell["source"] for cell in cells if cell["id"] == "end")
    answers = [line for line in end.splitlines() if line.startswith(("- ", "**Take home"))]
    assert answers
    assert [line for line in answers if line in page] == []
    assert "```" not in page


def test_a_preview_does_not_depend_on_what_is_right(root: Path, tmp_path: Path) -> None:
    """With another right option in each prediction it is the same page."""
    lesson = "04_monitoring"
    shutil.copytree(root / "exercises", tmp_path / "exercises", ignore=shutil.ignore_patterns("0*"))
    shutil.copytree(root / "solutions", tmp_path / "solutions")
    shutil.copytree(root / "notebooks", tmp_path / "notebooks")
    path = tables_path(lesson, tmp_path / "notebooks")
    head, *tables = re.split(r"^right = .*\n", path.read_text(), flags=re.MULTILINE)
    wrong_keys = [wrong_option(question) for question in asked(lesson)]
    path.write_text(head + "".join(f'right = "{key}"\n{table}' for key, table in zip(wrong_keys, tables, strict=True)))
    assert [question.right for question in asked(lesson, tmp_path / "notebooks")] != [
        question.right for question in asked(lesson)
    ]
    assert load_preview(lesson, tmp_path).markdown == load_preview(lesson, root).markdown


def test_a_lesson_without_key_points_has_its_last_section(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the same lesson as with them: the last section has its heading and its questions."""
    lesson = "01_container"
    whole = load_preview(lesson, CHECKOUT)
    cells = notebook_cells(NOTEBOOKS / f"{lesson}.ipynb")
    cell_ids = [cell["id"] for cell in cells]
    monkeypatch.setattr(preview, "notebook_cells", lambda _: cells[: cell_ids.index("end")])
    assert load_preview(lesson, CHECKOUT) == whole


def wrong_option(question: predictions.Question) -> str:
    """The first option of a question that is not right."""
    return next(key for key in question.options if key != question.right)


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_text_after_an_experiment_is_not_in_a_preview(lesson: str) -> None:
    """Such a text tells what came out. It has no heading: below one, an experiment is introduced."""
    page = load_preview(lesson, CHECKOUT).markdown
    texts = [
        cell["source"] for cell in notebook_cells(NOTEBOOKS / f"{lesson}.ipynb") if cell["cell_type"] == "markdown"
    ]
    after = [text.partition("\n")[0] for text in texts if not text.startswith("#")]
    assert [text for text in after if text in page] == []


def test_a_text_before_an_experiment_is_in_a_preview() -> None:
    """Without it nobody could answer the question."""
    texts = {cell["id"]: cell["source"] for cell in notebook_cells(NOTEBOOKS / "02_configuration.ipynb")}
    page = load_preview("02_configuration", CHECKOUT).markdown
    assert texts["deleted-text"].partition("\n")[2].strip() in page
