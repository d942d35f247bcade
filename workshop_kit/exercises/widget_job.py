"""One long piece of work behind a widget's button: in a thread, one at a time, with progress and a sentence at its end.

The page's half of it is `widget_job.js`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from IPython.display import DisplayHandle, display

from workshop_kit.errors import WorkshopError
from workshop_kit.exercises.cards import STYLE
from workshop_kit.progress import Report, Step
from workshop_kit.display.live_widget import answer_while_busy
from workshop_kit.display.rendered import Rendered

PARTS = (Path(__file__).parent / "widget_job.js").read_text()
"""The page's half, to stand before a widget's own JavaScript."""
TICK_SECONDS = 1.0
"""How often running work tells the page that it lives; the page gives up on a kernel after 6 s of silence."""

Work = Callable[[Report], str]
"""Does the work, reports on the way, and returns one text that says what was done; it may raise WorkshopError."""


class JobWidget(anywidget.AnyWidget):
    """What a widget with such a button tells its page."""

    doing = traitlets.Unicode().tag(sync=True)  # what the work is at; "" while none runs
    fraction = traitlets.Float(-1.0).tag(sync=True)  # of the work; below 0 while nobody can know
    seconds = traitlets.Int().tag(sync=True)  # since it began
    notice = traitlets.Unicode().tag(sync=True)  # what was done
    problem = traitlets.Unicode().tag(sync=True)  # one sentence, when it could not be done
    page = traitlets.Unicode().tag(sync=True)  # the static twin, for JupyterLab to keep in the notebook
    page_text = traitlets.Unicode().tag(sync=True)
    answered = traitlets.Int().tag(sync=True)  # how many clicks were answered: also changes when nothing else does

    def __repr__(self) -> str:
        """Nothing: an exported page shows it above the static twin, which says all there is to say."""
        return ""


@dataclass
class Job:
    """A widget on the page, its static twin (what ``page`` returns), and the work that its buttons start.

    ``failure`` is the last error that was nobody's fault but ours: the page has only its kind.
    """

    widget: JobWidget
    page: Callable[[], Rendered]
    failure: Exception | None = field(default=None, repr=False)
    _twin: DisplayHandle | None = field(default=None, repr=False)
    _shown: Rendered | None = field(default=None, repr=False)
    _drawing: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _working: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def show(self) -> None:
        """Show the widget and its twin below the running cell; it answers while other cells run."""
        answer_while_busy(self.widget)
        display(self.widget)  # type: ignore[no-untyped-call]
        self._shown = self.page()
        self._twin = display(self._shown, display_id=True)  # type: ignore[no-untyped-call]

    def start(self, name: str, work: Work) -> None:
        """Do ``work`` in a thread called ``name``."""
        threading.Thread(target=self.run, args=(work,), name=name, daemon=True).start()

    def run(self, work: Work) -> None:
        """Do ``work`` and tell the page how far it is and how it ended; a second one meanwhile does nothing."""
        if not self._working.acquire(blocking=False):
            return
        over = threading.Event()
        clock = threading.Thread(target=self._tick, args=(over,), name="job clock", daemon=True)
        self.set(doing="Starting …", fraction=-1.0, seconds=0, notice="", problem="")
        clock.start()
        told: dict[str, str] = {}
        try:
            told = self._told(work)
        finally:
            over.set()
            clock.join()
            self._working.release()
            self._answer(doing="", seconds=0, **told)

    def set(self, **state: Any) -> None:
        """Change what the page shows, in one message; from any thread."""
        with self._drawing, self.widget.hold_sync():
            for name, value in state.items():
                setattr(self.widget, name, value)

    def refresh_twin(self) -> None:
        """Show the twin as it is now; an unchanged one is left alone, so that the notebook stays as saved."""
        page = self.page()
        if page != self._shown and self._twin is not None:
            self._shown = page
            self._twin.update(page)  # type: ignore[no-untyped-call]

    def _told(self, work: Work) -> dict[str, str]:
        try:
            return {"notice": work(self._report), "problem": ""}
        except WorkshopError as error:
            return {"notice": "", "problem": "\n".join([str(error), *error.output.splitlines()[-3:]])}
        except Exception as error:  # its words may hold anything, so the page gets its kind only
            self.failure = error
            return {
                "notice": "",
                "problem": f"That failed, and not through you ({type(error).__name__}). Try it again.",
            }

    def _answer(self, **state: Any) -> None:
        page = self.page()
        with self._drawing:  # two answers at once count as two
            self.set(answered=self.widget.answered + 1, page=page.html, page_text=page.text, **state)
        self.refresh_twin()

    def _report(self, step: Step) -> None:
        text = f"{step.task}: {step.detail}" if step.detail else step.task
        if not step.done:
            self.set(doing=text, fraction=-1.0 if step.fraction is None else step.fraction)

    def _tick(self, over: threading.Event) -> None:
        seconds = 0
        while not over.wait(TICK_SECONDS):
            seconds += 1
            self.set(seconds=seconds)


def static_page(label: str, html: str, text: str) -> Rendered:
    """The twin of a widget, which is found on the page by its ``label``; ``html`` is escaped by whoever made it."""
    section = f'<section class="wk-exercise wk-static" role="group" aria-label="{label}">{html}</section>'
    return Rendered(f"{STYLE}{section}", text)
