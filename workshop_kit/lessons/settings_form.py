"""The settings form of lesson 02: it starts the service with typed settings and shows whether it starts or refuses."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import traitlets

from workshop_kit.display.live import PARTS, Job, JobWidget
from workshop_kit.display.rendered import Rendered, template
from workshop_kit.display.static_panel import PANEL_CSS, static_page
from workshop_kit.engine import containers
from workshop_kit.engine.containers import Spec
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WrongUsage
from workshop_kit.observe.http import Answer
from workshop_kit.reporting import Report, Step, silent
from workshop_kit.trials.service_trial import ORDER
from workshop_kit.trials.start_failure import refused_settings
from workshop_kit.trials.trial import START_SECONDS, Trial

HERE = Path(__file__).parent
LABEL = "Start it with your settings"
FIELDS = ("MASTER_DB_HOST", "MASTER_DB_PORT", "MASTER_DB_SQL_MODE", "REDIS_PORT", "HTTP_PORT")
"""The variables of the form; secrets are not among them."""
HOW = "In JupyterLab, run this cell to start the service with settings of your own."
PORT = "HTTP_PORT"
USUAL_PORT = 8080
PLACED = 201
LOG_BYTES = 64 * 1024

READY = "It started, and takes orders: POST /orders says 201"
Settings = Mapping[str, str | None]
"""The settings that differ from the usual ones: the text of each variable, or None where it is left out."""


@dataclass(frozen=True)
class FormStart:
    """The result of one start, with a headline; ``problems`` are the sentences that the service logged."""

    typed: Settings
    headline: str
    seconds: float
    problems: Sequence[str] = ()

    def __str__(self) -> str:
        first_line = f"{self.headline} ({self.seconds:.1f} s). Typed: {self.typed_settings}"
        problem_lines = [f"  {problem}" for problem in self.problems]
        return "\n".join([first_line, *problem_lines])

    @property
    def typed_settings(self) -> str:
        """The typed settings in one line, without the text of a variable outside of the form: it may be a secret."""
        settings = [_setting_text(name, text) for name, text in self.typed.items()]
        return ", ".join(settings) or "nothing else than usual"


def _setting_text(name: str, text: str | None) -> str:
    """Return what was typed for one variable, in a few words."""
    if text is None:
        return f"{name} left out"
    return f"{name}={text}" if name in FIELDS else f"{name} set"


def parse_variable(text: str) -> dict[str, str]:
    """Parse ``NAME=value``; return {} for an empty text. Raises WrongUsage for anything else."""
    if not text.strip():
        return {}

    left, sign, value = text.partition("=")
    name = left.strip()
    has_space = any(character.isspace() for character in name)
    if not sign or not name or has_space or "\0" in text:
        raise WrongUsage("The other variable is not of the form NAME=value.", "Write it like MASTER_DB_HOTS=master-db.")
    return {name: value}


def _wait_order(trial: Trial) -> Answer:
    """Place orders until one is taken, the service has ended, or the time is up; return the last answer."""

    def is_taken_or_ended(answer: Answer) -> bool:
        if answer.status is None:
            return trial.exit_code() is not None
        return answer.status == PLACED

    place_order = partial(trial.post, "/orders", ORDER)
    missing = f"no good answer to POST /orders on port {trial.port}"
    return trial.poll(place_order, is_taken_or_ended, START_SECONDS, missing=missing)


def card_html(result: FormStart) -> str:
    """Return a result as an HTML card; every text is escaped."""
    card = template(HERE / "settings_result.html")
    return card.render(result=result, ready=result.headline == READY)


def _port_to_publish(text: str) -> int:
    """Return the typed port; the usual one if it is not valid, since the service refuses to start then."""
    is_number = text.isascii() and text.isdigit()
    if not is_number:
        return USUAL_PORT

    is_valid = 1 <= int(text[:6]) <= 65535  # a very long number is not converted
    return int(text) if is_valid else USUAL_PORT


BROKEN: tuple[Settings, ...] = (
    {"MASTER_DB_PORT": "abc", "REDIS_PORT": ""},
    {"MASTER_DB_HOST": None, "MASTER_DB_HOTS": "master-db"},
    {"MASTER_DB_HOST": "", "MASTER_DB_SQL_MODE": "no mode!", "HTTP_PORT": "99999"},
)
"""The settings of a headless run: wrong types, a misspelled name, empty and impossible values."""


class SettingsWidget(JobWidget):
    """The form. It receives ``{"do": "start", "values": {name: text or None}, "more": "N=x"}``."""

    _esm = PARTS + (HERE / "settings_form.js").read_text()
    _css = PANEL_CSS + (HERE / "settings_form.css").read_text()
    fields = traitlets.List(traitlets.Dict()).tag(sync=True)  # name, value, told: "yes", or "" where it is left out
    result = traitlets.Unicode().tag(sync=True)


@dataclass
class SettingsForm:
    """The form of one ``image`` (an id), whose container joins the ``stack``; ``usual`` is its environment."""

    stack: Stack = field(repr=False)
    image: str
    usual: Mapping[str, str] = field(repr=False)
    headless: bool = False
    results: tuple[FormStart, ...] = ()
    job: Job = field(init=False, repr=False)

    def __post_init__(self) -> None:
        widget = None if self.headless else self._make_widget()
        self.job = Job(widget, self.page)

    def show(self) -> None:
        """Show the form and its static page. A headless run tries three broken settings and shows the page alone."""
        if self.headless:
            self.results = tuple(self.try_settings(typed, silent) for typed in BROKEN)
        self.job.show()

    def _make_widget(self) -> SettingsWidget:
        """Return the form with the usual settings, which sends clicks to `handle_message`."""
        fields = []
        for name in FIELDS:
            is_usual = name in self.usual
            fields.append({"name": name, "value": self.usual.get(name, ""), "told": "yes" if is_usual else ""})

        widget = SettingsWidget(fields=fields)
        widget.on_msg(self.handle_message)
        return widget

    def page(self) -> Rendered:
        """Return the static page: the form's name and the last results."""
        how = "" if self.headless else HOW
        head = f'<p class="wk-ex-title">{LABEL}</p><p class="wk-ex-status">{escape(how)}</p>'
        lines = [LABEL, how, *map(str, self.results)]
        text = "\n".join(line for line in lines if line)
        return static_page(LABEL, f"{head}{self._cards_html()}", text)

    def _cards_html(self) -> str:
        """Return the cards of the last results."""
        return "".join(map(card_html, self.results))

    def handle_message(self, _: object, content: Mapping[str, Any], __: object) -> None:
        """Handle a message of the page. It runs in its own thread while a cell is busy."""
        match content:
            case {"do": "start", "values": dict(values), "more": str(more)}:
                self.job.start("settings form", lambda report: self._start_with(values, more, report))

    def _start_with(self, values: Mapping[str, Any], other_variable: str, report: Report) -> str:
        """Start the service with the settings that are not the usual ones, and show the result; return no notice."""
        texts = {name: values.get(name) for name in FIELDS}
        changed_texts = {name: text for name, text in texts.items() if text != self.usual.get(name)}
        typed = {**changed_texts, **parse_variable(other_variable)}

        self.results = (self.try_settings(typed, report),)
        self.job.set(result=self._cards_html())
        return ""

    def try_settings(self, typed: Settings, report: Report) -> FormStart:
        """Start the image with the typed settings, wait until it takes an order, has ended, or the time is up.

        The container is removed at the end. Raises WorkshopError if the engine refuses to start it.
        """
        settings = {**self.usual, **typed}
        environment = {name: text for name, text in settings.items() if text is not None}
        port = _port_to_publish(environment.get(PORT, ""))
        network = f"{self.stack.project}_default"
        spec = Spec(image=self.image, environment=environment, ports=(port,), network=network)
        report(Step("Starting", None, "a container with these settings"))

        with containers.run(self.stack.session, spec) as running:
            began = time.monotonic()
            trial = Trial(running, 2 * START_SECONDS, port=port)
            answer = _wait_order(trial)
            seconds = time.monotonic() - began
            if answer.status == PLACED:
                return FormStart(typed, READY, seconds)

            code = trial.exit_code()
            if code is None:
                return FormStart(typed, f"It runs, and POST /orders answers: {answer}", seconds)

            problems = refused_settings(trial.log_tail(LOG_BYTES))
            headline = f"It refused to start: exit code {code}{_problem_count(problems)}"
            return FormStart(typed, headline, seconds, problems)


def _problem_count(problems: Sequence[str]) -> str:
    """Return how many problems there are, as ``, 2 problems``; "" for none."""
    if not problems:
        return ""
    return ", 1 problem" if len(problems) == 1 else f", {len(problems)} problems"
