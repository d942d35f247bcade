"""The board in a notebook: the state of all exercises, and buttons to the start of every lesson."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import traitlets

from workshop_kit.display.live import PARTS, Job, JobWidget
from workshop_kit.display.rendered import Rendered
from workshop_kit.display.static_panel import PANEL_CSS, static_page
from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.reporting import Report
from workshop_kit.workspace.course import LESSON, lesson_names, load_course
from workshop_kit.workspace.folder import EDITED, Workspace, lesson_files
from workshop_kit.workspace.lab_settings import trust

HERE = Path(__file__).parent
LABEL = "All exercises"
HOW = (
    "To go to the start of a lesson, run this cell in JupyterLab, or type ./workshop goto 01_container at the terminal."
)


class BoardWidget(JobWidget):
    """The board in the browser. The page sends ``{"do": "go", "lesson": "03_logging"}`` and ``{"do": "refresh"}``."""

    _esm = PARTS + (HERE / "board_widget.js").read_text()
    _css = PANEL_CSS
    lessons = traitlets.List(traitlets.Unicode()).tag(sync=True)  # a button each
    next_lesson = traitlets.Unicode().tag(sync=True)  # of the track; "" in its last lesson
    board = traitlets.Unicode().tag(sync=True)
    arrived = traitlets.Unicode().tag(sync=True)  # the path in the workspace of the notebook to open
    changed = traitlets.List(traitlets.Unicode()).tag(sync=True)  # the paths of files that the jump changed on disk


@dataclass
class BoardView:
    """The board of one workspace on the page of ``lesson``. ``leave`` is called before a jump: it ends live charts."""

    exercise_service: ExerciseService
    lesson: str
    headless: bool = False
    leave: Callable[[], None] = lambda: None
    summary: str = ""  # of the last jump
    job: Job = field(init=False, repr=False)

    def __post_init__(self) -> None:
        widget = None if self.headless else self._make_widget()
        self.job = Job(widget, self.page, self._widget_state)

    def show(self) -> None:
        """Show the board: as a widget with its static twin, or in a headless run as the twin alone."""
        self.job.show()

    def page(self) -> Rendered:
        """Return the board for a page without a kernel."""
        board = self.exercise_service.board(self.lesson)
        summary = self.summary or HOW
        lines = "".join(f'<p class="wk-ex-status">{escape(line)}</p>' for line in summary.splitlines())
        return static_page(LABEL, f"{board.html}{lines}", f"{board.text}\n{summary}")

    def go(self, lesson: str, report: Report) -> str:
        """Jump to the start of ``lesson`` and return a summary, a line each. See `checkpoint.goto`."""
        self.leave()
        times_before = _modification_times(self.exercise_service.workspace)
        try:
            goto_result = checkpoint.goto(self.exercise_service, lesson, report)
        finally:
            self.exercise_service.forget_fixtures()  # the jump removed the kernel's objects
            self._announce_changes(times_before)

        folder = f"{self.exercise_service.workspace.folder}/"
        summary = "\n".join(goto_result.sentences())
        self.summary = summary.replace(folder, "")  # paths as in JupyterLab's file list
        self.job.set(arrived=f"notebooks/{goto_result.lesson}.ipynb")
        return self.summary

    def _announce_changes(self, times_before: Mapping[str, int]) -> None:
        """Tell the page which files have changed since ``times_before``, and sign changed notebooks."""
        workspace = self.exercise_service.workspace
        times = _modification_times(workspace)
        changed_files = [name for name in times if times[name] != times_before.get(name)]
        self.job.set(arrived="", changed=changed_files)
        if changed_files:
            trust(workspace)  # JupyterLab shows no panels in an unsigned notebook

    def _make_widget(self) -> BoardWidget:
        service = self.exercise_service
        lessons = [name for name in lesson_names(service.root / "notebooks") if LESSON.fullmatch(name)]
        track_lessons = load_course(service.root).names(service.workspace.track)
        next_lesson = next((name for name in track_lessons if name > self.lesson), "")
        widget = BoardWidget(lessons=lessons, next_lesson=next_lesson, **self._widget_state())
        widget.on_msg(self.handle_message)
        return widget

    def _widget_state(self) -> dict[str, Any]:
        return {"board": self.exercise_service.board(self.lesson).html}

    def handle_message(self, _: object, content: Mapping[str, Any], __: object) -> None:
        """Handle a message of the page; it is called in a thread of its own while a cell is busy."""
        match content:
            case {"do": "refresh"}:
                self.job.set(**self._widget_state())
                self.job.refresh_twin()
            case {"do": "go", "lesson": str(lesson)}:
                self.job.start(f"go to {lesson}", lambda report: self.go(lesson, report))


def _modification_times(workspace: Workspace) -> dict[str, int]:
    """Return the modification time (nanoseconds) of each file of the lessons, by its path in the workspace."""
    return {
        str(file.relative_to(workspace.folder)): file.stat().st_mtime_ns
        for folder in EDITED
        for file in lesson_files(workspace.folder / folder)
    }
