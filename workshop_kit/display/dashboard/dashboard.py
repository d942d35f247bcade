"""The dashboard as a live chart: what moves it, what is chosen, and looking back while the gathering goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import pandas as pd

from workshop_kit.display.dashboard import static
from workshop_kit.display.dashboard.panels import in_words, of_container
from workshop_kit.display.dashboard.renderer import Sheet
from workshop_kit.display.dashboard.view import Fault, View
from workshop_kit.display.live import LiveChart
from workshop_kit.display.live_data import Panel
from workshop_kit.display.live_widget import LiveWidget
from workshop_kit.display.rendered import Shown
from workshop_kit.errors import WrongUsage
from workshop_kit.observe.watch import Tables

WINDOWS = {30: "30 seconds", 120: "2 minutes", 600: "10 minutes"}
LONGEST_SECONDS = 1800.0
STOP_AFTER_SECONDS = 3600.0
HEADLESS_SECONDS = 1.0


class Gathers(Protocol):
    """Who gathers what is shown: `observe.watching.Watcher`, for one."""

    @property
    def names(self) -> tuple[str, ...]:
        """What can be picked."""

    def tables(self, container: str | None = None, *, seconds: float | None = None) -> Tables:
        """What was gathered of one container in the last ``seconds``."""


@dataclass(frozen=True)
class Choice:
    """What is looked at: a container, so many seconds of it, until a moment (seconds since 1970; None: until now)."""

    container: str
    seconds: float
    until: float | None = None


class Dashboard(LiveChart):
    """Shows what ``watcher`` gathers of one container at a time, with the bands of what ``faults`` gives.

    ``faults`` is called for every picture. To pause, to look back and to choose another time or container changes what
    is shown, never what is gathered. At its end it leaves a picture of the whole time since it was first shown.
    ``panels`` name columns of the requests, and take the place of the usual ones.
    """

    def __init__(
        self,
        watcher: Gathers,
        faults: Callable[[], Iterable[Fault]] = tuple,
        *,
        title: str = "Watched live",
        container: str = "",
        seconds: float = 120,
        stop_after_seconds: float = STOP_AFTER_SECONDS,
        headless_seconds: float = HEADLESS_SECONDS,
        panels: Sequence[Panel] = (),
    ) -> None:
        container = container or watcher.names[0]
        if container not in watcher.names:
            raise WrongUsage(f"{container!r} is not watched.", f"Watched: {', '.join(watcher.names)}.")
        super().__init__(
            pd.DataFrame,
            (),
            title,
            hz=1,
            seconds=seconds,
            stop_after_seconds=stop_after_seconds,
            headless_seconds=headless_seconds,
        )
        self._watcher, self._faults, self._own_panels = watcher, faults, panels
        self._choice = Choice(container, seconds)
        self._choosing = threading.Lock()  # clicks come in a thread of their own
        self._sheet = Sheet()
        self._drawn: Choice | None = None  # what stands there, while it stands still

    def picture(self) -> Shown:
        """What it shows, as a static picture of the whole time since it was shown (at most half an hour)."""
        choice = self._choice
        lasted = time.monotonic() - self._started if self._started else 0.0
        choice = replace(choice, seconds=min(max(choice.seconds, lasted), LONGEST_SECONDS))
        view, tables, faults = self._look(choice)
        title = f"{self.title}: {choice.container}"
        drawn = Sheet().figure(title, view)
        return static.page(drawn, in_words(title, view), view, tables, faults, self._problem)

    def _look(self, choice: Choice) -> tuple[View, Tables, Sequence[Fault]]:
        now = time.time()
        edge = choice.until or now
        tables = self._watcher.tables(choice.container, seconds=now - edge + choice.seconds + 5)
        faults = tuple(self._faults())
        view = of_container(tables, faults, choice.container, edge, choice.seconds, self._own_panels)
        return view, tables, faults

    def _draw(self, widget: LiveWidget) -> None:
        choice = self._choice
        if choice.until is not None:
            widget.beat += 1
            if self._drawn == choice:
                return
        view, _, _ = self._look(choice)
        title = f"{self.title}: {choice.container}"
        picture = self._sheet.png(title, view, clock=choice.until is not None)
        self._send(widget, picture, in_words(title, view))
        self._drawn = choice

    def _new_widget(self) -> LiveWidget:
        now = round(self._choice.seconds)
        windows = {now: f"{now} seconds", **WINDOWS}
        return LiveWidget(
            title=self.title,
            choices=[
                {"key": "container", "label": "Container", "options": [[name, name] for name in self._watcher.names]},
                {"key": "seconds", "label": "Time", "options": [[str(one), windows[one]] for one in sorted(windows)]},
            ],
            chosen=self._chosen(),
        )

    def _chosen(self) -> dict[str, str]:
        return {"container": self._choice.container, "seconds": f"{self._choice.seconds:.0f}"}

    def _clicked(self, widget: object, content: Mapping[str, Any], buffers: object) -> None:
        """Handle what is pressed; a page that was reloaded hears what is chosen."""
        with self._choosing:
            self._choice = changed(self._choice, content, self._watcher.names, time.time())
            shown = self._widget
            if shown is not None:
                shown.chosen, shown.paused = self._chosen(), _paused(self._choice)
        if not content.get("hello"):
            self._wake.set()
        super()._clicked(widget, content, buffers)


def changed(choice: Choice, message: Mapping[str, Any], names: Sequence[str], now: float) -> Choice:
    """The choice after a message of the page; one that makes no sense changes nothing. Pure."""
    if message.get("choose") == "container" and message.get("value") in names:
        return replace(choice, container=str(message["value"]))
    if message.get("choose") == "seconds" and str(message.get("value", "")).isdecimal():
        return replace(choice, seconds=float(min(max(int(message["value"]), 10), LONGEST_SECONDS)))
    if "pause" in message:
        return replace(choice, until=now if message["pause"] else None)
    if message.get("turn") in (-1, 1) and choice.until is not None:
        moved = choice.until + message["turn"] * choice.seconds / 2
        return replace(choice, until=min(max(moved, now - LONGEST_SECONDS + choice.seconds), now))
    return choice


def _paused(choice: Choice) -> str:
    if choice.until is None:
        return ""
    return f"Paused at {pd.Timestamp(choice.until, unit='s'):%H:%M:%S} UTC; what happens meanwhile is kept"
