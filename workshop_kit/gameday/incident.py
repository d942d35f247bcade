"""An incident: what the participant sees and does, and its record."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
from docker.errors import APIError

from workshop_kit.display.dashboard import Dashboard
from workshop_kit.display.live import NotebookReport
from workshop_kit.display.rendered import Rendered
from workshop_kit.engine.reach import engine_reason
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.exercises.panel import running_cell
from workshop_kit.gameday import causes, customer_watch, incident_card, jigsaw, signals
from workshop_kit.gameday.causes import Cause
from workshop_kit.gameday.customer_watch import Watched
from workshop_kit.gameday.customers import PANELS, Customers, ShopWatcher
from workshop_kit.gameday.shop import Shop
from workshop_kit.lessons.lesson import Lesson
from workshop_kit.observe.events import out_of_memory
from workshop_kit.patience import patient
from workshop_kit.reporting import Step
from workshop_kit.trials import dependency_proxies, game_records
from workshop_kit.trials.game_records import Record
from workshop_kit.workspace.course import notebook_cells

FELT_SECONDS = 6.0
"""How long the last release waits for customers to notice the cause; a leak takes longer."""
SYMPTOM_SECONDS = 40.0
JUDGE_SECONDS = 15.0
POLL_SECONDS = 0.2


@dataclass
class Incident:
    """An incident in a shop of its own, from `start` until `stop` or the next incident.

    See: ``dashboard``, ``logs``, ``metrics``, ``releases``, ``compare``, ``visits``. Do: ``restart``, ``deploy``.
    Say: ``debrief``, ``card``. For several people: ``see`` and ``share``.
    """

    record: Record
    lesson: Lesson = field(repr=False)
    cause: Cause = field(repr=False)
    shop: Shop = field(repr=False)
    customers: Customers = field(repr=False)
    watcher: ShopWatcher = field(repr=False)
    _block: ExitStack = field(repr=False)
    _only: str = jigsaw.EVERYTHING
    _stop: threading.Event = field(default_factory=threading.Event, repr=False)
    _day: threading.Thread = field(default_factory=threading.Thread, repr=False)
    _failed: BaseException | None = field(default=None, repr=False)
    _changing: threading.RLock = field(default_factory=threading.RLock, repr=False)

    # See

    def dashboard(self) -> Dashboard:
        """Show customers, latency, resources and health of an environment, live."""
        self._look_at("metrics")
        title = f"{self.cause.name.capitalize()}{', with the reference' if self.record.reference else ''}"
        dashboard = Dashboard(self.watcher, title=title, panels=PANELS)
        self._block.callback(dashboard.stop)
        return dashboard.show(self.lesson.live_outputs)

    def metrics(self) -> pd.DataFrame:
        """Return a row for each second and environment: customers, latency, shares of the limits."""
        self._look_at("metrics")
        return self.watcher.tables().requests.rename(columns={"container": "environment"})

    def health(self) -> pd.DataFrame:
        """Return a row for each answer of a probe, and for each dependency in it."""
        self._look_at("metrics")
        return self.watcher.tables().health.rename(columns={"container": "environment"})

    def logs(self) -> pd.DataFrame:
        """Return all log lines of the shop, older releases included; ``service`` is the environment."""
        self._look_at("logs")
        return self.shop.lines()

    def releases(self) -> pd.DataFrame:
        """Return when each release was deployed, and where; `compare` shows what it changed."""
        self._look_at("configuration")
        return self.shop.releases()

    def compare(self, *releases: int) -> pd.DataFrame:
        """Return the settings in which releases differ, with a mark for each secret; the card notes the call."""
        self._look_at("configuration")
        differences = self.shop.compare(*releases)
        self.note(f"compared releases {', '.join(map(str, releases))}")
        return differences

    @property
    def visits(self) -> pd.DataFrame:
        """A row for each request of a customer so far; ``good``: served in time. See `Customers.table`."""
        return self.customers.table()

    # For several people

    def see(self, what: str) -> None:
        """Hide all but one signal: ``configuration``, ``logs`` or ``metrics``; ``everything`` shows all again."""
        choices = (*jigsaw.ROLES, jigsaw.EVERYTHING)
        if what not in choices:
            raise WrongUsage(f"{what!r} is nothing to see.", f"Choose from {', '.join(choices)}.")
        self._only = what

    def share(self, where: str = "here") -> Rendered:
        """Serve a page for each signal of this incident; return their addresses.

        ``here`` serves on this machine alone, ``room`` in its network.
        """
        pages = jigsaw.JigsawPages(where)
        self._block.callback(pages.stop)
        return pages.start(self).addresses()

    # Do

    def restart(self, name: str) -> None:
        """Restart an environment's container (``production``), or the gateway to a dependency (``master-db``)."""
        self.note(f"restarted {name}")
        self.shop.restart(name)
        if name == self.cause.maintenance:
            self.shop.gateways.set(dependency_proxies.REFUSES, name)

    def deploy(self, environment: str, release: int | None = None, **changes: Any) -> int:
        """Deploy an older ``release`` again, or the current one with changes; return the new number.

        Changes are ``memory_mib``, ``cpus``, or settings by their names: ``deploy("qa", LOG_LEVEL="info")``.
        Raises WrongUsage for other changes, WorkshopError if it does not start: then the former release goes on.
        """
        current = self.shop.current(environment)
        base_release = current if release is None else self.shop.find(release)

        sizes = {name: changes.pop(name) for name in ("memory_mib", "cpus") if name in changes}
        wrong_names = [name for name in changes if not name.isupper()]
        wrong_names += [name for name, size in sizes.items() if _is_wrong_size(size)]
        if wrong_names:
            sentence = f"{wrong_names[0]} is no change that can be released."
            raise WrongUsage(sentence, 'Write memory_mib=256, or LOG_LEVEL="info".')

        what = f"{release} again" if release else "a change"
        values = ", ".join(f"{name}={value}" for name, value in [*sizes.items(), *changes.items()])
        self.note(f"released {what} to {environment} {values}".rstrip())

        changed_settings = {name: str(value) for name, value in changes.items()}
        settings = {**base_release.settings, **changed_settings}
        new_release = replace(base_release, environment=environment, settings=settings, **sizes)
        return self.shop.deploy(new_release).number

    # Say

    def debrief(self, *, what: str, since: str, how: str, considered: str) -> dict[str, str]:
        """Record the debrief (a sentence each), watch the customers, and return what the check needs."""
        answers = {"what": what, "since": since, "how": how, "considered": considered}
        if any(text.strip() for text in answers.values()):
            self._record_action()
        self.wait()

        began = time.monotonic()
        watched = self._watch_customers()
        watched_seconds = time.monotonic() - began

        fixed = None if watched.symptom else datetime.now(UTC) - timedelta(seconds=customer_watch.WATCH_SECONDS)
        self._change(
            debrief=answers,
            first_symptom=self._first_symptom(),
            fixed=fixed,
            symptom=watched.symptom,
            is_late=watched.is_late,
            watched_seconds=watched_seconds,
            watched_at=datetime.now(UTC),
            waiting_per_core=statistics.median(watched.waiting),
        )
        game_records.write(self.lesson.stack.session.ledger.path, self.record)
        return {"incident": self.record.id}

    def wait(self) -> None:
        """Wait until the day's changes are done and customers have noticed the cause."""
        report = NotebookReport()
        name = self.cause.name.capitalize()
        report(Step(name, None, "customers are coming"))
        self._wait_until(lambda: not self._day.is_alive())
        self._wait_until(lambda: bool(self._failed) or self._is_noticed(), SYMPTOM_SECONDS)
        outcome = "something has happened" if self._is_noticed() else "no customer has noticed anything yet"
        report(Step(name, 1.0, outcome, done=True))
        self._raise_failure()

    def shows(self) -> dict[str, datetime | None]:
        """Return when customers and each signal first showed the incident; None for one that did not."""
        began = self.record.injected or datetime.now(UTC)
        first_signs = signals.first_signs(self.shop.lines(), self.watcher.tables(), began)
        return {"customers": self._first_symptom(), **first_signs}

    def _first_symptom(self) -> datetime | None:
        began = self.record.injected
        return None if began is None else signals.first_symptom(self.customers.since(began), began)

    def card(self) -> Rendered:
        """Return the timeline: when each signal showed it, what you did, how many customers were served."""
        visits = self.customers.since(self.record.began)
        tables = self.watcher.with_limits() if self.record.fixed else self.watcher.tables()
        return incident_card.card(self.record, self.cause, visits, self.shop.lines(), tables)

    def stop(self) -> None:
        """End customers and watching, and remove all containers. A second call changes nothing."""
        self._stop.set()
        if self._day.is_alive():
            self._day.join()
        self._block.close()
        if self.record.watched_at is not None and self.record.stopped is None:
            self._change(stopped=datetime.now(UTC))
            game_records.write(self.lesson.stack.session.ledger.path, self.record)

    # Inside

    def begin(self, random: Random) -> None:
        """Start the thread that makes the day's changes."""
        self._day = threading.Thread(target=self._run, args=(random,), name="game: the day", daemon=True)
        self._day.start()

    def _run(self, random: Random) -> None:
        """Make the day's changes; before the last one customers notice the cause."""
        try:
            changes = causes.plan(self.cause, random)
            for change in changes:
                if change is self.cause.inject:
                    self._note_injection()
                if change is changes[-1]:
                    self._wait_until(lambda: self._first_symptom() is not None, FELT_SECONDS)
                if not self._stop.is_set():
                    change(self.shop, random)
        except BaseException as failure:  # raised by the next use of the incident
            self._failed = failure
        game_records.write(self.lesson.stack.session.ledger.path, self.record)

    def _note_injection(self) -> None:
        """Record the time of the cause, and how many customers were served right before it."""
        customer_watch.wait_served(self.shop, self.customers, self._stop)
        injected = datetime.now(UTC)
        before_percent = customer_watch.served_before(self.shop, self.customers, injected)
        self._change(injected=injected, before_percent=before_percent)

    def _change(self, **values: Any) -> None:
        """Change the record: cells, the day and the pages of a jigsaw do so at the same time."""
        with self._changing:
            self.record = replace(self.record, **values)

    def _wait_until(self, holds: Callable[[], bool], seconds: float | None = None) -> None:
        """Wait until it holds, the time (None: as long as it takes) is over, or the incident ends."""
        began = time.monotonic()
        while not holds() and not self._stop.wait(POLL_SECONDS):
            if seconds is not None and time.monotonic() - began >= patient(seconds):
                break

    def _is_noticed(self) -> bool:
        """Return whether customers notice the cause; of a leak, only after the first kill."""
        if self.cause.kills and not out_of_memory(self.watcher.tables().events).any():
            return False
        return self._first_symptom() is not None

    def _watch_customers(self) -> Watched:
        """Watch until all are served for some seconds, or the time is up; return what was seen last, and all looks."""
        began = time.monotonic()
        report = NotebookReport()
        report(Step(self.cause.name.capitalize(), None, "watching the customers"))

        watched = customer_watch.watch(self.shop, self.customers, self._stop)
        waiting = watched.waiting
        while watched.symptom and time.monotonic() - began < patient(JUDGE_SECONDS) and not self._stop.is_set():
            report(Step(self.cause.name.capitalize(), None, f"watching the customers: {watched.symptom}"))
            watched = customer_watch.watch(self.shop, self.customers, self._stop)
            waiting += watched.waiting

        report(Step(self.cause.name.capitalize(), 1.0, watched.symptom or "all customers are served", done=True))
        return replace(watched, waiting=waiting)

    def _look_at(self, signal: str) -> None:
        self._record_action()
        if self._only not in (signal, jigsaw.EVERYTHING):
            raise WorkshopError(
                f"You see {self._only} today, and {signal} is for another person at your table.",
                f'Ask them what they see. (Alone after all? {self.cause.name}.see("{jigsaw.EVERYTHING}"))',
            )

    def note(self, action: str) -> None:
        """Note an action of the participant for the card."""
        self._record_action()
        self._add_action(action)

    def note_of_seat(self, action: str) -> None:
        """Note what somebody at the table looked at or compared on a page. It is their own, whatever cell runs here."""
        self._detect()
        self._add_action(action)

    def _add_action(self, action: str) -> None:
        entry = f"{datetime.now(UTC):%H:%M:%S} {action}"
        with self._changing:
            self._change(actions=(*self.record.actions, entry))

    def _record_action(self) -> None:
        """Record the time of the first own action; a cell of the lesson as shipped is none."""
        self._raise_failure()
        if running_cell().strip() not in _shipped_cells(self.lesson.exercise_service.root):
            self._detect()

    def _detect(self) -> None:
        with self._changing:
            if self.record.detected is None and self.record.injected is not None:
                self._change(detected=datetime.now(UTC))

    def _raise_failure(self) -> None:
        """Raise WorkshopError if the day's changes have failed."""
        if self._failed is None:
            return

        error = self._failed
        output = ""
        if isinstance(error, APIError):
            reason = f"the engine refused, {engine_reason(error)}"
        elif isinstance(error, WorkshopError):
            reason = error.what
            output = error.output
        else:
            reason = str(error)

        sentence = f"The incident could not be made: {reason.rstrip('.')}."
        raise WorkshopError(sentence, "Run the cell that starts it again.", output=output)


@cache
def _shipped_cells(root: Path) -> frozenset[str]:
    cells = [cell for path in Path(root, "notebooks").glob("05*.ipynb") for cell in notebook_cells(path)]
    return frozenset(cell["source"].strip() for cell in cells if cell["cell_type"] == "code")


def _is_wrong_size(size: object) -> bool:
    return not isinstance(size, int | float) or size <= 0
