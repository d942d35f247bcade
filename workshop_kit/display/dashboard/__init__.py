"""The dashboard: a live picture of one container on one time axis, with choices, pause, and a picture at its end.

`view` is the data, `renderer` draws it over `axes`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, Self

import pandas as pd
from IPython.display import DisplayHandle, display

from workshop_kit.display import charts
from workshop_kit.display.dashboard import renderer
from workshop_kit.display.dashboard.renderer import DashboardRenderer
from workshop_kit.display.dashboard.view import EVENTS, FaultBand, Panel, View, container_view, describe
from workshop_kit.display.live import LiveOutputs, LiveWidget, answer_while_busy
from workshop_kit.display.rendered import Rendered, cell, folded
from workshop_kit.observe.watcher import Tables

WINDOWS = {30: "30 seconds", 120: "2 minutes", 600: "10 minutes"}
LONGEST_SECONDS = 1800.0
STOP_AFTER_SECONDS = 3600.0
HEADLESS_SECONDS = 1.0
INTERVAL_SECONDS = 1.0
TABLE_ROWS = 120  # the newest ones


class TableSource(Protocol):
    """What the dashboard shows, such as an `observe.watcher.Watcher`."""

    @property
    def names(self) -> tuple[str, ...]:
        """The containers."""

    def tables(self, container: str | None = None, *, seconds: float | None = None) -> Tables:
        """Return the tables of one container over the last ``seconds``."""


class Dashboard:
    """Shows the tables of ``watcher``, one container at a time, with a band for each of ``faults()``.

    Choosing and pausing change what is shown, not what the watcher collects. It is drawn in a thread once
    a second; at its end, after an hour at the latest, it leaves a picture of the whole time since it was first shown.
    In a headless run ``show`` draws once, and ``stop`` again. ``panels`` name columns of the requests that replace the
    usual panels.
    """

    def __init__(
        self,
        watcher: TableSource,
        faults: Callable[[], Iterable[FaultBand]] = tuple,
        *,
        title: str = "Watched live",
        seconds: float = 120,
        panels: Sequence[Panel] = (),
    ) -> None:
        self.title = title
        self._watcher = watcher
        self._faults = faults
        self._panels = panels
        self._container = watcher.names[0]
        self._seconds = seconds  # before now; the participant may choose another number
        self._paused_at: float | None = None  # seconds since 1970
        self._choosing = threading.Lock()  # clicks come in another thread
        self._stop = threading.Event()
        self._wake = threading.Event()  # set to draw the next picture at once
        self._thread: threading.Thread | None = None
        self._handle: DisplayHandle | None = None
        self._widget: LiveWidget | None = None
        self._started = 0.0
        self._renderer = DashboardRenderer()

    def show(self, live_outputs: LiveOutputs) -> Self:
        """Show it below the running cell; it ends the former one with its title."""
        live_outputs.replace(self.title, self.stop)
        self.stop()
        self._stop.clear()
        self._started = time.monotonic()

        if live_outputs.headless:
            self._stop.wait(HEADLESS_SECONDS)
            self._handle = display(self.picture(), display_id=True)  # type: ignore[no-untyped-call]
            return self

        self._widget = self._new_widget()
        self._widget.on_msg(self.handle_message)
        answer_while_busy(self._widget)
        self._handle = display(self._widget, display_id=True)  # type: ignore[no-untyped-call]

        name = f"dashboard: {self.title}"
        self._thread = threading.Thread(target=self._draw_until_stopped, args=(self._widget,), name=name, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """End the drawing, and wait until the static picture is in its place; a second call changes nothing."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        else:
            self._finish()
        self._thread = None

    def picture(self) -> Rendered:
        """Return a static picture of the whole time since it was shown (at most half an hour), with its data."""
        shown_seconds = time.monotonic() - self._started if self._started else 0.0
        seconds = min(max(self._seconds, shown_seconds), LONGEST_SECONDS)
        view, tables = self._current_view(seconds)
        title = f"{self.title}: {view.container}"
        return charts.picture(renderer.figure(title, view), describe(title, view), _tables_html(view, tables))

    def _current_view(self, seconds: float) -> tuple[View, Tables]:
        """Return the last ``seconds`` of the chosen container, until the pause if there is one, and their tables."""
        container = self._container
        now = time.time()
        edge = self._paused_at or now
        tables = self._watcher.tables(container, seconds=now - edge + seconds + 5)
        view = container_view(tables, tuple(self._faults()), container, edge, seconds, self._panels)
        return view, tables

    def _draw_until_stopped(self, widget: LiveWidget) -> None:
        """Draw once a second, and at once after a choice; then leave the picture at the end."""
        due = time.monotonic()
        end = due + STOP_AFTER_SECONDS
        while not self._stop.is_set() and due < end:
            self._draw(widget)
            due = max(due + INTERVAL_SECONDS, time.monotonic())
            self._wake.wait(due - time.monotonic())
            self._wake.clear()

        self._finish()

    def _draw(self, widget: LiveWidget) -> None:
        """Send the next picture to the page, with its text."""
        view, _ = self._current_view(self._seconds)
        title = f"{self.title}: {view.container}"
        is_paused = view.edge == self._paused_at
        picture = self._renderer.png(title, view, clock=is_paused)
        with widget.hold_sync():  # one message for all
            widget.alt = describe(title, view)
            widget.frame = picture
            widget.beat += 1

    def _finish(self) -> None:
        """Replace the widget by the static picture; a second call changes nothing.

        The widget gets the picture, too, for a page that is reloaded.
        """
        handle = self._handle
        self._handle = None
        widget = self._widget
        self._widget = None
        if handle is None:
            return

        picture = self.picture()
        handle.update(picture)  # type: ignore[no-untyped-call]
        if widget is not None:
            widget.ending = picture.html

    def _new_widget(self) -> LiveWidget:
        """Return a widget with a choice of the container and of the time shown."""
        initial_seconds = round(self._seconds)
        texts_by_seconds = {initial_seconds: f"{initial_seconds} seconds", **WINDOWS}
        containers = [[name, name] for name in self._watcher.names]
        times = [[str(seconds), texts_by_seconds[seconds]] for seconds in sorted(texts_by_seconds)]
        return LiveWidget(
            title=self.title,
            choices=[
                {"key": "container", "label": "Container", "options": containers},
                {"key": "seconds", "label": "Time", "options": times},
            ],
            chosen=self._chosen_values(),
        )

    def _chosen_values(self) -> dict[str, str]:
        """Return the value of each choice, by its key."""
        return {"container": self._container, "seconds": f"{self._seconds:.0f}"}

    def handle_message(self, _: object, content: Mapping[str, Any], __: object) -> None:
        """Handle a click, in another thread while a cell is busy; an unknown message changes nothing."""
        with self._choosing:
            match content:
                case {"choose": "container", "value": name} if name in self._watcher.names:
                    self._container = name
                case {"choose": "seconds", "value": str(text)} if text.isdecimal():
                    self._seconds = min(max(float(text), 10.0), LONGEST_SECONDS)
                case {"pause": wanted}:
                    self._paused_at = time.time() if wanted else None
                case {"stop": True}:
                    self._stop.set()

            widget = self._widget
            if widget is not None:
                widget.chosen = self._chosen_values()
                widget.paused = self._pause_text()

        self._wake.set()

    def _pause_text(self) -> str:
        """Return the status of a paused dashboard; "" while it is not paused."""
        if self._paused_at is None:
            return ""
        return f"Paused at {pd.Timestamp(self._paused_at, unit='s'):%H:%M:%S} UTC; what happens meanwhile is kept"


def _tables_html(view: View, tables: Tables) -> str:
    """Return the data of the picture as five folded tables; `rendered.table` escapes every value."""
    events = tables.events[tables.events["what"].isin(list(EVENTS))]
    states = []
    for row in view.rows:
        states += [(view.clock(run.start), view.clock(run.end), row.name, run.label) for run in row.runs]
    faults = [(view.clock(span.start), view.clock(span.end), span.label) for span in view.spans]

    frames = {
        "Requests": tables.requests,
        "Resources": tables.resources,
        "Health, state by state": pd.DataFrame(states, columns=["from", "to", "what", "state"]),
        "Events": events[["time", "container", "what", "detail", "exit_code"]],
        "Faults": pd.DataFrame(faults, columns=["from", "to", "fault"]),
    }
    return "".join(_folded_table(name, frame) for name, frame in frames.items())


def _folded_table(name: str, frame: pd.DataFrame) -> str:
    """Return the newest rows of a frame as a table that is folded below its name."""
    rows = [list(map(cell, row)) for row in frame.tail(TABLE_ROWS).itertuples(index=False)]
    caption = name
    if len(frame) > TABLE_ROWS:
        caption += f", the newest of {len(frame)} rows"
    return folded(f"Data: {caption} ({len(rows)} shown)", caption, list(frame.columns), rows)
