"""The board in a notebook: how all exercises stand, the next lesson, and the way to the start of every lesson."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import traitlets
from IPython.display import display

from workshop_kit.engine.stack import Stack
from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.exercise_service import Desk
from workshop_kit.exercises.widget_job import Job, JobWidget, PARTS, static_page
from workshop_kit.workspace.lab_settings import trust
from workshop_kit.workspace.lookup import LESSON, lesson_names
from workshop_kit.workspace.folder import EDITED, Workspace, lesson_files
from workshop_kit.progress import Report
from workshop_kit.display.rendered import Rendered

HERE = Path(__file__).parent
LABEL = "All exercises"
HOW = (
    "To go to the start of a lesson, run this cell in JupyterLab, or type ./workshop goto 01_container at the terminal."
)


class BoardWidget(JobWidget):
    """The board as it is clicked. It receives ``{"do": "go", "lesson": "03_logging"}`` and ``{"do": "refresh"}``."""

    _esm = PARTS + (HERE / "board_widget.js").read_text()
    _css = (HERE / "panel.css").read_text()
    lessons = traitlets.List(traitlets.Unicode()).tag(sync=True)  # a button each
    next_lesson = traitlets.Unicode().tag(sync=True)  # "" in the last one
    board = traitlets.Unicode().tag(sync=True)
    arrived = traitlets.Unicode().tag(sync=True)  # the notebook to open, as JupyterLab knows it
    changed = traitlets.List(traitlets.Unicode()).tag(sync=True)  # files that are others on disk now, likewise


@dataclass
class BoardView:
    """The board of one workspace on the page of ``lesson``.

    ``leave`` is called before a jump: it ends what a kernel shows live.
    """

    desk: Desk
    stack: Stack
    lesson: str
    headless: bool = False
    leave: Callable[[], None] = lambda: None
    said: str = ""  # what the last jump did
    job: Job | None = field(default=None, repr=False)

    def show(self) -> None:
        """Show the board: as a widget with its static twin, or in a headless run as the twin alone."""
        if self.headless:
            display(self.page())  # type: ignore[no-untyped-call]
            return
        lessons = [name for name in lesson_names(self.desk.root / "notebooks") if LESSON.fullmatch(name)]
        following = next((name for name in lessons if name > self.lesson), "")
        widget = BoardWidget(lessons=lessons, next_lesson=following, board=self._board().html)
        widget.on_msg(self._clicked)
        self.job = Job(widget, self.page)
        self.job.show()

    def page(self) -> Rendered:
        """What a page without a kernel shows."""
        board, said = self._board(), self.said or HOW
        lines = "".join(f'<p class="wk-ex-status">{escape(line)}</p>' for line in said.splitlines())
        return static_page(LABEL, f"{board.html}{lines}", f"{board.text}\n{said}")

    def refresh(self) -> None:
        """Show the board as things stand now."""
        if self.job is not None:
            self.job.set(board=self._board().html)
            self.job.refresh_twin()

    def go(self, lesson: str, report: Report) -> str:
        """Jump to the start of ``lesson`` and return what was done, a line each. See `checkpoint.goto`."""
        self.leave()
        before = _written(self.desk.workspace)
        try:
            arrived = checkpoint.goto(self.desk, lesson, self.stack, report)
        finally:
            self.desk.subjects.clear()  # they were this kernel's own, and are gone
            after = _written(self.desk.workspace)
            changed = [name for name in after if after[name] != before.get(name)]
            self._tell(arrived="", changed=changed)
            if changed:
                trust(self.desk.workspace)  # a notebook that changes unsigned loses its panels
        folder = f"{self.desk.workspace.folder}/"
        self.said = "\n".join(arrived.sentences()).replace(folder, "")  # as JupyterLab's file list has it
        self._tell(arrived=f"notebooks/{arrived.lesson}.ipynb", board=self._board().html)
        return self.said

    def _clicked(self, _: object, content: Mapping[str, Any], __: object) -> None:
        """Handle a message of the page; runs in a thread of its own while a cell is busy."""
        match content:
            case {"do": "refresh"}:
                self.refresh()
            case {"do": "go", "lesson": str(lesson)} if self.job is not None:
                self.job.start(f"go to {lesson}", lambda report: self.go(lesson, report))

    def _board(self) -> Rendered:
        return self.desk.board(self.lesson)

    def _tell(self, **state: Any) -> None:
        if self.job is not None:
            self.job.set(**state)


def _written(workspace: Workspace) -> dict[str, int]:
    """When each file of the lessons was written last (nanoseconds), by its path in the workspace."""
    return {
        str(file.relative_to(workspace.folder)): file.stat().st_mtime_ns
        for folder in EDITED
        for file in lesson_files(workspace.folder / folder)
    }
