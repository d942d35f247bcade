"""``w.watch``: measure containers in the background, on a live dashboard, as tables, and on one time axis."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from workshop_kit.display.dashboard import Dashboard
from workshop_kit.display.incident_chart import one_clock
from workshop_kit.display.live import Screens
from workshop_kit.display.rendered import Rendered
from workshop_kit.engine.spec import service_in
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WrongUsage
from workshop_kit.faults import injection
from workshop_kit.faults.journal import InjectedFault
from workshop_kit.observe.engine_api import container_of
from workshop_kit.observe.watch import Tables, Watcher, WatchTarget

NAME = "watch"
"""The key among the notebook's live displays: a new watch ends the previous one."""


@dataclass(frozen=True)
class Watch:
    """Measures containers until ``stop``; the measurements stay available."""

    stack: Stack = field(repr=False)
    screens: Screens = field(repr=False)
    watcher: Watcher = field(repr=False)
    _dashboards: list[Dashboard] = field(default_factory=list, repr=False)

    def tables(self) -> Tables:
        """Return the tables of the last half hour: ``requests``, ``resources``, ``health``, ``events``."""
        return self.watcher.tables()

    def faults(self) -> list[InjectedFault]:
        """Return the active faults of this workspace and the newest past ones, from all kernels and commands."""
        return injection.history(self.stack.session)

    def dashboard(self, title: str = "Watched live", *, container: str = "", seconds: float = 120) -> Dashboard:
        """Show the dashboard below the cell: live, or in a headless run its last state."""
        dashboard = Dashboard(self.watcher, self.faults, title=title, container=container, seconds=seconds)
        self._dashboards.append(dashboard)
        return dashboard.show(self.screens)

    def one_clock(
        self,
        title: str,
        logs: pd.DataFrame | None = None,
        *,
        container: str = "",
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Rendered:
        """Return the measurements of one container, the faults, and the ``logs``, on one time axis.

        ``logs`` is a table of log lines. `incident_chart.one_clock` says which time is shown.
        """
        return one_clock(
            title,
            logs=logs,
            tables=self.tables(),
            faults=self.faults(),
            container=container or self.watcher.names[0],
            start=start,
            end=end,
        )

    def stop(self) -> None:
        """End the measurements and the dashboards, whose last picture stays. A second call does nothing."""
        while self._dashboards:
            self._dashboards.pop().stop()
        self.watcher.stop()


def start_watch(stack: Stack, screens: Screens, *targets: Any) -> Watch:
    """Start to measure services of the stack (by name) or containers; by default the stack's service.

    Raises WrongUsage for two targets with one name, WorkshopError for an unknown one.
    """
    subjects = [_subject(stack, one) for one in targets or ("service",)]
    names = [one.name for one in subjects]
    if len(set(names)) < len(names):
        raise WrongUsage(f"Two of these have the same name: {', '.join(names)}.", "Watch one of them.")
    watcher = Watcher(stack.session.engine, stack.session.identity.session, subjects)
    watch = Watch(stack, screens, watcher)
    screens.replace(NAME, watch)
    watcher.start()
    return watch


def _subject(stack: Stack, one: Any) -> WatchTarget:
    if isinstance(one, str):
        stack.container(one)  # raises WorkshopError with the known names
        return WatchTarget(one, stack.project, one)
    container = container_of(one)
    return WatchTarget(service_in(container.labels) or container.name, id=container.id)
