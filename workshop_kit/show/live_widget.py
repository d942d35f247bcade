"""The live chart on the page: an own widget, because ipywidgets' Image flickers and has no alt text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets

HERE = Path(__file__).parent


class LiveWidget(anywidget.AnyWidget):
    """A picture that is replaced, with a Stop button that sends ``{"stop": true}``."""

    _esm = HERE / "live.js"
    _css = HERE / "live.css"
    title = traitlets.Unicode().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)  # what the newest frame shows; always set before or with it
    ending = traitlets.Unicode().tag(sync=True)  # the HTML that stands in its place once it has ended; "" before
    frame = traitlets.Bytes().tag(sync=True)  # the newest PNG


def answer_while_busy(widget: Any) -> None:
    """Let ``widget`` receive its messages while a cell runs, as JupyterLab asks for by sending them to a subshell.

    ipykernel 7.4 sends them to the busy main shell instead, because the widget was made there. Switching that
    routing off for this one widget restores what 7.3 did; with another ipykernel this is an unused attribute.
    """
    if widget.comm is not None:
        widget.comm._reply_subshell_for = None
