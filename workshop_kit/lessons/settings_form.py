"""The settings form of lesson 02: it starts the service with typed settings and shows whether it starts or refuses."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from html import escape
from pathlib import Path
from typing import Any

import traitlets
from IPython.display import display

from workshop_kit.display.rendered import Rendered
from workshop_kit.engine.containers import Running
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.exercises.widget_job import PARTS, Job, JobWidget, static_page
from workshop_kit.observe import http
from workshop_kit.observe.http import Answer
from workshop_kit.progress import Report, Step, silent

HERE = Path(__file__).parent
LABEL = "Start it with your settings"
FIELDS = ("MASTER_DB_HOST", "MASTER_DB_PORT", "MASTER_DB_SQL_MODE", "HTTP_PORT", "LOG_LEVEL")
"""The variables of the form; secrets are not among them."""
HOW = "In JupyterLab, run this cell to start the service with settings of your own."
REFUSED = "configuration refused"
"""The ``msg`` of the log line in which the service lists its problems."""
PORT = "HTTP_PORT"
USUAL_PORT = 8080
START_SECONDS = 20.0
"""The longest wait for a service to end or to answer."""
NOT_READY_SECONDS = 4.0
"""A service that answers 503 for this long is reported as not ready."""
POLL_SECONDS = 0.05

Start = Callable[[Mapping[str, str], int], Running]
"""Start a container with this environment and publish this port."""


@dataclass(frozen=True)
class Typed:
    """The typed settings: the text of each variable, or None where it is left out."""

    changes: Mapping[str, str | None]
    hidden: frozenset[str] = frozenset()  # variables whose text may be a secret

    def environment(self, usual: Mapping[str, str]) -> dict[str, str]:
        """Return the ``usual`` environment with these changes."""
        merged = {**usual, **self.changes}
        return {name: value for name, value in merged.items() if value is not None}

    def __str__(self) -> str:
        return ", ".join(self._change(name, text) for name, text in self.changes.items()) or "nothing else than usual"

    def _change(self, name: str, text: str | None) -> str:
        if text is None:
            return f"{name} left out"
        return f"{name} set" if name in self.hidden else f"{name}={text}"


class StartOutcome(StrEnum):
    """The outcome of a start, as the form shows it."""

    READY = "It started: /readyz says 200"
    NOT_READY = "It started, but it is not ready: /readyz says 503"
    REFUSED = "It refused to start"
    ENDED = "It ended without saying which setting is wrong"
    SILENT = "It runs, and answers nothing"


@dataclass(frozen=True)
class Problem:
    """One variable that the service refuses, in the service's words."""

    variable: str
    purpose: str
    wrong: str


@dataclass(frozen=True)
class StartResult:
    """The result of one start. ``exit_code`` is None for a service that runs."""

    typed: Typed
    outcome: StartOutcome
    seconds: float
    exit_code: int | None = None
    problems: tuple[Problem, ...] = ()

    def __str__(self) -> str:
        lines = [f"  {problem.variable} {problem.wrong} ({problem.purpose})" for problem in self.problems]
        return "\n".join([f"{self.headline} ({self.seconds:.1f} s). Told: {self.typed}", *lines])

    @property
    def headline(self) -> str:
        """The outcome in one line."""
        if self.exit_code is None:
            return str(self.outcome)
        count = len(self.problems)
        counted = f", {count} problem{'s' * (count != 1)}" if count else ""
        return f"{self.outcome}: exit code {self.exit_code}{counted}"


def parse_variable(text: str) -> tuple[str, str] | None:
    """Parse ``NAME=value``; return None for an empty text. Raises WrongUsage for anything else."""
    if not text.strip():
        return None
    name, sign, value = text.partition("=")
    if not sign or not name.strip() or any(map(str.isspace, name.strip())) or "\0" in text:
        raise WrongUsage("The other variable is not of the form NAME=value.", "Write it like MASTER_DB_HOTS=master-db.")
    return name.strip(), value


def try_settings(start: Start, usual: Mapping[str, str], typed: Typed, report: Report) -> StartResult:
    """Start a container with the typed settings, wait for the outcome, and remove it.

    Raises WorkshopError if the engine refuses to start one.
    """
    environment = typed.environment(usual)
    port = _port(environment.get(PORT, ""))
    report(Step("Starting", None, "a container with these settings"))
    with start(environment, port) as running:
        return _wait_for_outcome(running, port, typed, report)


def _wait_for_outcome(running: Running, port: int, typed: Typed, report: Report) -> StartResult:
    started = time.monotonic()
    not_ready_since = None
    while (seconds := time.monotonic() - started) < START_SECONDS:
        if running.inspect()["State"]["Status"] in {"exited", "dead"}:
            return _ended(running, typed)
        answer = _answer(running, port)
        if answer and answer.status == 200:
            return StartResult(typed, StartOutcome.READY, seconds)
        if answer and not _is_starting(answer):
            not_ready_since = not_ready_since or seconds
            report(Step("Waiting", None, f"/readyz says {answer.status}"))
            if seconds - not_ready_since > NOT_READY_SECONDS:
                return StartResult(typed, StartOutcome.NOT_READY, seconds)
        time.sleep(POLL_SECONDS)
    return StartResult(typed, StartOutcome.NOT_READY if answer else StartOutcome.SILENT, seconds)


def _answer(running: Running, port: int) -> Answer | None:
    try:
        answer = http.get(f"{running.url(port)}/readyz", timeout_seconds=3.0)
    except WorkshopError:  # the container has just ended; the next poll sees it
        return None
    return answer if answer.status is not None else None


def _is_starting(answer: Answer) -> bool:
    said = answer.json()
    return isinstance(said, dict) and said.get("output") == "starting"


def _ended(running: Running, typed: Typed) -> StartResult:
    end = running.wait_ended()
    problems = tuple(problems_in(running.log_tail().splitlines()))
    return StartResult(typed, StartOutcome.REFUSED if problems else StartOutcome.ENDED, end.seconds, end.code, problems)


def problems_in(lines: Sequence[str]) -> list[Problem]:
    """Return the problems in the service's ``configuration refused`` line; none without such a line."""
    for line in lines:
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict) and said.get("msg") == REFUSED:
            return [
                Problem(**{key: str(one[key]) for key in ("variable", "purpose", "wrong")}) for one in said["problems"]
            ]
    return []


def card_html(result: StartResult) -> str:
    """Return a result as an HTML card; every text is escaped."""
    mark, verdict = ("✓", "passed") if result.outcome is StartOutcome.READY else ("✗", "wrong")
    items = "".join(
        f'<li data-passed="false"><code>{escape(one.variable)}</code> {escape(one.wrong)} '
        f'<span class="wk-ex-soft">{escape(one.purpose)}</span></li>'
        for one in result.problems
    )
    return (
        f'<div class="wk-ex-result" data-verdict="{verdict}"><p class="wk-ex-verdict">'
        f'<span class="wk-ex-mark" aria-hidden="true">{mark}</span> <span>{escape(result.headline)}</span> '
        f'<span class="wk-ex-soft">{result.seconds:.1f} s</span></p>'
        f'<p class="wk-ex-summary">Told: {escape(str(result.typed))}</p>{f"<ul>{items}</ul>" if items else ""}</div>'
    )


def cards(results: Sequence[StartResult]) -> Rendered:
    """Return several results below each other."""
    return Rendered("".join(map(card_html, results)), "\n".join(map(str, results)))


def _port(text: str) -> int:
    """Return the typed port if it is valid. The service refuses any other, so the usual one will do."""
    return int(text) if text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 65535 else USUAL_PORT


BROKEN = (
    Typed({"MASTER_DB_PORT": "abc", "LOG_LEVEL": "loud"}),
    Typed({"MASTER_DB_HOST": None, "MASTER_DB_HOTS": "master-db"}),
    Typed({"MASTER_DB_HOST": "", "MASTER_DB_SQL_MODE": "no mode!", "HTTP_PORT": "99999"}),
)
"""The settings of a headless run: wrong types, a misspelled name, an empty value, and two impossible values."""


class SettingsWidget(JobWidget):
    """The form. It receives ``{"do": "start", "values": {name: text or None}, "more": "N=x"}``."""

    _esm = PARTS + (HERE / "settings_form.js").read_text()
    _css = (HERE.parent / "exercises" / "panel.css").read_text() + (HERE / "settings_form.css").read_text()
    fields = traitlets.List(traitlets.Dict()).tag(sync=True)  # name, value, told: "yes", or "" where it is left out
    result = traitlets.Unicode().tag(sync=True)


@dataclass
class SettingsForm:
    """The form of one service. ``usual`` is its environment; ``start`` starts another container of it."""

    start: Start
    usual: Mapping[str, str] = field(repr=False)
    fields: Sequence[str] = FIELDS
    headless: bool = False
    results: tuple[StartResult, ...] = ()
    job: Job | None = field(default=None, repr=False)

    def show(self) -> None:
        """Show the form and its static page. A headless run tries three broken settings and shows the page alone."""
        if self.headless:
            self.results = tuple(try_settings(self.start, self.usual, typed, silent) for typed in BROKEN)
            display(self.page())  # type: ignore[no-untyped-call]
            return
        fields = [
            {"name": name, "value": self.usual.get(name, ""), "told": "yes" * (name in self.usual)}
            for name in self.fields
        ]
        widget = SettingsWidget(fields=fields)
        widget.on_msg(self._clicked)
        self.job = Job(widget, self.page)
        self.job.show()

    def page(self) -> Rendered:
        """Return the static page: the form's name and the last results."""
        results = cards(self.results)
        how = "" if self.headless else HOW
        head = f'<p class="wk-ex-title">{LABEL}</p><p class="wk-ex-status">{escape(how)}</p>'
        return static_page(LABEL, f"{head}{results.html}", "\n".join(filter(None, (LABEL, how, results.text))))

    def start_with(self, typed: Typed, report: Report) -> str:
        """Start the service with the typed settings and show the result; the notice stays empty."""
        result = try_settings(self.start, self.usual, typed, report)
        self.results = (result,)
        if self.job is not None:
            self.job.set(result=cards(self.results).html)
        return ""

    def _clicked(self, _: object, content: Mapping[str, Any], __: object) -> None:
        """Handle a message of the page. It runs in its own thread while a cell is busy."""
        match content:
            case {"do": "start", "values": dict(values), "more": str(more)} if self.job is not None:
                self.job.start("settings form", lambda report: self.start_with(self._typed(values, more), report))

    def _typed(self, values: Mapping[str, Any], more: str) -> Typed:
        """Return the values that differ from the usual environment. Raises WrongUsage."""
        texts = {name: values.get(name) for name in self.fields}
        changes = {
            name: text if text is None else str(text) for name, text in texts.items() if text != self.usual.get(name)
        }
        extra = parse_variable(more)
        return Typed({**changes, **dict([extra] if extra else [])}, frozenset([extra[0]] if extra else []))
