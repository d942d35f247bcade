"""Lesson 01 in JupyterLab: all of it at once, the charts on the page, the live one ended by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import expect

from tests.browser import lessons
from tests.browser.lab_page import LabPage
from workshop_kit.engine import cleanup, reach
from workshop_kit.learn import ready
from workshop_kit.learn.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.timeout(600)]
LESSON = "01_container"
CHARTS = ("stop", "layers", "come", "hog")


@pytest.fixture
def lesson(lab: LabPage, workspace: Workspace) -> Iterator[LabPage]:
    """The lesson, open and not run; its stack and containers are gone afterwards."""
    lab.open(LESSON)
    yield lab
    session = ready.session_of(workspace, reach.connect())
    assert cleanup.remove(session, {"kernel", "workspace"}).left == []


def test_all_of_it_runs_and_shows_what_it_says(lesson: LabPage) -> None:
    """The stop that takes ten seconds, the file that is gone, the kill for want of memory: on the page, with charts."""
    lesson.menu("Run", "Run All Cells")
    prompt = lesson.cell(lessons.position(LESSON, "board")).locator(".jp-InputPrompt").first
    expect(prompt).to_have_text(f"[{lessons.code_cells(LESSON)}]:", timeout=180_000)
    seen: dict[str, str | re.Pattern[str]] = {
        "reveal-stop": re.compile(r"exit code 137 after 1[0-5]"),
        "inside": "Read-only file system",
        "remove": "No such file",
        "oom": "137",
        "policy": "Still yours to write",
        "hold": "written, and lost with it",
    }
    for cell_id, text in seen.items():
        expect(lesson.output(lessons.position(LESSON, cell_id))).to_contain_text(text)
        lesson.cell(lessons.position(LESSON, cell_id)).scroll_into_view_if_needed()
    for cell_id in CHARTS:
        picture = lesson.output(lessons.position(LESSON, cell_id)).locator("img[alt]").first
        expect(picture).to_be_visible()
    photograph(lesson)
    lesson.save()
    exported_chart_has_its_data(lesson.workspace)
    assert lesson.errors == []


def photograph(lesson: LabPage) -> None:
    """Keep a picture of every output, in both themes, for whoever wants to look."""
    for dark in (False, True):
        lesson.theme(dark=dark)
        for cell in lessons.cells(LESSON):
            if cell["cell_type"] == "code":
                name = f"{LESSON}-{cell['id']}-{'dark' if dark else 'light'}"
                lesson.screenshot(name, lesson.cell(lessons.position(LESSON, cell["id"])))


def exported_chart_has_its_data(workspace: Workspace) -> None:
    """Saved and exported, the chart that was live is a picture with its values in a table, and no widget."""
    html, _ = HTMLExporter().from_filename(str(workspace.notebooks / f"{LESSON}.ipynb"))  # type: ignore[no-untyped-call]
    chart = re.search(r'<img[^>]+alt="A container at its limit[^"]*"[^>]*>.*?</table>', html, re.DOTALL)
    assert chart is not None
    assert 'src="data:image/png;base64,' in chart[0]
    assert "memory_limit_bytes" in chart[0]
    values = [float(number) for number in re.findall(r"<td>(\d{6,}(?:\.\d+)?)</td>", chart[0])]
    assert 0 < min(values) < max(values) <= 64 * 1024**2
