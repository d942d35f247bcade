"""``w.watch``: measure a container in the background, on a live dashboard, as tables, and on one time axis."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from workshop_kit.display.dashboard import Dashboard
from workshop_kit.display.incident_chart import one_clock
from workshop_kit.display.live import Screens
from workshop_kit.display.rendered import Rendered
from workshop_kit.engine.spec import service_in
from workshop_kit.engine.stack import Stack
from workshop_kit.faults import injection
from workshop_kit.faults.injection import InjectedFault
from workshop_kit.observe.engine_api import container_of
from workshop_kit.observe.watch import Tables, Watcher, WatchTarget

NAME = "watch"
"""The key among the notebook's live displays: a new watch ends the previous one."""


@dataclass(frozen=True)
class Watch:
    """Measures a container until ``stop``; the measurements stay available."""

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

    def dashboard(self, *, seconds: float = 120) -> Dashboard:
        """Show the dashboard below the cell: live, or in a headless run its last state."""
        dashboard = Dashboard(self.watcher, self.faults, seconds=seconds)
        self._dashboards.append(dashboard)
        return dashboard.show(self.screens)

    def one_clock(self, title: str, logs: pd.DataFrame | None = None) -> Rendered:
        """Return the measurements, the faults, and ``logs``, a table of log lines, on one time axis.

        `incident_chart.one_clock` says which time is shown.
        """
        container = self.watcher.names[0]
        return one_clock(title, logs=logs, tables=self.tables(), faults=self.faults(), container=container)

    def stop(self) -> None:
        """End the measurements and the dashboards, whose last picture stays. A second call does nothing."""
        while self._dashboards:
            self._dashboards.pop().stop()
        self.watcher.stop()


def start_watch(stack: Stack, screens: Screens, container: Any = "service") -> Watch:
    """Start to measure a service of the stack (by name) or a container. Raises WorkshopError for an unknown one."""
    watcher = Watcher(stack.session.engine, stack.session.identity.session, [_target(stack, container)])
    watch = Watch(stack, screens, watcher)
    screens.replace(NAME, watch)
    watcher.start()
    return watch


def _target(stack: Stack, one: Any) -> WatchTarget:
    if isinstance(one, str):
        stack.container(one)  # raises WorkshopError with the known names
        return WatchTarget(one, stack.project, one)
    container = container_of(one)
    return WatchTarget(service_in(container.labels) or container.name, id=container.id)
