"""Start a service with settings that somebody typed, see whether it starts or how it refuses, and say so."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape

from workshop_kit.display.rendered import Rendered
from workshop_kit.engine.containers import Running
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.observe.probes import Answer, ask
from workshop_kit.progress import Report, Step

REFUSED = "configuration refused"
"""The message of the one line in which the service says what is wrong."""
PORT = "HTTP_PORT"
USUAL_PORT = 8080
WITHIN_SECONDS = 20.0
"""How long a service may take to end or to answer at all."""
NOT_READY_SECONDS = 4.0
"""How long it may say 503 before that is the result."""
POLL_SECONDS = 0.05

Start = Callable[[Mapping[str, str], int], Running]
"""Starts a container with this environment, of which this port is published."""


@dataclass(frozen=True)
class Typed:
    """What somebody typed: by variable, its text, or None where it was left out."""

    changes: Mapping[str, str | None]
    hidden: frozenset[str] = frozenset()  # whose text is not repeated: it may be a secret

    def environment(self, told: Mapping[str, str]) -> dict[str, str]:
        """What the service is told then, where otherwise it is told ``told``."""
        merged = {**told, **self.changes}
        return {name: value for name, value in merged.items() if value is not None}

    def __str__(self) -> str:
        return ", ".join(self._said(name, text) for name, text in self.changes.items()) or "nothing else than usual"

    def _said(self, name: str, text: str | None) -> str:
        if text is None:
            return f"{name} left out"
        return f"{name} set" if name in self.hidden else f"{name}={text}"


class How(StrEnum):
    """How a start went; the words are what people read."""

    READY = "It started: /readyz says 200"
    NOT_READY = "It started, but it is not ready: /readyz says 503"
    REFUSED = "It refused to start"
    ENDED = "It ended without saying which setting is wrong"
    SILENT = "It runs, and answers nothing"


@dataclass(frozen=True)
class Problem:
    """One variable that the service refuses, in its own words."""

    variable: str
    purpose: str
    wrong: str


@dataclass(frozen=True)
class Trial:
    """What came of one start: after how many seconds, with which exit code (None: it ran), and what was refused."""

    typed: Typed
    how: How
    seconds: float
    exit_code: int | None = None
    problems: tuple[Problem, ...] = ()

    def __str__(self) -> str:
        lines = [f"  {problem.variable} {problem.wrong} ({problem.purpose})" for problem in self.problems]
        return "\n".join([f"{self.headline} ({self.seconds:.1f} s). Told: {self.typed}", *lines])

    @property
    def headline(self) -> str:
        """How it went, in one line."""
        if self.exit_code is None:
            return str(self.how)
        count = len(self.problems)
        counted = f", {count} problem{'s' * (count != 1)}" if count else ""
        return f"{self.how}: exit code {self.exit_code}{counted}"


def another(text: str) -> tuple[str, str] | None:
    """Take ``NAME=value`` apart; None for nothing. Raises WrongUsage for anything else."""
    if not text.strip():
        return None
    name, sign, value = text.partition("=")
    if not sign or not name.strip() or any(map(str.isspace, name.strip())) or "\0" in text:
        raise WrongUsage("The other variable is not of the form NAME=value.", "Write it like MASTER_DB_HOTS=master-db.")
    return name.strip(), value


def attempt(start: Start, told: Mapping[str, str], typed: Typed, report: Report) -> Trial:
    """Start a container with what was typed, wait until it is clear how that went, and remove it.

    Raises WorkshopError if the engine refuses to start one.
    """
    environment = typed.environment(told)
    port = _port(environment.get(PORT, ""))
    report(Step("Starting", None, "a container with these settings"))
    with start(environment, port) as running:
        return _watched(running, port, typed, report)


def _watched(running: Running, port: int, typed: Typed, report: Report) -> Trial:
    started = time.monotonic()
    refused_since = None
    while (seconds := time.monotonic() - started) < WITHIN_SECONDS:
        if running.inspect()["State"]["Status"] in {"exited", "dead"}:
            return _ended(running, typed)
        answer = _answer(running, port)
        if answer and answer.status == 200:
            return Trial(typed, How.READY, seconds)
        if answer and not _is_starting(answer):
            refused_since = refused_since or seconds
            report(Step("Waiting", None, f"/readyz says {answer.status}"))
            if seconds - refused_since > NOT_READY_SECONDS:
                return Trial(typed, How.NOT_READY, seconds)
        time.sleep(POLL_SECONDS)
    return Trial(typed, How.NOT_READY if answer else How.SILENT, seconds)


def _answer(running: Running, port: int) -> Answer | None:
    try:
        answer = ask(running.url(port), "/readyz")
    except WorkshopError:  # it has just ended: the next look at it says so
        return None
    return answer if answer.status is not None else None


def _is_starting(answer: Answer) -> bool:
    return isinstance(answer.body, dict) and answer.body.get("output") == "starting"


def _ended(running: Running, typed: Typed) -> Trial:
    end = running.wait_ended()
    problems = tuple(found_in(running.log_tail().splitlines()))
    return Trial(typed, How.REFUSED if problems else How.ENDED, end.seconds, end.code, problems)


def found_in(lines: Sequence[str]) -> list[Problem]:
    """The problems that the service named in its one JSON line; none where there is no such line."""
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


def card_html(trial: Trial) -> str:
    """What came of a start, as a card; every text escaped."""
    mark, verdict = ("✓", "passed") if trial.how is How.READY else ("✗", "wrong")
    items = "".join(
        f'<li data-passed="false"><code>{escape(one.variable)}</code> {escape(one.wrong)} '
        f'<span class="wk-ex-soft">{escape(one.purpose)}</span></li>'
        for one in trial.problems
    )
    return (
        f'<div class="wk-ex-result" data-verdict="{verdict}"><p class="wk-ex-verdict">'
        f'<span class="wk-ex-mark" aria-hidden="true">{mark}</span> <span>{escape(trial.headline)}</span> '
        f'<span class="wk-ex-soft">{trial.seconds:.1f} s</span></p>'
        f'<p class="wk-ex-summary">Told: {escape(str(trial.typed))}</p>{f"<ul>{items}</ul>" if items else ""}</div>'
    )


def cards(trials: Sequence[Trial]) -> Rendered:
    """Several starts, one below the other."""
    return Rendered("".join(map(card_html, trials)), "\n".join(map(str, trials)))


def _port(text: str) -> int:
    """The port to publish: the one that is typed, if it can be one; otherwise the service refuses it anyway."""
    return int(text) if text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 65535 else USUAL_PORT
