"""What a lesson does to see: containers watched from now on, live on a dashboard, as tables, and on one clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from workshop_kit.display.dashboard import Dashboard
from workshop_kit.display.incident_chart import one_clock
from workshop_kit.display.live import Screens
from workshop_kit.display.rendered import Shown
from workshop_kit.engine.spec import service_in
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WrongUsage
from workshop_kit.faults import injection
from workshop_kit.faults.injection import Disturbance
from workshop_kit.observe.watch import Subject, Tables, Watcher
from workshop_kit.observe.wire import container_of

NAME = "watch"
"""Under which a notebook's watching stands among what is live: a new one ends the one before."""


@dataclass(frozen=True)
class Watch:
    """Containers that are watched until ``stop``; what was gathered stays."""

    stack: Stack = field(repr=False)
    screens: Screens = field(repr=False)
    watcher: Watcher = field(repr=False)
    _shown: list[Dashboard] = field(default_factory=list, repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """What is watched."""
        return self.watcher.names

    @property
    def conditions(self) -> dict[str, str]:
        """One sentence on each: where it is, or that it is gone."""
        return self.watcher.conditions

    @property
    def frames(self) -> Tables:
        """What was gathered so far (the last half hour): ``requests``, ``resources``, ``health``, ``events``."""
        return self.watcher.tables()

    @property
    def faults(self) -> list[Disturbance]:
        """The faults in this workspace, whoever made them: those in force, and the newest that are over."""
        return injection.history(self.stack.session)

    def dashboard(self, title: str = "Watched live", *, container: str = "", seconds: float = 120) -> Dashboard:
        """Show the dashboard below the cell: live, or, where nobody sits in front of it, as it is at its end."""
        shown = Dashboard(self.watcher, lambda: self.faults, title=title, container=container, seconds=seconds)
        self._shown.append(shown)
        return shown.show(self.screens)

    def one_clock(
        self,
        title: str,
        logs: pd.DataFrame | None = None,
        *,
        container: str = "",
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Shown:
        """Return what was gathered of one container, with ``logs`` if given and the faults, on one time axis.

        ``logs`` is a table of log lines; see `one_clock.one_clock`, also for which time is shown.
        """
        return one_clock(
            title,
            logs=logs,
            tables=self.frames,
            faults=self.faults,
            container=container or self.names[0],
            start=start,
            end=end,
        )

    def stop(self) -> None:
        """End the dashboards, whose last picture stays, and the gathering; a second call changes nothing."""
        while self._shown:
            self._shown.pop().stop()
        self.watcher.stop()


def watch(stack: Stack, screens: Screens, *what: Any) -> Watch:
    """Begin to watch services of the stack, by name, or containers; without any, the stack's service.

    Raises WrongUsage for two things of one name, WorkshopError for what is not there.
    """
    subjects = [_subject(stack, one) for one in what or ("service",)]
    names = [one.name for one in subjects]
    if len(set(names)) < len(names):
        raise WrongUsage(f"Two of these have the same name: {', '.join(names)}.", "Watch one of them.")
    watcher = Watcher(stack.session.engine, stack.session.identity.session, subjects)
    made = Watch(stack, screens, watcher)
    screens.replace(NAME, made)
    watcher.start()
    return made


def _subject(stack: Stack, one: Any) -> Subject:
    if isinstance(one, str):
        stack.container(one)  # says which there are, if it is none of them
        return Subject(one, stack.project, one)
    container = container_of(one)
    return Subject(service_in(container.labels) or container.name, id=container.id)
