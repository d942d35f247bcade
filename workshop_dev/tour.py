"""The tour: execute lessons without a browser and write each as an HTML page."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter

from workshop_dev import expectations
from workshop_dev.book import ANSI, write_chapter, write_index
from workshop_kit.files import write_atomically
from workshop_kit.lessons.lesson import HEADLESS, SOLVED
from workshop_kit.paths import CHECKOUT, TOURS
from workshop_kit.patience import patient
from workshop_kit.reporting import Report, Step, silent
from workshop_kit.termination import interrupt_on_termination
from workshop_kit.workspace.course import SHORT, find_lesson, lesson_names, load_course, optional_names
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.lab_settings import KERNEL, install_kernel

CELL_SECONDS = 600
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SENTENCES = {"Timeout", "DeadKernel", "WorkshopError", "NotReady", "WrongUsage"}
"""Errors whose message is a sentence; other messages get the error's name in front."""
WIDGET = "application/vnd.jupyter.widget-view+json"
PAGE = """{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js_requirejs -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
"""
"""The lab template without the scripts that it would load from the network."""


class InterruptibleClient(NotebookClient):
    """Runs a notebook; a signal cancels its tasks, so that none is left with an error.

    nbclient's own handlers end the kernel, which looks like a failed cell, or breaks the start of the kernel. A
    KeyboardInterrupt inside of a task would be reported as an exception that was never retrieved.
    """

    is_interrupted = False
    _loop: asyncio.AbstractEventLoop | None = None

    async def async_start_new_kernel(self, **options: Any) -> None:
        """Start the kernel, with this class's handlers in place of those that nbclient has just set."""
        self._handle_signals()
        await super().async_start_new_kernel(**options)

    def _handle_signals(self) -> None:
        """Interrupt the run at a signal. Only the main thread can handle signals: in another one nothing is changed."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._loop = asyncio.get_running_loop()
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup lets SIGHUP be ignored
                self._loop.add_signal_handler(number, self._interrupt)

    def release_signals(self) -> None:
        """Let signals act as they do outside of a notebook's run."""
        if self._loop is not None:
            for number in SIGNALS:
                self._loop.remove_signal_handler(number)
        interrupt_on_termination()

    def _interrupt(self) -> None:
        """Cancel all tasks at the first signal; later ones change nothing."""
        if self.is_interrupted:
            return
        self.is_interrupted = True
        self.shutdown_kernel = "immediate"
        for task in asyncio.all_tasks():
            task.cancel()


@dataclass(frozen=True)
class CellError:
    """The error of a lesson. ``cell`` counts all cells from 1; ``message`` has no colors and no traceback."""

    cell: int
    source: str
    name: str
    message: str


@dataclass(frozen=True)
class LessonResult:
    """The run of one lesson. ``cells`` counts the code cells; ``page`` is the HTML, also of a failed run."""

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


@dataclass(frozen=True)
class Tour:
    """A run of lessons. The workspace's notebooks and progress do not change.

    Executed copies and their pages go to ``output``; with ``book``, chapters of changed lessons go there.
    ``solutions`` (code by cell id) replace exercise cells. With them an exercise that does not pass is an error, and so
    is a cell that differs from the lesson's table in the folder ``expected``; without them (None) the lessons run as
    they are. ``before_cell`` is called with the lesson and the id of each code cell before it runs. Only the sections
    of ``track`` run.
    """

    workspace: Workspace
    report: Report = silent
    output: Path = TOURS
    book: Path | None = None
    cell_seconds: int = CELL_SECONDS
    solutions: Mapping[str, str] | None = None
    before_cell: Callable[[str, str], object] | None = None
    expected: Path = CHECKOUT / "notebooks"
    track: str = "full"

    def run(self, lessons: Sequence[str] = ()) -> list[LessonResult]:
        """Run ``lessons`` (by default all) in order; a failed lesson does not stop the others.

        Raises WrongUsage for an unknown lesson, NotReady when a page cannot be written.
        """
        paths = find_lessons(lessons, self.workspace.notebooks)
        results = [self._run_lesson(path) for path in paths]
        if self.book is not None:
            write_index(self.workspace.notebooks, self.book)
        return results

    def _run_lesson(self, path: Path) -> LessonResult:
        """Run a lesson and write its page and, without an error, its chapter of the book."""
        started = time.monotonic()
        lesson = path.stem
        page = self.output / f"{lesson}.html"
        notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        if self.track != "full":
            _leave_out_sections(notebook, lesson, self.track)
        starters = _replace_sources(notebook, self.solutions or {})

        error = self._execute(notebook, lesson)
        if error is None and self.solutions is not None:
            error = _expectation_error(notebook, expectations.load(lesson, self.expected))
        _replace_widgets(notebook)
        _write_page(notebook, lesson, page)
        if self.book is not None and error is None:
            _replace_sources(notebook, starters)  # the book must not tell the solutions
            write_chapter(notebook, path, self.book)

        seconds = time.monotonic() - started
        code_cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        detail = error.message if error else f"{seconds:.0f} s"
        self.report(Step(lesson, 1.0, detail, done=True))
        return LessonResult(lesson, seconds, len(code_cells), page, error)

    def _execute(self, notebook: Any, lesson: str) -> CellError | None:
        """Run ``notebook`` in place; return the error of the cell that failed, or None.

        Raises KeyboardInterrupt if a signal ended the run.
        """
        current_index = 0

        def start_cell(cell: Any, cell_index: int) -> None:
            nonlocal current_index
            current_index = cell_index
            first_line = cell.source.strip().partition("\n")[0]
            self.report(Step(lesson, cell_index / len(notebook.cells), first_line))
            if cell.cell_type == "code" and self.before_cell is not None:
                self.before_cell(lesson, cell.id)

        variables = {HEADLESS: "1", SOLVED: "" if self.solutions is None else "1"}
        manager = kernel_manager(self.workspace)
        client = InterruptibleClient(
            notebook,
            km=manager,
            timeout=round(patient(self.cell_seconds)),
            resources={"metadata": {"path": str(self.workspace.notebooks)}},
            on_cell_start=start_cell,
        )
        try:
            client.execute(cleanup_kc=True, env={**os.environ, **variables})
        except CellExecutionError as error:
            return _cell_error(notebook, current_index, error.ename, error.evalue)
        except CellTimeoutError:
            return _cell_error(notebook, current_index, "Timeout", f"The cell ran longer than {self.cell_seconds} s.")
        except (DeadKernelError, asyncio.CancelledError):
            if client.is_interrupted:
                raise KeyboardInterrupt from None
            return _cell_error(notebook, current_index, "DeadKernel", "The kernel ended in the middle of the cell.")
        finally:
            if manager.has_kernel:
                run_sync(manager.shutdown_kernel)(now=True)
            client.release_signals()
        return None


def find_lessons(names: Sequence[str], notebooks: Path) -> list[Path]:
    """Return the notebooks with these names (see `find_lesson`); without names, the first notebook of every lesson."""
    all_names = list(lesson_names(notebooks))
    chosen_names = {find_lesson(name, notebooks) for name in names}
    if not chosen_names:
        chosen_names = set(all_names) - optional_names(notebooks.parent) - {SHORT}
    return [notebooks / f"{name}.ipynb" for name in all_names if name in chosen_names]


def _replace_sources(notebook: Any, sources: Mapping[str, str]) -> dict[str, str]:
    """Give the cells with these ids new sources, and remove their outputs; return the old sources by cell id."""
    old_sources: dict[str, str] = {}
    for cell in notebook.cells:
        identifier = cell.get("id")
        if identifier in sources:
            old_sources[identifier] = cell.source
            cell.source = sources[identifier].rstrip("\n")
            cell.outputs = []
    return old_sources


def _leave_out_sections(notebook: Any, lesson: str, track: str) -> None:
    """Make text of the code cells that a track skips. Where it needs their files, a cell before it brings them."""
    course = load_course(CHECKOUT)
    cells_of_track = course.cells(lesson, track)
    jumps = course.jumps(track).get(lesson, ())
    headings = {section.cells[0]: section.heading for section in course.sections[lesson] if section.heading in jumps}

    cells = []
    for cell in notebook.cells:
        if cell.id in headings:
            catch_up = f"w.catch_up({headings[cell.id]!r})"
            cells.append(nbformat.v4.new_code_cell(catch_up))  # type: ignore[no-untyped-call]
        is_skipped = cell.cell_type == "code" and cell.id not in cells_of_track
        text = nbformat.v4.new_raw_cell(cell.source, id=cell.id)  # type: ignore[no-untyped-call]
        cells.append(text if is_skipped else cell)
    notebook.cells = cells


def kernel_manager(workspace: Workspace) -> Any:
    """Return a manager of the workshop's kernel; its spec and its connection file are in the workspace."""
    runtime = workspace.jupyter_folder / "runtime"
    runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
    specs = KernelSpecManager(kernel_dirs=[str(install_kernel(workspace))])
    connection = runtime / f"kernel-tour-{os.getpid()}-{time.monotonic_ns()}.json"
    return AsyncKernelManager(
        kernel_name=KERNEL, kernel_spec_manager=specs, connection_file=str(connection), transport_encryption="auto"
    )


def _cell_error(notebook: Any, index: int, name: str, message: str) -> CellError:
    """Return the error of the cell at ``index`` (from 0); ``name`` is that of the exception."""
    text = ANSI.sub("", message).strip()
    if name not in SENTENCES:
        text = f"{name}: {text}"
    return CellError(index + 1, notebook.cells[index].source, name, text)


def _expectation_error(notebook: Any, expected: expectations.Expectations) -> CellError | None:
    """Return all wrong outputs as one error, at the first of their cells."""
    problems = expectations.notebook_problems(notebook, expected)
    if not problems:
        return None

    index, _ = problems[0]
    message = "\n".join(sentence for _, sentence in problems)
    return CellError(index + 1, notebook.cells[index].source, "Expectation", message)


def _replace_widgets(notebook: Any) -> None:
    """Put a sentence in place of widgets: a page without a kernel shows nothing of them."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if WIDGET in output.get("data", {}):
                output["data"] = {"text/plain": "(A widget: it is shown where the lesson runs.)"}


def _write_page(notebook: Any, lesson: str, page: Path) -> None:
    """Write ``notebook`` as one HTML file with embedded pictures and without scripts from the network.

    The executed notebook goes beside it: the page leaves out terminal codes.
    """
    exporter = HTMLExporter(raw_template=PAGE, embed_images=True)  # type: ignore[no-untyped-call]
    html, _ = exporter.from_notebook_node(notebook, resources={"metadata": {"name": lesson}})
    write_atomically(page, html.encode())
    write_atomically(page.with_suffix(".ipynb"), nbformat.writes(notebook).encode())  # type: ignore[no-untyped-call]
