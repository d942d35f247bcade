"""Live outputs of a notebook: their names, the widget that shows a picture again and again, and progress bars."""

from __future__ import annotations

import threading
from html import escape
from pathlib import Path
from typing import Any, Protocol

import anywidget
import traitlets
from IPython.display import display

from workshop_kit.display.rendered import Rendered
from workshop_kit.progress import Step

HERE = Path(__file__).parent
DOM = (HERE / "dom.js").read_text()
"""Functions of the page, to be placed before a widget's own JavaScript."""


class Live(Protocol):
    """An output that runs until it is stopped."""

    def stop(self) -> None:
        """End it; a second call changes nothing."""


class Screens:
    """The live outputs of one notebook, by name: showing a name again ends its former output."""

    def __init__(self, *, headless: bool = False) -> None:
        self.headless = headless
        self._lock = threading.Lock()
        self._live: dict[str, Live] = {}

    def replace(self, name: str, output: Live) -> None:
        """Register ``output`` under ``name``, and end its former output."""
        with self._lock:
            before = self._live.get(name)
            self._live[name] = output
        if before is not None and before is not output:
            before.stop()

    def end(self, name: str) -> None:
        """End the output of that name, if there is one."""
        with self._lock:
            before = self._live.pop(name, None)
        if before is not None:
            before.stop()

    def stop(self) -> None:
        """End all live outputs."""
        with self._lock:
            outputs = list(self._live.values())
        for output in outputs:
            output.stop()


class LiveWidget(anywidget.AnyWidget):
    """A picture that is replaced: ipywidgets' Image flickers and has no alt text.

    The Stop button sends ``{"stop": true}``, each select box of ``choices`` ``{"choose": key, "value": …}``, the
    buttons Pause and Resume ``{"pause": true}``.
    """

    _esm = DOM + (HERE / "live.js").read_text()
    _css = HERE / "live.css"
    title = traitlets.Unicode().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)  # the text of the newest frame; set before or with it
    ending = traitlets.Unicode().tag(sync=True)  # the HTML that replaces it once it has ended; "" before
    choices = traitlets.List(traitlets.Dict()).tag(sync=True)  # ``key``, ``label``, ``options`` [[value, text], …]
    chosen = traitlets.Dict().tag(sync=True)  # the value of each choice, by its key
    paused = traitlets.Unicode().tag(sync=True)  # the status while it is paused, else ""
    beat = traitlets.Int().tag(sync=True)  # changes with every picture: the kernel is alive
    frame = traitlets.Bytes().tag(sync=True)  # the newest PNG


def answer_while_busy(widget: Any) -> None:
    """Let ``widget`` receive its messages while a cell runs.

    ipykernel 7.4 routes messages to the shell that made the widget, which is busy; this switches the routing off for
    one widget, as in 7.3. With another ipykernel it is an unused attribute.
    """
    if widget.comm is not None:
        widget.comm._reply_subshell_for = None


class NotebookReport:
    """A ``Report`` that draws below the running cell: one line for each task, updated in place."""

    def __init__(self) -> None:
        self._lines: dict[str, Any] = {}

    def __call__(self, step: Step) -> None:
        """Draw one step."""
        shown = step_html(step)
        if (line := self._lines.get(step.task)) is not None:  # outside of a notebook there is none to update
            line.update(shown)
        elif step.task not in self._lines and (not step.done or step.detail):
            self._lines[step.task] = display(shown, display_id=True)  # type: ignore[no-untyped-call]


def step_html(step: Step) -> Rendered:
    """Return a step as a labeled progress bar, or as a line with a check mark once it is done."""
    if step.done:
        text = f"✓ {step.task} {step.detail}".strip()
        return Rendered(f"<div>{escape(text)}</div>", text)
    text = f"{step.task}: {step.detail}"
    value = f' value="{step.fraction:.3f}"' if step.fraction is not None else ""
    bar = f'<progress{value} max="1" aria-label="{escape(step.task)}"></progress>'
    return Rendered(f"<div>{bar} {escape(text)}</div>", text)
