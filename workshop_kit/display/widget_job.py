"""A widget whose buttons start work: its state on the page, and the jobs behind the buttons."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from IPython.display import DisplayHandle, display

from workshop_kit.display.rendered import Rendered
from workshop_kit.errors import WorkshopError
from workshop_kit.reporting import Report, Step

HERE = Path(__file__).parent
DOM = (HERE / "dom.js").read_text()
"""Functions of the page, to be placed before a widget's own JavaScript."""
PARTS = DOM + (HERE / "widget_job.js").read_text()
"""The same, and the page's half of a `JobWidget`."""
TICK_SECONDS = 1.0
"""The interval of signs of life while a job runs; the page gives up on a kernel after 6 s of silence."""

Work = Callable[[Report], str | None]
"""Does the work, reports progress, and may return a text about the result; it may raise WorkshopError."""


def answer_while_busy(widget: Any) -> None:
    """Let ``widget`` receive its messages while a cell runs.

    ipykernel 7.4 routes messages to the shell that made the widget, which is busy; this switches the routing off for
    one widget, as in 7.3. With another ipykernel it is an unused attribute.
    """
    if widget.comm is not None:
        widget.comm._reply_subshell_for = None


class JobWidget(anywidget.AnyWidget):
    """The state of a widget whose buttons start work, which runs in a thread, one job at a time."""

    doing = traitlets.Unicode().tag(sync=True)  # the current step; "" while no job runs
    fraction = traitlets.Float(-1.0).tag(sync=True)  # of the job; below 0 while unknown
    seconds = traitlets.Int().tag(sync=True)  # since the job began
    notice = traitlets.Unicode().tag(sync=True)  # the result in a sentence
    problem = traitlets.Unicode().tag(sync=True)  # the error in a sentence
    page = traitlets.Unicode().tag(sync=True)  # the static twin, for JupyterLab to keep in the notebook
    page_text = traitlets.Unicode().tag(sync=True)
    answered = traitlets.Int().tag(sync=True)  # the number of answered clicks, for answers that change nothing else

    def __repr__(self) -> str:
        """Return "": an exported page shows it above the static twin, which has all there is to say."""
        return ""


class Job:
    """A widget, its static twin (from ``page``), and the work that its buttons start; in a headless run the twin alone.

    ``state`` returns the widget's own state that changes with the page.
    """

    def __init__(
        self, widget: JobWidget | None, page: Callable[[], Rendered], state: Callable[[], Mapping[str, Any]]
    ) -> None:
        self.widget = widget
        self.page = page
        self.state = state
        self._twin: DisplayHandle | None = None
        self._last_page: Rendered | None = None
        self._answered = 0
        self._drawing_lock = threading.RLock()
        self._job_lock = threading.Lock()

    def show(self) -> None:
        """Show the widget and its twin below the running cell; it answers while other cells run."""
        if self.widget is not None:
            answer_while_busy(self.widget)
            display(self.widget)  # type: ignore[no-untyped-call]
        self._last_page = self.page()
        self._twin = display(self._last_page, display_id=True)  # type: ignore[no-untyped-call]

    def start(self, name: str, work: Work) -> None:
        """Do ``work`` in a thread called ``name``, as `run` does."""
        threading.Thread(target=self.run, args=(work,), name=name, daemon=True).start()

    def run(self, work: Work) -> None:
        """Do ``work``, and show its progress and its result; while another job runs, do nothing."""
        if not self._job_lock.acquire(blocking=False):
            return

        end = threading.Event()
        clock = threading.Thread(target=self._count_seconds, args=(end,), name="job clock", daemon=True)
        self.set(doing="Starting …", fraction=-1.0, seconds=0, notice="", problem="")
        clock.start()

        outcome: dict[str, str] = {}
        try:
            outcome = self._outcome_of(partial(work, self._show_step))
        finally:
            end.set()
            clock.join()
            with self._drawing_lock:  # the next job draws after this one's end
                self._job_lock.release()
                self._show_answer(doing="", seconds=0, **outcome)

    def answer(self, work: Callable[[], str | None]) -> None:
        """Do a click's quick ``work`` and show its result; a job may run meanwhile."""
        outcome = self._outcome_of(work)
        self._show_answer(**outcome)

    def set(self, **state: Any) -> None:
        """Change the widget's state, in one message; from any thread."""
        if self.widget is None:
            return
        with self._drawing_lock, self.widget.hold_sync():
            for name, value in state.items():
                setattr(self.widget, name, value)

    def refresh_twin(self) -> None:
        """Update the static twin if it changed; an unchanged one would mark the notebook as not saved."""
        page = self.page()
        if page != self._last_page and self._twin is not None:
            self._last_page = page
            self._twin.update(page)  # type: ignore[no-untyped-call]

    def _outcome_of(self, work: Callable[[], str | None]) -> dict[str, str]:
        """Do ``work``; return its result as the ``notice``, or its error as the ``problem``."""
        try:
            return {"notice": work() or "", "problem": ""}
        except WorkshopError as error:
            last_lines = error.output.splitlines()[-3:]
            return {"notice": "", "problem": "\n".join([str(error), *last_lines])}
        except Exception as error:  # its text may hold a secret, so the page gets its type only
            sentence = f"An error in the workshop stopped that ({type(error).__name__}). Try it again."
            return {"notice": "", "problem": sentence}

    def _show_answer(self, **state: Any) -> None:
        """Count one answered click, and show this state and the page."""
        page = self.page()
        with self._drawing_lock:  # two answers at once count as two
            self._answered += 1
            self.set(answered=self._answered, page=page.html, page_text=page.text, **self.state(), **state)
        self.refresh_twin()

    def _show_step(self, step: Step) -> None:
        """Show a step of the work as the state ``doing``, unless it is done."""
        if step.done:
            return
        text = f"{step.task}: {step.detail}" if step.detail else step.task
        fraction = -1.0 if step.fraction is None else step.fraction
        self.set(doing=text, fraction=fraction)

    def _count_seconds(self, end: threading.Event) -> None:
        """Show the seconds since the job began, until its end."""
        seconds = 0
        while not end.wait(TICK_SECONDS):
            seconds += 1
            self.set(seconds=seconds)
