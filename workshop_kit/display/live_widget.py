"""The live chart's widget on the page: ipywidgets' Image flickers and has no alt text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets

HERE = Path(__file__).parent


class LiveWidget(anywidget.AnyWidget):
    """A picture that is replaced, with a Stop button that sends ``{"stop": true}``.

    With ``choices`` it has a select box for each, which sends ``{"choose": key, "value": …}``, and the buttons Pause
    and Resume (``{"pause": true}``), Earlier and Later (``{"turn": -1}``).
    """

    _esm = HERE / "live.js"
    _css = HERE / "live.css"
    title = traitlets.Unicode().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)  # the text of the newest frame; set before or with it
    ending = traitlets.Unicode().tag(sync=True)  # the HTML that replaces it once it has ended; "" before
    choices = traitlets.List(traitlets.Dict()).tag(sync=True)  # ``key``, ``label``, ``options`` [[value, text], …]
    chosen = traitlets.Dict().tag(sync=True)  # the value of each choice, by its key
    paused = traitlets.Unicode().tag(sync=True)  # the status while it is paused, else ""
    beat = traitlets.Int().tag(sync=True)  # changes while it is paused: the kernel is alive
    frame = traitlets.Bytes().tag(sync=True)  # the newest PNG


def answer_while_busy(widget: Any) -> None:
    """Let ``widget`` receive its messages while a cell runs.

    ipykernel 7.4 routes messages to the shell that made the widget, which is busy; this switches the routing off for
    one widget, as in 7.3. With another ipykernel it is an unused attribute.
    """
    if widget.comm is not None:
        widget.comm._reply_subshell_for = None
