"""The instructor's notes: they fit their notebook and its timetable, as pages, for the desk and in notebooks."""

from __future__ import annotations

import itertools
import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.commands import Cli
from workshop_kit.errors import Exit
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import content
from workshop_kit.workspace.content import INSTRUCTOR
from workshop_kit.workspace.course import lesson_names, load_course, notebook_cells
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.track_notebook import NOTE
from workshop_room.pages import notes
from workshop_room.pages.notes import Note
from workshop_room.timetable.plan import minutes_of
from workshop_room.timetable.track_times import TrackTimes

NOTEBOOKS = CHECKOUT / "notebooks"
LESSONS = tuple(lesson_names(NOTEBOOKS))
ASKS = re.compile(r"w\.(predict|exercise)\(")


@pytest.mark.parametrize("lesson", LESSONS)
def test_each_note_has_a_cell_and_each_task_a_note(lesson: str) -> None:
    """Headings are ids of cells, in the notebook's order."""
    cells = notebook_cells(NOTEBOOKS / f"{lesson}.ipynb")
    ids = [cell["id"] for cell in cells]
    noted = [note.cell for note in notes.load(lesson, NOTEBOOKS)]
    assert noted == [name for name in ids if name in noted]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    asks = {cell["id"] for cell in code if ASKS.search(cell["source"])}
    assert asks <= set(noted)


@pytest.mark.parametrize("lesson", LESSONS)
def test_marks_fit_the_lesson(lesson: str) -> None:
    """On the full track each lies within the minutes of its section; second notebooks are outside it and have none."""
    marks = {note.cell: minutes_of(note.minute) for note in notes.load(lesson, NOTEBOOKS) if note.minute}
    begin = 0
    for part in load_course(CHECKOUT).sections.get(lesson, ()):
        end = begin + part.minutes["full"]
        own = [marks.pop(cell) for cell in part.cells if cell in marks]
        assert own == sorted(set(own))
        assert all(begin <= mark < end for mark in own), part.heading
        begin = end
    assert marks == {}


def words(text: str) -> str:
    """Return a text without tags, marks of Markdown and line ends."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>|[*`]|^- ", "", text, flags=re.MULTILINE))).strip()


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_page_has_every_note(lesson: str, tmp_path: Path) -> None:
    """Each part of each note stands on the page, with its minute and its cell; the desk gets the same."""
    page = notes.load_page(lesson, CHECKOUT)
    html = page.write(tmp_path).read_text()
    page_words = words(html)
    for note in notes.load(lesson, NOTEBOOKS):
        assert f"<code>{note.cell}</code>" in html
        assert f'<p class="minute">{note.minute}</p>' in html
        assert all(words(line) in page_words for line in note.text.splitlines())
    assert [note["html"] in html for note in page.as_data()["notes"]] == [True] * len(page.notes)
    assert not re.search(r"(?:src|href)=|@import", html)


def test_a_page_on_a_track_leaves_out_what_the_track_skips() -> None:
    """It names the headings; the desk gets those notes, too, marked. Times of day begin with the day's start."""
    times = TrackTimes.of(CHECKOUT, "90min", "09:00")
    page = notes.load_page("03_logging", CHECKOUT, times)
    shown = [note.cell for note in page.shown]
    skipped = [note.cell for note in page.notes if note.is_skipped]
    assert shown
    assert skipped
    assert set(times.skipped("03_logging")) == set(page.skipped)
    for cell in shown:
        assert f"<code>{cell}</code></h2>" in page.html
    for cell in skipped:
        assert f"<code>{cell}</code></h2>" not in page.html
    assert words(f"Not on this track: {' · '.join(page.skipped)}.") in words(page.html)
    assert f"{page.hours} on the track 90min, the time of day in the margin" in words(page.html)
    assert [note["cell"] for note in page.as_data()["notes"] if note["is_skipped"]] == skipped


def instructors(workspace: Workspace, lesson: str) -> Any:
    """The instructor's notebook of a lesson, as data."""
    return json.loads((workspace.folder / INSTRUCTOR / f"{lesson}.ipynb").read_text())


def test_the_instructors_notebooks_follow_the_track(tmp_path: Path) -> None:
    """What participants have folded is folded, with its notes; the full track brings it back; edits stay."""
    workspace = Workspace.open(tmp_path / "workspace")
    notes.update_notebooks(workspace)
    lesson = "02_configuration"
    path = workspace.folder / INSTRUCTOR / f"{lesson}.ipynb"
    whole = instructors(workspace, lesson)
    whole["cells"][0]["source"].append("My own words.")
    path.write_text(json.dumps(whole))
    workspace.choose_track("90min")
    changed = content.follow_track(workspace)
    assert {f"{INSTRUCTOR}/{lesson}.ipynb", f"notebooks/{lesson}.ipynb"} <= set(changed)
    notes.update_notebooks(workspace)

    document = instructors(workspace, lesson)
    nbformat.validate(document)
    times = TrackTimes.of(CHECKOUT, "90min")
    ids = [cell["id"] for cell in document["cells"]]
    noted = [name.removeprefix(NOTE) for name in ids if name.startswith(NOTE)]
    assert noted == [note.cell for note in notes.load(lesson, NOTEBOOKS) if times.has_cell(lesson, note.cell)]
    participants = json.loads((workspace.notebooks / f"{lesson}.ipynb").read_text())["cells"]
    marks = [cell["source"][0] for cell in participants if cell["id"].startswith("skip-")]
    assert [cell["source"][0] for cell in document["cells"] if cell["id"].startswith("skip-")] == marks
    assert "My own words." in "".join(document["cells"][0]["source"])

    workspace.choose_track("full")
    content.follow_track(workspace)
    notes.update_notebooks(workspace)
    back = instructors(workspace, lesson)
    assert [cell["id"] for cell in back["cells"]] == [cell["id"] for cell in whole["cells"]]


def test_the_instructors_notebooks_have_all_cells_of_the_lesson_in_order(empty_workspace: Workspace) -> None:
    """Without the notes it is the lesson; each note stands, folded, before its cell; the file is a valid notebook.

    They have a folder of their own: the participant's notebooks are none of them.
    """
    before = sorted(empty_workspace.notebooks.iterdir())
    notes.update_notebooks(empty_workspace)
    assert sorted(empty_workspace.notebooks.iterdir()) == before
    for lesson in LESSONS:
        document = instructors(empty_workspace, lesson)
        nbformat.validate(document)
        cells = document["cells"]
        note_cells = [note.cell for note in notes.load(lesson, NOTEBOOKS)]
        pairs = [(note, cell["id"]) for note, cell in itertools.pairwise(cells) if note["id"].startswith(NOTE)]
        assert [cell for _, cell in pairs] == note_cells
        assert all(note["source"][0].startswith("<details") for note, _ in pairs)
        document["cells"] = [cell for cell in cells if not cell["id"].startswith(NOTE)]
        assert document == json.loads((NOTEBOOKS / f"{lesson}.ipynb").read_text())


def test_a_note_cannot_bring_markup() -> None:
    """HTML in a note is text."""
    assert "&lt;img src=x&gt;" in Note("title", "", "**Before.** <img src=x>").html


def test_the_command_writes_the_pages_of_a_track(cli: Cli, tmp_path: Path) -> None:
    """Those that the track opens, with times of day; without ``--track`` it is that of the workspace."""
    workspace = Workspace.open(tmp_path / "workspace")
    variables = {"WORKSHOP_WORKSPACE": str(workspace.folder)}
    workspace.choose_track("90min")
    opened = load_course(CHECKOUT).names("90min")
    process = cli("notes", "--start", "09:00", "--out", str(tmp_path / "short"), **variables)
    assert [Path(line).stem for line in process.stdout.splitlines()] == list(opened)
    assert re.search(r"\d\d:\d\d to \d\d:\d\d on the track 90min", (tmp_path / "short" / "03_logging.html").read_text())
    process = cli("notes", "--track", "full", "--out", str(tmp_path / "full"), **variables)
    assert [Path(line).stem for line in process.stdout.splitlines()] == list(LESSONS)
    refused = cli("notes", "--start", "9", **variables)
    assert (refused.returncode, refused.stdout) == (Exit.WRONG_USAGE, "")
    assert "'9' is no time of day" in refused.stderr
