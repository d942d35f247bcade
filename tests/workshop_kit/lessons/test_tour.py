"""The tour on real kernels: what is run, what is written, what is said when a cell fails."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workshop_kit.conftest import WriteNotebook
from tests.workshop_kit.lessons.waiting import wait_until
from workshop_kit.errors import WrongUsage
from workshop_kit.lessons.tour import CellError, find_lessons, tour
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.folder import Workspace

LESSON = [
    'from workshop_kit.display.map import system_map\nsystem_map({"service"})',
    "import os\nfrom pathlib import Path\n"
    "from workshop_kit.lessons.predictions import predict\nfrom workshop_kit.exercises.progress import Progress\n"
    'progress = Progress(Path(os.environ["WORKSHOP_WORKSPACE"], "progress.json"))\n'
    "from workshop_kit.lessons.predictions import Option, Question\n"
    'texts = {"green": "Green & well", "red": "Red", "hang": "It hangs", "crash": "It crashes"}\n'
    'options = {key: Option(text=text, reason="So it is.") for key, text in texts.items()}\n'
    'question = Question(question="The <b>database</b> is gone?", right="green", options=options)\n'
    'guess = predict("db", question, progress=progress, headless=os.environ["WORKSHOP_HEADLESS"] == "1")',
    'guess.reveal("green")',
]
PICTURE = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"


def test_a_lesson_becomes_a_page(empty_workspace: Workspace, write_notebook: WriteNotebook, tmp_path: Path) -> None:
    """The page holds map, prediction, outcome and chart as they are: no widget, nothing to load from elsewhere."""
    path = write_notebook(empty_workspace, "00_start", [*LESSON, PICTURE])
    before = path.read_bytes()
    (result,) = tour(empty_workspace, output=tmp_path / "pages")
    assert result.error is None
    assert result.cells == 4
    html = result.page.read_text()
    for seen in (
        "Map of the whole system",
        "You said</span> Red",
        "So it is.",
        "Green &amp; well",
        "data:image/png;base64,",
    ):
        assert seen in html
    assert "widget-view" not in html
    assert not re.search(r'<(script|link|img)[^>]+(src|href)="(?!data:)', html)
    assert "cdn" not in html
    assert path.read_bytes() == before
    assert not empty_workspace.progress_path.exists()
    assert list((empty_workspace.jupyter_folder / "runtime").iterdir()) == [], "the kernel is gone"


def test_a_failing_cell_is_data(empty_workspace: Workspace, write_notebook: WriteNotebook, tmp_path: Path) -> None:
    """A failed lesson names cell, source and error, keeps its page, and the next lesson still runs."""
    raises = 'from workshop_kit.errors import NotReady\nraise NotReady("No engine.", "Start it.")'
    write_notebook(empty_workspace, "00_start", ["x = 1", raises, "x = 2"])
    write_notebook(empty_workspace, "01_next", ["x = 1"])
    failed, fine = tour(empty_workspace, output=tmp_path)
    assert failed.error == CellError(2, raises, "NotReady", "No engine. Start it.")
    assert str(failed).startswith("✗ 00_start: cell 2 failed. No engine. Start it.\n")
    assert "No engine. Start it." in failed.page.read_text()
    assert fine.error is None


def test_solutions_come_when_their_cell_is_reached(
    empty_workspace: Workspace, write_notebook: WriteNotebook, tmp_path: Path
) -> None:
    """Before each cell runs the caller may put a solution in its place: the cells above have seen the starter."""
    solved = tmp_path / "solved"
    write_notebook(empty_workspace, "00_start", [f"assert not open({str(solved)!r}).read()", f"open({str(solved)!r})"])
    solved.write_text("")
    seen: list[tuple[str, str]] = []

    def before(lesson: str, cell: str) -> None:
        seen.append((lesson, cell))
        solved.write_text("yes" if cell == "cell-1" else "")

    (result,) = tour(empty_workspace, output=tmp_path, before_cell=before)
    assert result.error is None
    assert seen == [("00_start", "cell-0"), ("00_start", "cell-1")]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import time\ntime.sleep(60)", "The cell ran longer than 3 s."),
        ("import os\nos._exit(1)", "The kernel ended in the middle of the cell."),
    ],
)
def test_other_ways_to_fail(
    empty_workspace: Workspace, write_notebook: WriteNotebook, tmp_path: Path, source: str, message: str
) -> None:
    """A hanging cell and a dead kernel have a message each, without a traceback."""
    write_notebook(empty_workspace, "00_start", [source])
    (result,) = tour(empty_workspace, output=tmp_path, cell_seconds=3)
    assert result.error is not None
    assert result.error.message == message


def test_lessons_by_number_or_name(empty_workspace: Workspace, write_notebook: WriteNotebook) -> None:
    """A lesson is found by its number, its name, both, or a beginning; an unknown one is answered with the known."""
    for name in ("01_container", "00_start", "instructor"):
        write_notebook(empty_workspace, name, [])
    names = [path.stem for path in find_lessons(["start", "01", "00_start", "cont"], empty_workspace.notebooks)]
    assert names == ["00_start", "01_container"]
    assert len(find_lessons([], empty_workspace.notebooks)) == 3
    with pytest.raises(WrongUsage, match=r"There is no lesson 'nine'\. Choose from: 00_start, 01_container, inst"):
        find_lessons(["nine"], empty_workspace.notebooks)


@pytest.mark.long
def test_ctrl_c_ends_the_tour_and_its_kernel(
    empty_workspace: Workspace, write_notebook: WriteNotebook, tmp_path: Path
) -> None:
    """Ctrl-C is no failed cell: it ends the tour, and the kernel with it."""
    pid_file = tmp_path / "pid"
    source = f"import os, pathlib, time\npathlib.Path({str(pid_file)!r}).write_text(str(os.getpid()))\ntime.sleep(120)"
    write_notebook(empty_workspace, "00_start", [source])
    script = (
        "import sys, pathlib; from workshop_kit.lessons.tour import tour; from workshop_kit.workspace.folder import *\n"
        "tour(Workspace.open(pathlib.Path(sys.argv[1])), output=pathlib.Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", script, str(empty_workspace.folder), str(tmp_path)]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(CHECKOUT)}, stderr=subprocess.PIPE)
    wait_until(lambda: pid_file.exists() and pid_file.read_text() != "")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert b"KeyboardInterrupt" in errors
    wait_until(lambda: not Path("/proc", pid_file.read_text()).exists())
