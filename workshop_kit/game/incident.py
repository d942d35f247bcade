"""An incident in the hands of a participant: what they see it with, what they can do about it, and how it went."""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pandas as pd

from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.game import judge, signals, timeline
from workshop_kit.game.causes import CAUSES, Cause, harmless
from workshop_kit.game.jigsaw import Hidden, look_of
from workshop_kit.game.shop import DEPENDENCIES, Shop
from workshop_kit.game.visitors import Visitors
from workshop_kit.learn.exercise import doors, game_records
from workshop_kit.learn.exercise.game_records import QUESTIONS, Record
from workshop_kit.learn.lesson import Lesson
from workshop_kit.learn.watching import Watch
from workshop_kit.observe.watching import Subject, Watcher
from workshop_kit.progress import Report, Step
from workshop_kit.show.shown import Shown
from workshop_kit.show.tables import table
from workshop_kit.show.working import NotebookReport

NAME = "game"
"""Under which an incident stands among what is live in a notebook: a new one ends the one before."""
QUIET_SECONDS = (0.8, 1.4)
BETWEEN_SECONDS = (0.5, 1.0)
FELT_SECONDS = 4.0
"""So long after the cause the last release waits for customers to feel it; a leak takes longer than that."""
SYMPTOM_SECONDS = 40.0
JUDGE_SECONDS = 15.0


@dataclass
class Incident:
    """What happens in a shop of your own until `stop`, or until the next one begins; `start` makes it.

    See: ``watch`` (`learn.watching.Watch`: dashboard, tables, one clock), ``logs``, ``releases``, ``settings``,
    ``customers``. Do: ``restart``, ``deploy``. Say: ``debrief``, ``told`` (for the check), ``card``.
    """

    id: str
    lesson: Lesson = field(repr=False)
    cause: Cause = field(repr=False)
    seed: int
    shop: Shop = field(repr=False)
    visitors: Visitors = field(repr=False)
    _watch: Watch = field(repr=False)
    _block: ExitStack = field(repr=False)
    record: Record = field(repr=False)
    _only: str = ""
    _stop: threading.Event = field(default_factory=threading.Event, repr=False)
    _day: threading.Thread | None = field(default=None, repr=False)
    _failed: BaseException | None = field(default=None, repr=False)

    # See

    @property
    def watch(self) -> Watch:
        """The shop's containers as they are watched since it began: traffic, resources, health, events."""
        self._may_see("metrics")
        return self._watch

    def logs(self) -> pd.DataFrame:
        """All lines that the shop has written, ``service`` says in which environment; also those of older releases."""
        self._may_see("logs")
        return self.shop.lines()

    def releases(self) -> pd.DataFrame:
        """What was released when, and what it changed. See `Shop.releases`."""
        self._may_see("configuration")
        return self.shop.releases()

    def settings(self, *releases: int) -> pd.DataFrame:
        """The settings of each environment now, or of the releases named, side by side; of secrets a mark."""
        self._may_see("configuration")
        return self.shop.settings(*releases)

    def customers(self, seconds: float = 30.0) -> Shown:
        """Return what became of the customers of the last seconds: everybody may see that."""
        since = datetime.now(UTC) - timedelta(seconds=seconds)
        rows = [judge.counted(name, self.visitors.since(since, name)) for name in self.shop.environments]
        return table(f"Customers of the last {seconds:g} seconds", ["door", "came", "served in time", "others"], rows)

    @property
    def visits(self) -> pd.DataFrame:
        """A row for each customer so far (see `Visitors.table`); ``good``: served, and in time."""
        return self.visitors.table

    def see(self, what: str) -> None:
        """Hide all but one signal: ``configuration``, ``logs`` or ``metrics``; ``everything`` shows all again."""
        self._only = look_of(what)

    # Do

    def restart(self, name: str) -> None:
        """Restart an environment's container (``production``), or the gateway to a dependency (``master-db``)."""
        self._detected()
        self.shop.restart(name)
        if name == self.cause.maintenance:
            self._maintain()

    def deploy(self, environment: str, release: int | None = None, **changes: Any) -> int:
        """Release to an environment what an older ``release`` was, or what it runs now with changes; return the number.

        Changes are ``memory_mib``, ``cpus``, or settings by their names: ``deploy("qa", LOG_LEVEL="info")``.
        Raises WrongUsage for what is none of them, WorkshopError if it does not live (the one before goes on then).
        """
        self._detected()
        chosen = self.shop.find(release) if release is not None else self.shop.current(environment)
        self.shop.current(environment)  # says which there are, if it is none of them
        sizes = {name: changes.pop(name) for name in ("memory_mib", "cpus") if name in changes}
        wrong = [name for name in changes if not name.isupper()]
        if wrong or any(not isinstance(size, int | float) or size <= 0 for size in sizes.values()):
            name = wrong[0] if wrong else next(iter(sizes))
            raise WrongUsage(f"{name} is no change that can be released.", 'Write memory_mib=256, or LOG_LEVEL="info".')
        settings = {**chosen.settings, **{name: str(value) for name, value in changes.items()}}
        return self.shop.deploy(replace(chosen, environment=environment, settings=settings, **sizes)).number

    # Say

    def debrief(self, *, what: str, since: str, how: str, considered: str) -> Shown:
        """Write the debrief sheet, a sentence each, and return it: read it to your neighbor."""
        said = {"what": what, "since": since, "how": how, "considered": considered}
        if any(text.strip() for text in said.values()):
            self._detected()
        self.record = replace(self.record, debrief=said)
        self._write()
        rows = [(QUESTIONS[name], text or "…") for name, text in said.items()]
        return table(f"Debrief of {self.cause.name}", ["", "your answer"], rows)

    def wait(self) -> None:
        """Wait until whatever happens today has happened, and somebody has felt it. For those who do not watch."""
        report: Report = NotebookReport()
        deadline = time.monotonic() + SYMPTOM_SECONDS
        while not self._stop.is_set() and self._failed is None:
            report(Step(self.cause.name.capitalize(), None, "customers are coming"))
            if not self._is_underway and (self._is_felt() or time.monotonic() > deadline):
                break
            if self._is_underway:
                deadline = time.monotonic() + SYMPTOM_SECONDS
            time.sleep(0.3)
        report(Step(self.cause.name.capitalize(), 1.0, "something has happened", done=True))
        self._raise_failure()

    def _is_felt(self) -> bool:
        """Whether it hurts customers, in the way that it will go on to hurt them."""
        if self.cause.kills and not self._watch.frames.events["what"].eq("oom").any():
            return False
        return self.first_symptom() is not None

    def first_symptom(self) -> datetime | None:
        """When it began to hurt customers; None while it does not."""
        began = self.record.injected
        return None if began is None else signals.first_symptom(self.visitors.since(began), began)

    def told(self, *, within_seconds: float = JUDGE_SECONDS) -> dict[str, str]:
        """Watch the customers until all are served for some seconds, or the time is up; return what the check needs."""
        self.wait()
        deadline, report = time.monotonic() + within_seconds, NotebookReport()
        symptom = "nobody has looked"
        while symptom and not self._stop.is_set():
            report(Step(self.cause.name.capitalize(), None, "watching the customers"))
            self._wait_calm(deadline)
            symptom = judge.symptom(self.shop, self.visitors, self._stop)
            if time.monotonic() > deadline:
                break
        report(Step(self.cause.name.capitalize(), 1.0, symptom or "all customers are served", done=True))
        fixed = None if symptom else datetime.now(UTC) - timedelta(seconds=judge.WATCH_SECONDS)
        self.record = replace(self.record, first_symptom=self.first_symptom(), fixed=fixed, symptom=symptom)
        self._write()
        return {"incident": self.id}

    def _wait_calm(self, deadline: float) -> None:
        began = datetime.now(UTC)
        while time.monotonic() < deadline and not judge.is_calm(self.shop, self.visitors, began):
            if self._stop.wait(0.1):
                return

    def shows(self) -> dict[str, datetime | None]:
        """When logs, metrics, health and the engine showed it for the first time; None for what showed nothing."""
        began = self.record.injected or datetime.now(UTC)
        return signals.shown(self.shop.lines(), self._watch.frames, began)

    def card(self) -> Shown:
        """Return how it went: injected, first symptom, detected, fixed, and what the signals showed when."""
        return timeline.card(
            self.record,
            self.cause.told if self.record.fixed else "",
            self.shows(),
            self.shop.lines(),
            self._watch,
            self._worst(),
        )

    def stop(self) -> None:
        """End it: customers, watching, and all its containers. A second call changes nothing."""
        self._stop.set()
        if self._day is not None:
            self._day.join()
        self.visitors.stop()
        self._watch.stop()
        self._block.close()

    # Inside

    @property
    def _is_underway(self) -> bool:
        return self._day is not None and self._day.is_alive()

    def _begin(self, random: Random) -> None:
        self._day = threading.Thread(target=self._run, args=(random,), name="game: the day", daemon=True)
        self._day.start()

    def _run(self, random: Random) -> None:
        """A quiet while, a harmless release, the cause, and one more harmless release."""
        try:
            if self._rest(random.uniform(*QUIET_SECONDS)):
                harmless(self.shop, random)
            if self._rest(random.uniform(*BETWEEN_SECONDS)):
                self.record = replace(self.record, injected=datetime.now(UTC))
                self.cause.strike(self.shop, random)
                self._wait_felt()  # the release that follows is not to be taken for the reason
            if self._rest(random.uniform(*BETWEEN_SECONDS)):
                harmless(self.shop, random)
        except BaseException as failure:  # told to whoever uses the incident next
            self._failed = failure
        self._write()

    def _wait_felt(self) -> None:
        deadline = time.monotonic() + FELT_SECONDS
        while not self.first_symptom() and time.monotonic() < deadline and self._rest(0.1):
            pass

    def _rest(self, seconds: float) -> bool:
        return not self._stop.wait(seconds)

    def _maintain(self) -> None:
        self.shop.gateways.set(**{self.cause.maintenance.replace("-", "_"): doors.REFUSES})

    def _worst(self) -> str:
        """The environment whose customers suffered most."""
        suffered = Counter(one.door for one in self.visitors.since(self.record.began) if not one.is_good)
        return max(self.shop.environments, key=lambda name: suffered[name])

    def _may_see(self, signal: str) -> None:
        self._raise_failure()
        if self._only and self._only != signal:
            raise Hidden(self._only, signal)

    def _detected(self) -> None:
        self._raise_failure()
        if self.record.detected is None and self.record.injected is not None:
            self.record = replace(self.record, detected=datetime.now(UTC))

    def _raise_failure(self) -> None:
        if self._failed is not None:
            raise WorkshopError(f"The incident could not be made: {self._failed}", "Run the cell that starts it again.")

    def _write(self) -> None:
        game_records.write(self.lesson.stack.session, self.record)


def start(lesson: Lesson, name: str | None = None, *, seed: int | None = None) -> Incident:
    """Open a shop with customers of its own and let something happen to it; return at once, to be watched.

    ``name`` is one of CAUSES (``monday`` to ``friday``), drawn by the seed if none is given. ``seed`` is the
    participant's unless another is given: the same seed, the same incident. The service's modules are the participant's
    where they passed. The incident before it ends. Raises WrongUsage for another name, WorkshopError as the stack does.
    """
    seed = lesson.workspace.seed if seed is None else seed
    random = Random(f"gameday {name} {seed}")  # noqa: S311 - the same for the same seed
    if name is not None and name not in CAUSES:
        raise WrongUsage(f"There is no incident {name!r}.", f"Choose from {', '.join(CAUSES)}.")
    cause = CAUSES[name or random.choice(list(CAUSES))]
    lesson.screens.end(NAME)
    report = NotebookReport()
    report(Step(cause.name.capitalize(), None, "opening the shop"))
    with ExitStack() as block:
        gateways = block.enter_context(doors.between(lesson.stack, *DEPENDENCIES))
        gateways.wait_open()
        shop = Shop(lesson.stack, gateways)
        block.callback(shop.close)  # also of one that does not open
        shop.open(cause.environments, lesson.my_modules("all"))
        incident = _open(lesson, cause, seed, shop, block.pop_all())
    lesson.screens.replace(NAME, incident)
    incident._begin(random)
    report(Step(cause.name.capitalize(), 1.0, cause.notice or "the shop is open, and customers are coming", done=True))
    return incident


def _open(lesson: Lesson, cause: Cause, seed: int, shop: Shop, block: ExitStack) -> Incident:
    identifier = secrets.token_hex(6)
    watcher = Watcher(
        lesson.engine, lesson.stack.session.who.session, [Subject(name, shop.project, name) for name in shop.running]
    )
    visitors = Visitors({name: _door(shop, name) for name in shop.running}).start()
    watched = Watch(lesson.stack, lesson.screens, watcher)
    watcher.start()
    record = Record(identifier, cause.name, seed, datetime.now(UTC))
    return Incident(identifier, lesson, cause, seed, shop, visitors, watched, block, record)


def _door(shop: Shop, name: str) -> Callable[[], str | None]:
    return lambda: shop.url(name)
