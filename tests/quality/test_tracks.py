"""A track promises nothing that it folds."""

from __future__ import annotations

import json
import re
from collections.abc import Collection

import pytest

from tests.quality.test_resuming import names_in
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import summary
from workshop_kit.workspace.course import TRACKS, load_course, notebook_cells
from workshop_kit.workspace.summary import Summary
from workshop_kit.workspace.track_notebook import fold, on_track

COURSE = load_course(CHECKOUT)
ON_TRACK = [(lesson, track) for track in TRACKS for lesson in COURSE.names(track)]


def text_of(lesson: str, track: str, cell_id: str) -> str:
    """Return a cell of a lesson as a track has it."""
    path = CHECKOUT / "notebooks" / f"{lesson}.ipynb"
    notebook = json.loads(fold(path.read_bytes(), on_track(CHECKOUT, COURSE, lesson, track)))
    return next("".join(cell["source"]) for cell in notebook["cells"] if cell["id"] == cell_id)


def summary_of(lesson: str) -> Summary:
    """The lines of a lesson's first and last text; each lesson has them."""
    lesson_summary = summary.load(CHECKOUT, lesson)
    assert lesson_summary is not None, lesson
    return lesson_summary


def definitions(lesson: str, kept: Collection[str]) -> set[str]:
    """Return the names that the kept code cells of a lesson define."""
    cells = notebook_cells(CHECKOUT / "notebooks" / f"{lesson}.ipynb")
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    sources = [cell["source"] for cell in code if cell["id"] in kept]
    return {name for source in sources for name in names_in(source).defined}


@pytest.mark.parametrize(("lesson", "track"), ON_TRACK)
def test_nothing_is_promised_that_is_folded(lesson: str, track: str) -> None:
    """A line of which the track folds a cell stands neither at the head nor at the end, nor does the name of a function
    that only folded cells define. Something is left to reach, to keep and to do at home.
    """
    kept = COURSE.kept_cells(lesson, track)
    texts = {name: text_of(lesson, track, name) for name in (summary.HEAD, summary.END)}
    lines = [line for choice in summary_of(lesson).choices for line in choice]
    folded = [line for line in lines if not kept.issuperset(line.cells)]
    everything = frozenset(cell for part in COURSE.sections[lesson] for cell in part.cells)
    only_folded = definitions(lesson, everything) - definitions(lesson, kept)

    for text in texts.values():
        assert [line.text for line in folded if line.text.replace("{minutes}", "") in text] == []
        assert only_folded.isdisjoint(re.findall(r"`(\w+)(?:\(\))?`", text))
    assert re.search(r"^- \S", texts[summary.HEAD], re.MULTILINE)
    assert re.search(r"^- \S", texts[summary.END], re.MULTILINE)
    assert re.search(r"\*\*Take home:\*\* \S", texts[summary.END])


@pytest.mark.parametrize(("lesson", "track"), ON_TRACK)
def test_the_head_has_a_title_and_the_minutes_of_the_track(lesson: str, track: str) -> None:
    """Both are said for what is left of the lesson."""
    head = text_of(lesson, track, summary.HEAD)
    assert re.match(rf"# {lesson.partition('_')[0]} · \w", head)
    assert re.findall(r"(\d+) minutes", head) in ([], [str(COURSE.minutes(lesson, track))])
    assert summary_of(lesson).intro[0].text.count("{minutes}") == (lesson != "00_start")


@pytest.mark.parametrize("lesson", [lesson.name for lesson in COURSE.lessons])
def test_a_line_names_cells_of_its_lesson(lesson: str) -> None:
    """A misspelled id would take the line from every track. The last line of title and intro is said on all of them."""
    cells = {cell for part in COURSE.sections[lesson] for cell in part.cells}
    lines = summary_of(lesson)
    for choice in lines.choices:
        assert {cell for line in choice for cell in line.cells} <= cells
    for track in TRACKS:
        if kept := COURSE.kept_cells(lesson, track):
            assert summary.chosen_text(lines.title, kept)
            assert summary.chosen_text(lines.intro, kept)
