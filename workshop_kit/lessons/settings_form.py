"""A form of settings: the service is started with what was typed, and shows whether it starts or how it refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import traitlets
from IPython.display import display

from workshop_kit.display.rendered import Rendered
from workshop_kit.exercises.widget_job import PARTS, Job, JobWidget, static_page
from workshop_kit.lessons.settings_trial import Start, Trial, Typed, another, attempt, cards
from workshop_kit.progress import Report, silent

HERE = Path(__file__).parent
LABEL = "Start it with your settings"
FIELDS = ("MASTER_DB_HOST", "MASTER_DB_PORT", "MASTER_DB_SQL_MODE", "HTTP_PORT", "LOG_LEVEL")
"""What can be typed; secrets are no part of it."""
HOW = "In JupyterLab, run this cell to start the service with settings of your own."
BROKEN = (
    Typed({"MASTER_DB_PORT": "abc", "LOG_LEVEL": "loud"}),
    Typed({"MASTER_DB_HOST": None, "MASTER_DB_HOTS": "master-db"}),
    Typed({"MASTER_DB_HOST": "", "MASTER_DB_SQL_MODE": "no mode!", "HTTP_PORT": "99999"}),
)
"""What a run without anybody in front of it tries: wrong types, a near-miss, an empty and two impossible values."""


class SettingsWidget(JobWidget):
    """The form as it is filled in. It receives ``{"do": "start", "values": {name: text or None}, "more": "N=x"}``."""

    _esm = PARTS + (HERE / "settings_form.js").read_text()
    _css = (HERE.parent / "exercises" / "panel.css").read_text() + (HERE / "settings_form.css").read_text()
    fields = traitlets.List(traitlets.Dict()).tag(sync=True)  # name, value, told: "yes" or "" where it is left out
    result = traitlets.Unicode().tag(sync=True)


@dataclass
class SettingsForm:
    """The form of one service. ``told`` is its environment as it runs now, ``start`` starts another one of it."""

    start: Start
    told: Mapping[str, str] = field(repr=False)
    fields: Sequence[str] = FIELDS
    headless: bool = False
    trials: tuple[Trial, ...] = ()
    job: Job | None = field(default=None, repr=False)

    def show(self) -> None:
        """Show the form with its static twin; in a headless run try three broken settings and show the twin alone."""
        if self.headless:
            self.trials = tuple(attempt(self.start, self.told, typed, silent) for typed in BROKEN)
            display(self.page())  # type: ignore[no-untyped-call]
            return
        fields = [
            {"name": name, "value": self.told.get(name, ""), "told": "yes" * (name in self.told)}
            for name in self.fields
        ]
        widget = SettingsWidget(fields=fields)
        widget.on_msg(self._clicked)
        self.job = Job(widget, self.page)
        self.job.show()

    def page(self) -> Rendered:
        """What a page without a kernel shows: the form's name, and what came of what was tried last."""
        results = cards(self.trials)
        how = "" if self.headless else HOW
        head = f'<p class="wk-ex-title">{LABEL}</p><p class="wk-ex-status">{escape(how)}</p>'
        return static_page(LABEL, f"{head}{results.html}", "\n".join(filter(None, (LABEL, how, results.text))))

    def try_it(self, typed: Typed, report: Report) -> str:
        """Start the service with what was typed, show what came of it, and return that in one line."""
        trial = attempt(self.start, self.told, typed, report)
        self.trials = (trial,)
        if self.job is not None:
            self.job.set(result=cards(self.trials).html)
        return ""

    def _clicked(self, _: object, content: Mapping[str, Any], __: object) -> None:
        """Handle a message of the page; runs in a thread of its own while a cell is busy."""
        match content:
            case {"do": "start", "values": dict(values), "more": str(more)} if self.job is not None:
                self.job.start("settings form", lambda report: self.try_it(self._typed(values, more), report))

    def _typed(self, values: Mapping[str, Any], more: str) -> Typed:
        """What of the form differs from what the service is told anyway. Raises WrongUsage."""
        texts = {name: values.get(name) for name in self.fields}
        changes = {
            name: text if text is None else str(text) for name, text in texts.items() if text != self.told.get(name)
        }
        extra = another(more)
        return Typed({**changes, **dict([extra] if extra else [])}, frozenset([extra[0]] if extra else []))
