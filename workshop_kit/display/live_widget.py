"""The live chart on the page: an own widget, because ipywidgets' Image flickers and has no alt text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets

HERE = Path(__file__).parent


class LiveWidget(anywidget.AnyWidget):
    """A picture that is replaced, with a Stop button that sends ``{"stop": true}``.

    With ``choices`` it also has a select box each, which sends ``{"choose": key, "value": …}``, and buttons: Pause
    (``{"pause": true}``), Resume (``{"pause": false}``), and, while it is paused, Earlier and Later (``{"turn": -1}``).
    """

    _esm = HERE / "live.js"
    _css = HERE / "live.css"
    title = traitlets.Unicode().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)  # what the newest frame shows; always set before or with it
    ending = traitlets.Unicode().tag(sync=True)  # the HTML that stands in its place once it has ended; "" before
    choices = traitlets.List(traitlets.Dict()).tag(sync=True)  # ``key``, ``label``, ``options`` [[value, text], …]
    chosen = traitlets.Dict().tag(sync=True)  # the value of each choice, by its key
    paused = traitlets.Unicode().tag(sync=True)  # what is said while the picture stands still; "" while it moves
    beat = traitlets.Int().tag(sync=True)  # changes while it is paused: the kernel lives
    frame = traitlets.Bytes().tag(sync=True)  # the newest PNG


def answer_while_busy(widget: Any) -> None:
    """Let ``widget`` receive its messages while a cell runs, as JupyterLab asks for by sending them to a subshell.

    ipykernel 7.4 sends them to the busy main shell instead, because the widget was made there. Switching that
    routing off for this one widget restores what 7.3 did; with another ipykernel this is an unused attribute.
    """
    if widget.comm is not None:
        widget.comm._reply_subshell_for = None
