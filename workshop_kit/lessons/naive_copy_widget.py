"""The button below a file cell that puts the colleague's lines into the file, and the participant's back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import traitlets

from workshop_kit.display.rendered import PANEL_CSS, Rendered, static_page
from workshop_kit.display.widget_job import PARTS, Job, JobWidget
from workshop_kit.workspace.naive_copy import NaiveCopy

HERE = Path(__file__).parent
LABEL = "Whose lines the file has"
HOW = "In JupyterLab, run this cell to use the colleague's version here, or to put yours back."


class NaiveCopyWidget(JobWidget):
    """The button. It receives ``{"do": "use"}`` and ``{"do": "put_back"}``."""

    _esm = PARTS + (HERE / "naive_copy_widget.js").read_text()
    _css = PANEL_CSS
    path = traitlets.Unicode().tag(sync=True)  # of the file, as JupyterLab knows it
    in_use = traitlets.Bool().tag(sync=True)  # whether the colleague's lines are in it


@dataclass
class NaiveCopyView:
    """The button for one file. The sentence that the cell prints above it says whose lines the file has."""

    naive: NaiveCopy
    job: Job = field(init=False, repr=False)

    def __post_init__(self) -> None:
        widget = NaiveCopyWidget(path=self.naive.source.path, **self._state())
        widget.on_msg(self.handle_message)
        self.job = Job(widget, self.page, self._state)

    def show(self) -> None:
        """Show the button below the running cell."""
        self.job.show()

    def page(self) -> Rendered:
        """Return what a page without a kernel shows."""
        return static_page(LABEL, f'<p class="wk-ex-status">{escape(HOW)}</p>', HOW)

    def handle_message(self, _: object, content: Mapping[str, Any], __: object) -> None:
        """Handle a message of the page; it is quick, also while a cell is busy."""
        match content:
            case {"do": "use"}:
                self.job.answer(self.naive.use)
            case {"do": "put_back"}:
                self.job.answer(self.naive.put_back)

    def _state(self) -> dict[str, Any]:
        """Return the values of the widget that a click may change."""
        return {"in_use": self.naive.is_in_use}
