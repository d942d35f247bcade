"""The tour on real kernels: what is run and written, what is said of a cell that fails or shows too little."""

from __future__ import annotations

import base64
import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
from nbformat import v4

from tests.conftest import write_notebook
from workshop_dev import expectations
from workshop_dev.expectations import Expectations
from workshop_dev.tour import CellError, Tour, find_lessons
from workshop_kit.display.map import system_map
from workshop_kit.display.rendered import Rendered
from workshop_kit.lessons.predictions import load_all_questions, outcome
from workshop_kit.paths import CHECKOUT
from workshop_kit.patience import wait_for
from workshop_kit.workspace.folder import Workspace


def test_a_failing_cell_is_data(empty_workspace: Workspace, tmp_path: Path) -> None:
    """A failed lesson names cell, source and error, keeps its page, and the next lesson still runs.

    The workspace's notebook stays as it was, and no kernel is left.
    """
    raises = 'from workshop_kit.errors import NotReady\nraise NotReady("No engine.", "Start it.")'
    path = write_notebook(empty_workspace, "00_start", ["x = 1", raises, "x = 2"])
    before = path.read_bytes()
    write_notebook(empty_workspace, "01_next", ["x = 1"])
    failed, fine = Tour(empty_workspace, output=tmp_path).run()
    assert failed.error == CellError(2, raises, "NotReady", "No engine. Start it.")
    assert str(failed).startswith("✗ 00_start: cell 2 failed. No engine. Start it.\n")
    assert "No engine. Start it." in failed.page.read_text()
    assert fine.error is None
    assert path.read_bytes() == before
    assert list((empty_workspace.jupyter_folder / "runtime").iterdir()) == []


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import time\ntime.sleep(60)", "The cell ran longer than 3 s."),
        ("import os\nos._exit(1)", "The kernel ended in the middle of the cell."),
    ],
)
def test_other_ways_to_fail(empty_workspace: Workspace, tmp_path: Path, source: str, message: str) -> None:
    """A hanging cell and a dead kernel have a message each, without a traceback."""
    write_notebook(empty_workspace, "00_start", [source])
    seconds = 3 if "sleep" in source else 60
    (result,) = Tour(empty_workspace, output=tmp_path, cell_seconds=seconds).run()
    assert result.error is not None
    assert result.error.message == message


TOURING = """
import gc
import sys
from pathlib import Path
from workshop_dev.tour import Tour
from workshop_kit.workspace.folder import Workspace

folder = Path(sys.argv[1])
try:
    Tour(Workspace(folder, "0" * 8), output=folder).run()
except KeyboardInterrupt:
    print("interrupted")
gc.collect()  # a task that nobody holds any more says what it raised
"""
"""A tour in a process of its own."""
PRINTS = "from pathlib import Path\nPath('begun').touch()\nwhile True:\n    print('on and on', flush=True)"
"""A cell that keeps the tasks of the tour busy."""
KERNEL_STARTS = ".workshop/jupyter/runtime/kernel-tour-*.json"
"""The file that is written right before a kernel starts."""


@pytest.mark.parametrize(
    ("signum", "when"),
    [(signal.SIGTERM, "notebooks/begun"), (signal.SIGINT, KERNEL_STARTS)],
)
def test_a_signal_ends_it_as_ctrl_c_does(empty_workspace: Workspace, signum: signal.Signals, when: str) -> None:
    """Within a cell, and while the kernel starts: nothing is said of its own tasks, and no kernel is left.

    No later lesson begins.
    """
    write_notebook(empty_workspace, "00_start", [PRINTS])
    write_notebook(empty_workspace, "01_next", ["from pathlib import Path\nPath('late').touch()"])
    command = [sys.executable, "-P", "-c", TOURING, str(empty_workspace.folder)]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            assert wait_for(lambda: list(empty_workspace.folder.glob(when)), 60)
            running.send_signal(signum)
            output, errors = running.communicate(timeout=30)
        finally:
            running.kill()
    assert (output, errors) == ("interrupted\n", "")
    assert list((empty_workspace.jupyter_folder / "runtime").iterdir()) == []
    assert not (empty_workspace.notebooks / "late").exists()


def test_the_first_notebook_of_every_lesson_is_the_default(tmp_path: Path) -> None:
    """Others run by a beginning of their number or word, or by their whole name; a copy by JupyterLab is none."""
    for name in ("00_start", "01_container", "02c_configuration_more"):
        (tmp_path / f"{name}.ipynb").touch()
    assert [path.stem for path in find_lessons([], tmp_path)] == ["00_start", "01_container"]
    for name in ("01_container-Copy1", "mine"):
        (tmp_path / f"{name}.ipynb").touch()
    named = find_lessons(["02c", "START", "01_container.ipynb", "mine"], tmp_path)
    assert [path.stem for path in named] == ["00_start", "01_container", "02c_configuration_more", "mine"]


def surprise() -> Rendered:
    """The card of a prediction whose experiment did something else."""
    question = next(iter(load_all_questions(CHECKOUT / "notebooks").values()))
    wrong = next(key for key in question.options if key != question.right)
    return outcome(question, question.right, wrong)


def sentences(
    text: str = "", html: str = "", *, source: str = "x = 1", png: bytes = b"", **tables: dict[str, str]
) -> list[str]:
    """What is wrong with a notebook whose one cell, ``look``, showed this, by these tables."""
    data = {"text/html": html}
    if png:
        data["image/png"] = base64.b64encode(png).decode()
    shown = [v4.new_output("stream", text=text)] if text else []  # type: ignore[no-untyped-call]
    shown += [v4.new_output("display_data", data)] if html or png else []  # type: ignore[no-untyped-call]
    executed = v4.new_notebook(cells=[v4.new_code_cell(source, id="look", outputs=shown)])  # type: ignore[no-untyped-call]
    return [sentence for _, sentence in expectations.notebook_problems(executed, Expectations(**tables))]


def chart(*values: float) -> bytes:
    """A chart of a line, with a legend, as a PNG."""
    figure, axes = plt.subplots()
    axes.plot(values, label="orders")
    axes.set_xlabel("seconds")
    axes.legend()
    target = io.BytesIO()
    figure.savefig(target, format="png")
    plt.close(figure)
    return target.getvalue()


def embedded(png: bytes) -> str:
    """A chart as the kit shows it."""
    return f'<img src="data:image/png;base64,{base64.b64encode(png).decode()}" alt="A chart.">'


@pytest.mark.parametrize(
    ("shown", "problem"),
    [
        ({"source": "print(found)"}, "shows nothing"),
        ({"source": "pd.DataFrame(rows)"}, "shows nothing"),
        ({"source": "answer = 1\nanswer"}, "shows nothing"),
        ({"text": "None\n"}, "shows None"),
        ({"text": "Series([], dtype: int64)\n"}, "shows Series([], dtype: int64)"),
        ({"text": "the layers:\n[]\n"}, "shows []"),
        ({"png": chart()}, "shows a chart without data"),
        ({"html": embedded(chart())}, "shows a chart without data"),
        ({"text": str(system_map())}, "shows a map on which nothing is lit"),
        ({"text": str(surprise())}, "measured another result than `right` of its prediction says"),
    ],
)
def test_an_output_that_is_there_and_says_nothing(shown: dict[str, Any], problem: str) -> None:
    """It is found, unless the table of the lesson gives a reason."""
    assert sentences(**shown) == [f"Cell 'look' {problem}."]
    assert sentences(**shown, quiet={"look": "it is what the experiment is about"}) == []


@pytest.mark.parametrize(
    "shown",
    [
        {"source": "container.remove(force=True)"},
        {"source": "ax.legend();"},
        {"source": "for name in names:\n    print(name)"},
        {"source": "%%bash\ntrue"},
        {"text": "[1]\nNone of them was lost\n"},
        {"png": chart(1, 3, 2)},
        {"html": embedded(chart(1, 3, 2))},
        {"text": str(system_map({"redis"}))},
    ],
)
def test_what_may_be_silent_and_what_shows_enough(shown: dict[str, Any]) -> None:
    """A command without a result, a loop that may have no turn; one line in a chart, one lit part of a map."""
    assert sentences(**shown) == []


@pytest.mark.parametrize(
    ("text", "excerpt"),
    [
        ("it printed a KeyError: 'x' and went on", "KeyError"),
        ("Traceback (most recent call last):", "Traceback (most recent call last)"),
        ("sh: 1: curl: not found", "not found"),
        ("Error response from daemon: No such container", "Error response from daemon"),
        ("Empty DataFrame\nColumns: [a]\nIndex: []", "Empty DataFrame"),
    ],
)
def test_what_no_cell_may_show(text: str, excerpt: str) -> None:
    """An exception that was printed, or nothing where something was promised; the first can be declared."""
    assert sentences(text) == [f"Cell 'look' prints {excerpt!r}."]
    declared = sentences(text, exceptions={"look": "the experiment is about it"})
    assert declared == ([f"Cell 'look' prints {excerpt!r}."] if "Empty" in excerpt else [])


def test_a_table_without_rows() -> None:
    """The kit's tables have row headers; a DataFrame's body has white space."""
    table = "<table><thead><tr><th>order</th></tr></thead><tbody>{}</tbody></table>"
    assert sentences(html=table.format("\n  ")) == ["Cell 'look' shows a table without rows."]
    assert sentences(html=table.format("<tr><th>1</th></tr>")) == []


def test_the_tour_fails_a_lesson_that_does_not_show_it(empty_workspace: Workspace, tmp_path: Path) -> None:
    """With solutions in place: the lesson runs to its end and is not good; untouched, it may show anything."""
    write_notebook(empty_workspace, "00_start", ["print('KeyError')", "print(6 * 7)"])
    (tmp_path / "00_start.toml").write_text('[shows]\ncell-1 = "43"\n')
    (result,) = Tour(empty_workspace, output=tmp_path, solutions={}, expected=tmp_path).run()
    assert result.error is not None
    assert result.error.cell == 1
    assert len(result.error.message.split("\n")) == 2
    (result,) = Tour(empty_workspace, output=tmp_path, expected=tmp_path).run()
    assert result.error is None
