"""The instructor's notes as pages and for the desk: all of them, escaped, with the answers of predictions."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

from workshop_kit.errors import WorkshopError
from workshop_kit.exercises import registry
from workshop_kit.lessons import notes, notes_page
from workshop_kit.lessons.notes import Note
from workshop_kit.lessons.predictions import load_all_questions
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import lesson_names

LESSONS = tuple(lesson_names(CHECKOUT / "notebooks"))


def words(text: str) -> str:
    """Return a text without tags, marks of Markdown and line ends."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>|[*`]|^- ", "", text, flags=re.MULTILINE))).strip()


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_page_has_every_note(lesson: str, tmp_path: Path) -> None:
    """Each part of each note stands on the page, with its minute and its cell; the desk gets the same."""
    page = notes_page.load(lesson, CHECKOUT)
    html = page.write(tmp_path).read_text()
    said = words(html)
    for note in notes.load(lesson, CHECKOUT / "notebooks"):
        assert f"<code>{note.cell}</code>" in html
        assert f'<p class="minute">{note.minute}</p>' in html
        for text in note.parts.values():
            assert all(words(line) in said for line in text.splitlines())
    assert [one["html"] in html for one in page.as_data()["notes"]] == [True] * len(page.entries)
    assert not re.search(r"(?:src|href)=|@import", html)


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_page_has_predictions_and_exercises(lesson: str) -> None:
    """Each option, the right one marked; each exercise with its minutes and what its solution is about."""
    html = notes_page.load(lesson, CHECKOUT).html
    said = words(html)
    questions = [
        one for name, one in load_all_questions(CHECKOUT / "notebooks").items() if name.startswith(f"{lesson}.")
    ]
    for question in questions:
        assert f"✓ {words(question.options[question.right].text)}" in said
        assert all(words(option.text) in said and words(option.reason) in said for option in question.options.values())
    assert html.count("<b>✓ ") == len(questions)
    for exercise in (one for one in registry.load(CHECKOUT) if one.page == lesson):
        assert f"{exercise.title} · {exercise.minutes} min, then {exercise.debrief_minutes} to talk" in unescape(said)
        hint = re.sub(r"\{\w+\}", "…", exercise.hints[-1]) if exercise.id == "container.limits" else exercise.hints[-1]
        assert words(hint) in said


def test_a_note_cannot_bring_markup() -> None:
    """HTML in a note is text."""
    assert "&lt;img src=x&gt;" in Note("title", "", "**Before.** <img src=x>").html


def test_a_damaged_file_is_one_sentence(tmp_path: Path) -> None:
    """A missing file, and one of another lesson."""
    with pytest.raises(WorkshopError, match="00_start has no notes"):
        notes.load("00_start", tmp_path)
    (tmp_path / "00_start.notes.md").write_text("# 01_container\n")
    with pytest.raises(WorkshopError, match="does not begin with `# 00_start`"):
        notes.load("00_start", tmp_path)
