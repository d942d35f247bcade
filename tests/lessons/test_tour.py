"""Every lesson runs headless against live containers, and what it wrote down says what it should."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from workshop_kit.engine.labels import SESSION
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.stack import Stack
from workshop_kit.learn.tour import ANSI, tour
from workshop_kit.learn.workspace import Workspace

pytestmark = [pytest.mark.engine, pytest.mark.timeout(2700)]  # the first test waits for the whole tour


@pytest.fixture(scope="module")
def toured(root: Path) -> list[dict[str, object]]:
    """``./workshop tour --json``, once for all the tests below."""
    command = [sys.executable, "-m", "workshop_kit.cli", "tour", "--json"]
    said = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    results: list[dict[str, object]] = json.loads(said.stdout)
    return results


def test_every_lesson_was_run(root: Path, toured: list[dict[str, object]]) -> None:
    """As many results as notebooks, none of them empty, none of them an error."""
    assert [result["lesson"] for result in toured] == sorted(path.stem for path in (root / "notebooks").glob("*.ipynb"))
    assert all(result["error"] is None and result["cells"] for result in toured)


def test_the_pages_stand_alone(toured: list[dict[str, object]]) -> None:
    """A page needs no network and no kernel: no script from elsewhere, no widget placeholder, no traceback."""
    for result in toured:
        page = Path(str(result["page"])).read_text()
        assert not re.search(r'<script[^>]+src="http', page)
        assert "application/vnd.jupyter.widget-view" not in page
        assert "Traceback (most recent call last)" not in page


CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What may act on a terminal: every control character but line end and tab."""


def outputs_of(page: Path) -> Iterator[str]:
    """Every text among the outputs of an executed lesson, as the kernel sent it: a page does not show all of it."""
    notebook = nbformat.read(page.with_suffix(".ipynb"), as_version=4)  # type: ignore[no-untyped-call]
    for output in (one for cell in notebook.cells if cell.cell_type == "code" for one in cell.outputs):
        yield output.get("text", "")
        yield from (text for text in output.get("data", {}).values() if isinstance(text, str))


def test_hostile_lines_stay_text(toured: list[dict[str, object]]) -> None:
    """A customer planted a script and terminal codes in a log: every output shows them as text, none as what they are.

    Lesson 03 shows that line in files, tables, the explorer and at the terminal. What a page leaves out counts, too:
    a terminal code that reached an output is in none, and would act in whatever prints that output. Colors of a
    program's own are fine where nobody planted anything: lesson 02 shows those of pytest.
    """
    pages = {str(result["lesson"]): Path(str(result["page"])) for result in toured}
    planted = [text for text in outputs_of(pages["03_logging"]) if "somebody sold the database" in text]
    assert len(planted) >= 4
    for text in planted:
        written_out = len(re.findall(r"database\\+(?:x1b|u001b)\[2J", text))
        assert written_out == text.count("somebody sold the database")
    assert len(re.findall(r"&lt;img src=x onerror=", pages["03_logging"].read_text())) >= 4
    for lesson, page in pages.items():
        text = page.read_text()
        assert "<img src=x" not in text
        assert not CONTROLS.search(text)
        outputs = outputs_of(page) if lesson == "03_logging" else (ANSI.sub("", output) for output in outputs_of(page))
        assert [output for output in outputs if CONTROLS.search(output)] == [], lesson


def test_lesson_00_shows_the_failure_and_the_recovery(toured: list[dict[str, object]]) -> None:
    """The health check was green while the order failed, and an order went through in the end."""
    page = Path(str(toured[0]["page"])).read_text()
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    for sentence in ("It says it is well.", "The customer gets nothing.", "Not what you said.", "/readyz says 200"):
        assert sentence in text
    assert "an order: 201" in text


def test_the_tour_leaves_nothing(root: Path, engine: Engine, toured: list[dict[str, object]]) -> None:
    """Its stack, networks and volumes are gone, and so are the entries of its ledger but for images."""
    assert toured
    workspace = Workspace.open(root / "build" / "tour" / "workspace")
    ours = {"label": f"{SESSION}={workspace.id}"}
    assert engine.client.containers.list(all=True, filters=ours, ignore_removed=True) == []
    assert engine.client.networks.list(filters=ours) == []
    assert engine.client.volumes.list(filters=ours) == []


def run_whole_in_a_browser(root: Path) -> set[str]:
    """The lessons with a test that presses "Run All" on an untouched workspace and waits for the end."""
    tests = {path.stem: path.read_text() for path in (root / "tests" / "browser").glob("test_*.py")}
    return {name.removeprefix("test_") for name, text in tests.items() if "lessons.run_all(lesson, LESSON" in text}


def test_run_all_on_an_untouched_workspace_ends_well(
    root: Path, stack: Stack, workspace: Workspace, tmp_path: Path
) -> None:
    """Nobody has done an exercise yet, and a lesson runs from top to bottom: a failed check is no exception.

    What the browser's tests run in the same way is not run once more, but for one lesson.
    """
    there = {path.stem for path in (root / "notebooks").glob("*.ipynb")}
    assert run_whole_in_a_browser(root) <= there
    assert "02_configuration" in run_whole_in_a_browser(root)
    lessons = sorted({"01_container"} | there - run_whole_in_a_browser(root))
    results = tour(workspace, lessons, output=tmp_path)
    assert [str(result.error) for result in results if result.error] == []
    assert "not started" in (tmp_path / "01_container.html").read_text().lower()
