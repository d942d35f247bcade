"""The tour: every lesson executed with nobody watching, and written down as a page to read."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workshop_kit.engine import reaper
from workshop_kit.lessons import expectations
from workshop_kit.lessons.book import write_chapter, write_index
from workshop_kit.lessons.lesson import HEADLESS, SOLVED
from workshop_kit.paths import CHECKOUT
from workshop_kit.progress import Report, Step, silent
from workshop_kit.workspace.files import explain, write_atomically
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.lab_settings import KERNEL, install_kernel
from workshop_kit.workspace.lookup import MORE, find_lesson, lesson_names

CELL_SECONDS = 600
"""A cell that takes longer than this hangs."""
SENTENCES = {"Timeout", "DeadKernel", "WorkshopError", "NotReady", "WrongUsage"}
"""Errors whose message is a whole sentence; the others need their name before it."""
BeforeCell = Callable[[str, str], None]
"""Called with a lesson and the id of a code cell that is about to run."""
PAGE = """{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js_requirejs -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
"""
"""The lab template without the scripts that it would load from the network."""


@dataclass(frozen=True)
class CellError:
    """Where a lesson stopped. ``cell`` counts all cells from 1; ``message`` has no colors and no traceback."""

    cell: int
    source: str
    name: str
    message: str


@dataclass(frozen=True)
class LessonResult:
    """One lesson's run. ``cells`` counts the code cells; ``page`` is the HTML, written also when it failed."""

    lesson: str
    seconds: float
    cells: int
    page: Path
    error: CellError | None = None

    def __str__(self) -> str:
        if self.error is None:
            return f"✓ {self.lesson}: {self.cells} cells in {self.seconds:.0f} s, {self.page}"
        source = "\n".join(f"    {line}" for line in self.error.source.split("\n"))
        return f"✗ {self.lesson}: cell {self.error.cell} failed. {self.error.message}\n{source}"


def do_nothing(_lesson: str, _cell: str) -> None:
    """Leave the files as they are."""


def tour(
    workspace: Workspace,
    lessons: Sequence[str] | None = None,
    report: Report = silent,
    *,
    output: Path = CHECKOUT / "build" / "tour",
    book: Path | None = None,
    cell_seconds: int = CELL_SECONDS,
    solutions: Mapping[str, str] | None = None,
    before_cell: BeforeCell = do_nothing,
    expected: Path = CHECKOUT / "notebooks",
) -> list[LessonResult]:
    """Run ``lessons`` (all, when none is named) in order and return a result each; a failed one does not stop the rest.

    ``solutions`` (cell id to code) run in place of exercise cells. An exercise that does not pass is an error then, and
    so is a cell that does not show what the lesson's table in ``expected`` says. None runs the lessons as they are.
    ``before_cell`` is called with the lesson and the id of each code cell before it runs: it puts solutions into files.

    The workspace's notebooks and progress stay as they are: the executed copies go to ``output``, a page each and the
    notebook beside it, and with ``book`` also there, as chapters in Markdown of the lessons that changed.
    Raises WrongUsage for an unknown lesson, NotReady when a page cannot be written.
    """
    chosen = find_lessons(lessons or (), workspace.notebooks)
    kernels = install_kernel(workspace)
    results = [
        _run(path, workspace, kernels, output, book, report, cell_seconds, solutions, before_cell, expected)
        for path in chosen
    ]
    if book is not None:
        write_index(workspace.notebooks, book)
    return results


def find_lessons(names: Sequence[str], notebooks: Path) -> list[Path]:
    """Return the notebooks that ``names`` mean (see `find_lesson`), or the first one of every lesson, in order."""
    chosen = {find_lesson(name, notebooks) for name in names} or {
        name for name in lesson_names(notebooks) if not MORE.fullmatch(name)
    }
    return [notebooks / f"{name}.ipynb" for name in sorted(chosen)]


def _run(
    path: Path,
    workspace: Workspace,
    kernels: Path,
    pages: Path,
    book: Path | None,
    report: Report,
    cell_seconds: int,
    solutions: Mapping[str, str] | None,
    before_cell: BeforeCell,
    expected: Path,
) -> LessonResult:
    import nbformat  # slow imports, for the tour alone

    started = time.monotonic()
    try:
        notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except (ValueError, nbformat.ValidationError) as error:
        return _unreadable(path, pages, error)
    starters = _put_in(notebook, solutions or {})
    environment = {HEADLESS: "1", SOLVED: "" if solutions is None else "1"}
    failed = _execute(notebook, path.stem, workspace, kernels, report, cell_seconds, environment, before_cell)
    if failed is None and solutions is not None:
        failed = _missed(notebook, expectations.load(path.stem, expected))
    page = pages / f"{path.stem}.html"
    _write_page(notebook, path.stem, page)
    if book is not None and failed is None:
        _put_in(notebook, starters)  # who reads the book first shall not have read the solutions
        write_chapter(notebook, path, book)
    seconds = time.monotonic() - started
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    report(Step(path.stem, 1.0, failed.message if failed else f"{seconds:.0f} s", done=True))
    return LessonResult(path.stem, seconds, cells, page, failed)


def _put_in(notebook: Any, sources: Mapping[str, str]) -> dict[str, str]:
    """Give cells (by id) other sources and take away what they showed; return what they were, to be put back."""
    before: dict[str, str] = {}
    for cell in notebook.cells:
        if cell.get("id") in sources:
            before[cell["id"]] = cell.source
            cell.source, cell.outputs = sources[cell["id"]].rstrip("\n"), []
    return before


def _execute(
    notebook: Any,
    lesson: str,
    workspace: Workspace,
    kernels: Path,
    report: Report,
    cell_seconds: int,
    environment: Mapping[str, str],
    before_cell: BeforeCell,
) -> CellError | None:
    """Run ``notebook`` in place; return where it failed, or None."""
    from jupyter_core.utils import run_sync
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    current = 0

    def starts(cell: Any, cell_index: int) -> None:
        nonlocal current
        current = cell_index
        report(Step(lesson, cell_index / len(notebook.cells), _first_line(cell.source)))
        if cell.cell_type == "code":
            before_cell(lesson, cell.id)

    async def takes_the_signal_back(**_: Any) -> None:
        # nbclient answers a signal by ending the kernel, which looks like a failed cell: it shall end the tour.
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(number)
        reaper.interrupt_on_termination()

    manager = kernel_manager(workspace, kernels)
    client = NotebookClient(
        notebook,
        km=manager,
        on_notebook_start=takes_the_signal_back,
        timeout=cell_seconds,
        resources={"metadata": {"path": str(workspace.notebooks)}},
        on_cell_start=starts,
    )
    try:
        client.execute(cleanup_kc=True, env={**os.environ, **environment})
    except CellExecutionError as error:
        return _error(notebook, current, error.ename, error.evalue)
    except CellTimeoutError:
        return _error(notebook, current, "Timeout", f"The cell ran longer than {cell_seconds} s.")
    except DeadKernelError:
        return _error(notebook, current, "DeadKernel", "The kernel ended in the middle of the cell.")
    finally:
        if manager.has_kernel:
            run_sync(manager.shutdown_kernel)(now=True)
    return None


def kernel_manager(workspace: Workspace, kernels: Path) -> Any:
    """Return a manager of our kernel that looks for it, and keeps its connection file, in the workspace alone."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    runtime = workspace.jupyter_folder / "runtime"
    runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
    specs = KernelSpecManager(kernel_dirs=[str(kernels)])
    connection = runtime / f"kernel-tour-{os.getpid()}-{time.monotonic_ns()}.json"
    return AsyncKernelManager(
        kernel_name=KERNEL,
        kernel_spec_manager=specs,
        connection_file=str(connection),
        transport_encryption="auto",
    )


def _error(notebook: Any, index: int, name: str, message: str) -> CellError:
    message = expectations.ANSI.sub("", message).strip()
    if name not in SENTENCES:
        message = f"{name}: {message}"
    return CellError(index + 1, notebook.cells[index].source, name, message)


def _missed(notebook: Any, expected: expectations.Expectations) -> CellError | None:
    """Return the cells that do not show what they should as one error, at the first of them."""
    misses = expectations.misses(notebook, expected)
    if not misses:
        return None
    first = misses[0].index
    return CellError(first + 1, notebook.cells[first].source, "Expectation", "\n".join(one.sentence for one in misses))


def _first_line(source: str) -> str:
    return next((line.strip() for line in source.split("\n") if line.strip()), "")


def _write_page(notebook: Any, lesson: str, page: Path) -> None:
    """Write ``notebook`` as one HTML file that needs nothing else: pictures inside, no script from elsewhere.

    Beside it goes the notebook itself: the page leaves out of an output what is no text (terminal codes, for one).
    """
    import nbformat
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(raw_template=PAGE, embed_images=True)  # type: ignore[no-untyped-call]
    html, _ = exporter.from_notebook_node(notebook, resources={"metadata": {"name": lesson}})
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(page, html.encode())
        executed = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
        write_atomically(page.with_suffix(".ipynb"), executed.encode())
    except OSError as error:
        raise explain(error, page) from error


def _unreadable(path: Path, pages: Path, error: Exception) -> LessonResult:
    reason = str(error).split("\n", 1)[0]
    failed = CellError(0, "", type(error).__name__, f"{path} is not a notebook: {reason}")
    return LessonResult(path.stem, 0.0, 0, pages / f"{path.stem}.html", failed)
