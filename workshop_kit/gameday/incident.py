"""An incident: what the participant sees and does, and its record.

It is one class of more than 300 lines: the cells of lesson 05 call its methods, which share its record.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
from docker.errors import APIError

from workshop_kit.display.live import NotebookReport
from workshop_kit.display.live_figure import LiveFigure, live_span
from workshop_kit.display.rendered import Rendered
from workshop_kit.display.timeline import Timeline
from workshop_kit.engine import control
from workshop_kit.engine.reach import engine_reason
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.exercises.panel import running_cell
from workshop_kit.gameday import causes, customer_watch, incident_card, signals
from workshop_kit.gameday.causes import Cause
from workshop_kit.gameday.customer_watch import CustomerObservation
from workshop_kit.gameday.customers import PANELS, Customers, ShopWatcher
from workshop_kit.gameday.shop import PRODUCTION, Shop
from workshop_kit.lessons.lesson import Lesson
from workshop_kit.observe.events import out_of_memory
from workshop_kit.patience import wait_for
from workshop_kit.reporting import Step
from workshop_kit.trials import game_records
from workshop_kit.trials.game_records import GameRecord
from workshop_kit.workspace.course import notebook_cells

FELT_SECONDS = 6.0
"""How long the last release waits for customers to notice the cause; a leak takes longer."""
SYMPTOM_SECONDS = 40.0
JUDGE_SECONDS = 15.0


@dataclass
class Incident:
    """An incident in a shop of its own, from `start` until `stop` or the next incident.

    See: ``watch``, ``logs``, ``metrics``, ``releases``, ``compare``, ``visits``. Do: ``restart``, ``deploy``.
    Say: ``debrief``, ``card``.
    """

    record: GameRecord
    lesson: Lesson = field(repr=False)
    cause: Cause = field(repr=False)
    shop: Shop = field(repr=False)
    customers: Customers = field(repr=False)
    watcher: ShopWatcher = field(repr=False)
    _block: ExitStack = field(repr=False)
    _stop: threading.Event = field(default_factory=threading.Event, repr=False)
    _day: threading.Thread = field(default_factory=threading.Thread, repr=False)
    _failure: BaseException | None = field(default=None, repr=False)
    _record_lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    # See

    def watch(self) -> LiveFigure:
        """Show customers, latency, resources and health, live."""
        self._record_own_action()
        title = self.cause.name.capitalize()
        figure = LiveFigure(title, partial(self._timeline, title))
        self._block.callback(figure.stop)
        self.lesson.live_outputs.replace(self.cause.name, figure.stop)
        return figure.show(headless=self.lesson.headless)

    def _timeline(self, title: str) -> Timeline:
        """Return what happened since the incident's start."""
        tables = self.watcher.tables()
        start, end = live_span(self.record.began)
        return Timeline(title, PRODUCTION, tables.requests, start, end, PANELS, tables.health, tables.events)

    def metrics(self) -> pd.DataFrame:
        """Return a row for each second: customers, latency, shares of the limits."""
        self._record_own_action()
        return self.watcher.tables().requests.drop(columns="container")

    def health(self) -> pd.DataFrame:
        """Return a row for each answer of a probe, and for each dependency in it."""
        self._record_own_action()
        return self.watcher.tables().health.drop(columns="container")

    def logs(self) -> pd.DataFrame:
        """Return all log lines of the shop, older releases included."""
        self._record_own_action()
        return self.shop.lines()

    def releases(self) -> pd.DataFrame:
        """Return when each release was deployed; `compare` shows what it changed."""
        self._record_own_action()
        return self.shop.releases()

    def compare(self, *releases: int) -> pd.DataFrame:
        """Return the settings in which releases differ, with a mark for each secret; the card notes the call."""
        differences = self.shop.compare(*releases)
        self.note(f"compared releases {', '.join(map(str, releases))}")
        return differences

    @property
    def visits(self) -> pd.DataFrame:
        """A row for each request of a customer so far; ``good``: served in time. See `Customers.table`."""
        return self.customers.table()

    # Do

    def restart(self, name: str) -> None:
        """Restart ``production``, or the gateway to a dependency (``master-db``)."""
        self.note(f"restarted {name}")
        self.shop.restart(name)

    def deploy(self, release: int | None = None, *, memory_mib: int | None = None, **settings: object) -> int:
        """Deploy an older ``release`` again, or the current one with changes; return the new number.

        Changes are ``memory_mib``, and settings by their names: ``deploy(LOG_LEVEL="info")``. Raises WrongUsage for
        other changes, WorkshopError if it does not start: then the former release goes on.
        """
        base_release = self.shop.current if release is None else self.shop.find(release)
        _check_changes(memory_mib, settings)

        what = f"released {release} again" if release else "released a change"
        if memory_mib is not None:
            what += f" memory_mib={memory_mib}"
        for name, value in settings.items():
            what += f" {name}={value}"
        self.note(what)

        setting_texts = {name: str(value) for name, value in settings.items()}
        new_release = replace(
            base_release,
            settings={**base_release.settings, **setting_texts},
            memory_mib=base_release.memory_mib if memory_mib is None else memory_mib,
        )
        return self.shop.deploy(new_release).number

    # Say

    def debrief(self, *, what: str, since: str, how: str, considered: str) -> dict[str, str]:
        """GameRecord the debrief (a sentence each), watch the customers, and return what the check needs."""
        answers = {"what": what, "since": since, "how": how, "considered": considered}
        has_answer = any(text.strip() for text in answers.values())
        if has_answer:
            self._record_own_action()
        self.wait()

        observation = self._watch_customers()
        slow_machine = ""
        if observation.is_late:
            measured = control.measure(self.lesson.stack.session)
            slow_machine = str(measured) if measured.is_slow else ""

        fixed = None
        if not observation.symptom:
            fixed = datetime.now(UTC) - timedelta(seconds=customer_watch.WATCH_SECONDS)

        self._update_record(
            debrief=answers,
            first_symptom=self._first_symptom(),
            fixed=fixed,
            symptom=observation.symptom,
            is_late=observation.is_late,
            slow_machine=slow_machine,
            watched_at=datetime.now(UTC),
        )
        self._write_record()
        return {"incident": self.record.id}

    def wait(self) -> None:
        """Wait until the day's changes are done and customers have noticed the cause."""
        report = NotebookReport()
        name = self.cause.name.capitalize()
        report(Step(name, None, "customers are coming"))
        self._join_day()
        wait_for(lambda: self._is_stopped() or self._failure or self._is_noticed(), SYMPTOM_SECONDS)
        outcome = "something has happened" if self._is_noticed() else "no customer has noticed anything yet"
        report(Step(name, 1.0, outcome, done=True))
        self._raise_failure()

    def shows(self) -> dict[str, datetime | None]:
        """Return when customers and each signal first showed the incident; None for one that did not."""
        began = self.record.injected or datetime.now(UTC)
        first_signs = signals.first_signs(self.shop.lines(), self.watcher.tables(), began)
        return {"customers": self._first_symptom(), **first_signs}

    def card(self) -> Rendered:
        """Return the timeline: when each signal showed it, what you did, how many customers were served."""
        visits = self.customers.since(self.record.began)
        return incident_card.card(self.record, self.cause, visits, self.shop.lines(), self.watcher.tables())

    def stop(self) -> None:
        """End customers and watching, and remove all containers. A second call changes nothing."""
        self._stop.set()
        self._join_day()
        self._block.close()

        if self.record.watched_at is not None and self.record.stopped is None:
            self._update_record(stopped=datetime.now(UTC))
            self._write_record()

    # Inside

    def begin(self, random: Random) -> None:
        """Start the thread that makes the day's changes."""
        self._day = threading.Thread(target=self._make_changes, args=(random,), name="game: the day", daemon=True)
        self._day.start()

    def _make_changes(self, random: Random) -> None:
        """Make the day's changes; wait with the last one until customers notice the cause, or some seconds passed."""
        try:
            changes = causes.plan(self.cause, random)
            for change in changes:
                if change is self.cause.inject:
                    self._record_injection()
                if change is changes[-1]:
                    limit_seconds = SYMPTOM_SECONDS if self.cause.kills else FELT_SECONDS
                    wait_for(lambda: self._is_stopped() or self._is_noticed(), limit_seconds)
                if not self._stop.is_set():
                    change(self.shop, random)
        except BaseException as failure:  # raised by the next use of the incident
            self._failure = failure
        self._write_record()

    def _record_injection(self) -> None:
        """GameRecord this moment as that of the cause, and how many customers were served right before it."""
        customer_watch.wait_served(self.customers, self._stop)
        injected = datetime.now(UTC)
        before_percent = customer_watch.served_before(self.customers, injected)
        self._update_record(injected=injected, before_percent=before_percent)

    def _update_record(self, **values: Any) -> None:
        """Set fields of the record. A cell and the day's thread may do so at the same time."""
        with self._record_lock:
            self.record = replace(self.record, **values)

    def _write_record(self) -> None:
        """Write the record to the workspace, where checks and cards read it."""
        game_records.write(self.lesson.stack.session.folder, self.record)

    def _join_day(self) -> None:
        """Wait until the day's changes are done, if they have begun."""
        if self._day.is_alive():
            self._day.join()

    def _is_stopped(self) -> bool:
        return self._stop.is_set()

    def _is_noticed(self) -> bool:
        """Return whether customers have noticed the cause; a leak counts as noticed only after the first kill."""
        if self.cause.kills and not out_of_memory(self.watcher.tables().events).any():
            return False
        return self._has_symptom()

    def _has_symptom(self) -> bool:
        return self._first_symptom() is not None

    def _first_symptom(self) -> datetime | None:
        """Return when the first of several customers suffered from the cause; None if none has yet."""
        injected = self.record.injected
        if injected is None:
            return None

        visits = self.customers.since(injected)
        return signals.first_symptom(visits, injected)

    def _watch_customers(self) -> CustomerObservation:
        """Watch the customers until all are served, or the time is up; return the last observation."""
        name = self.cause.name.capitalize()
        report = NotebookReport()
        report(Step(name, None, "watching the customers"))

        def watch() -> CustomerObservation:
            observation = customer_watch.watch(self.shop, self.customers, self._stop)
            report(Step(name, None, f"watching the customers: {observation.symptom or 'all are served'}"))
            return observation

        def is_over(observation: CustomerObservation) -> bool:
            return not observation.symptom or self._stop.is_set()

        observation = wait_for(watch, JUDGE_SECONDS, until=is_over)
        report(Step(name, 1.0, observation.symptom or "all customers are served", done=True))
        return observation

    def note(self, action: str) -> None:
        """Note an action of the participant for the card."""
        self._record_own_action()
        entry = f"{datetime.now(UTC):%H:%M:%S} {action}"
        with self._record_lock:
            self._update_record(actions=(*self.record.actions, entry))

    def _record_own_action(self) -> None:
        """GameRecord the detection, unless the running cell is an unchanged one of the lesson: that is no own action.

        Raises WorkshopError if the day's changes have failed.
        """
        self._raise_failure()
        is_shipped_cell = running_cell().strip() in _shipped_cells(self.lesson.exercise_service.root)
        if is_shipped_cell:
            return

        with self._record_lock:
            if self.record.detected is None and self.record.injected is not None:
                self._update_record(detected=datetime.now(UTC))

    def _raise_failure(self) -> None:
        """Raise WorkshopError if the day's changes have failed."""
        error = self._failure
        if error is None:
            return

        output = error.output if isinstance(error, WorkshopError) else ""
        sentence = f"The incident could not be made: {_failure_reason(error).rstrip('.')}."
        raise WorkshopError(sentence, "Run the cell that starts it again.", output=output)


def _failure_reason(error: BaseException) -> str:
    """Return in a few words why the day's changes failed."""
    if isinstance(error, APIError):
        return f"the engine refused, {engine_reason(error)}"
    if isinstance(error, WorkshopError):
        return error.what
    return str(error)


@cache
def _shipped_cells(root: Path) -> frozenset[str]:
    """Return the sources of all code cells of the lesson's notebook."""
    cells = [cell for path in Path(root, "notebooks").glob("05*.ipynb") for cell in notebook_cells(path)]
    return frozenset(cell["source"].strip() for cell in cells if cell["cell_type"] == "code")


def _check_changes(memory_mib: object, settings: Mapping[str, object]) -> None:
    """Raise WrongUsage for a setting that is not in capital letters, or memory that is no positive whole number."""
    wrong_names = [name for name in settings if not name.isupper()]
    is_positive = isinstance(memory_mib, int) and memory_mib > 0
    if memory_mib is not None and not is_positive:
        wrong_names.append("memory_mib")

    if wrong_names:
        sentence = f"{wrong_names[0]} is no change that can be released."
        raise WrongUsage(sentence, 'Write memory_mib=256, or LOG_LEVEL="info".')
