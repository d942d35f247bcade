"""The live chart: a growing table, drawn twice a second until it is stopped or its time is over."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

import pandas as pd
from IPython.display import DisplayHandle, display

from workshop_kit.display import charts
from workshop_kit.display.live_data import Panel, container_panels, describe, read, times
from workshop_kit.display.live_figure import LiveRenderer, figure
from workshop_kit.display.live_widget import LiveWidget, answer_while_busy
from workshop_kit.display.rendered import Rendered, error
from workshop_kit.display.tables import folded
from workshop_kit.errors import WorkshopError

__all__ = ["LiveChart", "Panel", "Screens", "container_panels"]

TABLE_ROWS = 300  # the newest ones


class Live(Protocol):
    """An output that runs until it is stopped."""

    def stop(self) -> None:
        """End it; a second call changes nothing."""


class Screens:
    """The live outputs of one notebook, by name: showing a name again ends its former output."""

    def __init__(self, *, headless: bool = False) -> None:
        self.headless = headless
        self._lock = threading.Lock()
        self._live: dict[str, Live] = {}

    def replace(self, name: str, chart: Live) -> None:
        """Register ``chart`` under ``name``, and end its former output."""
        with self._lock:
            before = self._live.get(name)
            self._live[name] = chart
        if before is not None and before is not chart:
            before.stop()

    def end(self, name: str) -> None:
        """End the output of that name, if there is one."""
        with self._lock:
            before = self._live.pop(name, None)
        if before is not None:
            before.stop()

    def stop(self) -> None:
        """End all live outputs."""
        with self._lock:
            charts_now = list(self._live.values())
        for chart in charts_now:
            chart.stop()


class LiveChart:
    """Draws the last ``seconds`` of the table that ``source`` returns, ``hz`` times a second.

    The table has a column ``time`` (timestamps or seconds since 1970) and those of the panels; ``source`` is called
    from a thread. ``show`` starts the chart, which leaves a picture with its data. In a headless run ``show`` waits
    ``headless_seconds`` for data and draws once; ``stop`` draws again.
    """

    def __init__(
        self,
        source: Callable[[], pd.DataFrame],
        panels: Sequence[Panel],
        title: str = "Live",
        hz: float = 2,
        seconds: float = 60,
        stop_after_seconds: float = 120,
        headless_seconds: float = 3,
    ) -> None:
        self._source, self._panels, self.title = source, tuple(panels), title
        self._interval, self._seconds = 1 / hz, seconds
        self._stop_after, self._headless_seconds = stop_after_seconds, headless_seconds
        self._stop = threading.Event()
        self._wake = threading.Event()  # set to draw the next picture at once
        self._thread: threading.Thread | None = None
        self._handle: DisplayHandle | None = None
        self._widget: LiveWidget | None = None
        self._pages = 0  # how many times a page has shown the widget
        self._newest = (0.0, 0.0)  # the newest row's time, and when (monotonic) it was first seen
        self._started = 0.0
        self._problem = ""
        self._renderer = LiveRenderer(title, seconds)

    @property
    def is_running(self) -> bool:
        """Whether the chart is live."""
        return self._thread is not None and self._thread.is_alive()

    def show(self, screens: Screens, name: str = "") -> Self:
        """Show the chart below the running cell; it ends the former chart of that name (or title)."""
        screens.replace(name or self.title, self)
        self.stop()
        self._stop.clear()
        self._wake.clear()
        self._problem, self._started, self._pages = "", time.monotonic(), 0
        if screens.headless:
            self._stop.wait(min(self._headless_seconds, self._stop_after))
            self._handle = display(self.picture(), display_id=True)  # type: ignore[no-untyped-call]
            return self
        self._widget = self._new_widget()
        self._widget.on_msg(self._clicked)
        answer_while_busy(self._widget)
        self._handle = display(self._widget, display_id=True)  # type: ignore[no-untyped-call]
        name = f"live chart: {self.title}"
        self._thread = threading.Thread(target=self._run, args=(self._widget,), name=name, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """End the chart and wait for its picture; a second call changes nothing."""
        self._stop.set()
        self._wake.set()
        thread = self._thread
        if thread is not None:
            thread.join()
        elif self._handle is not None:
            self._finish()
        self._thread = None

    def wait(self) -> None:
        """Wait until the chart ends by itself or by its button."""
        if self._thread is not None:
            self._thread.join()

    def picture(self) -> Rendered:
        """Return what it shows now as a static picture, with the data in a folded table."""
        try:
            frame = self._source()
            seconds = (
                max(self._seconds, 1.0 * round(time.monotonic() - self._started)) if self._started else self._seconds
            )
            newest = float(times(frame).max()) if len(frame) else 0.0
            said = describe(self.title, read(frame, self._panels, newest, seconds), seconds)
            drawn = figure(frame, self._panels, self.title, seconds=seconds)
        except Exception as failure:
            return error(_problem_of(failure))
        return charts.picture(drawn, said, _data_html(frame, self._panels, self._problem))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None) -> None:
        self.stop()

    def _clicked(self, _: object, content: Mapping[str, Any], __: object) -> None:
        """Handle the Stop button and a page's hello; runs in another thread while a cell is busy."""
        if content.get("hello"):
            self._pages += 1
        if content.get("stop"):
            self._stop.set()
            self._wake.set()

    def _new_widget(self) -> LiveWidget:
        return LiveWidget(title=self.title)

    def _run(self, widget: LiveWidget) -> None:
        due = time.monotonic()
        end = due + self._stop_after
        while not self._stop.is_set() and due < end:
            try:
                self._draw(widget)
            except Exception as failure:  # the page says it, whatever the source raises
                self._problem = _problem_of(failure)
                break
            due = max(due + self._interval, time.monotonic())
            self._wake.wait(due - time.monotonic())
            self._wake.clear()
        self._finish()

    def _draw(self, widget: LiveWidget) -> None:
        frame = self._source()
        plots = read(frame, self._panels, self._right_edge(frame), self._seconds)
        self._send(widget, self._renderer.png(plots), describe(self.title, plots, self._seconds))

    def _send(self, widget: LiveWidget, picture: bytes, said: str) -> None:
        with widget.hold_sync():  # one message for both
            widget.alt = said
            widget.frame = picture

    def _right_edge(self, frame: pd.DataFrame) -> float:
        """Now, on the data's clock: it moves on without new rows, and may differ from this machine's."""
        newest = float(times(frame).max()) if len(frame) else 0.0
        if newest != self._newest[0]:
            self._newest = (newest, time.monotonic())
        return self._newest[0] + time.monotonic() - self._newest[1]

    def _finish(self) -> None:
        """Replace the widget by the static picture.

        A reloaded page no longer knows which output the picture would replace: there the widget becomes the picture.
        """
        handle, self._handle = self._handle, None
        widget, self._widget = self._widget, None
        if handle is None:
            return
        picture = self.picture()
        handle.update(picture)  # type: ignore[no-untyped-call]
        if widget is not None and self._pages > 1:
            widget.ending = picture.html
        elif widget is not None:
            widget.close()


def _problem_of(failure: Exception) -> str:
    """One sentence; of other errors only the type, since their text may hold a secret."""
    if isinstance(failure, WorkshopError):
        return str(failure)
    return f"The chart ended because its data source failed ({type(failure).__name__}). Run its cell again."


def cell(value: object) -> str:
    """Return a value as a table shows it: times of day, whole numbers without a point, "" for unknown ones."""
    if value is None or value is pd.NA:
        return ""
    if isinstance(value, pd.Timestamp):
        return f"{value:%H:%M:%S.%f}"[:-5]
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:,.0f}" if value.is_integer() else f"{value:,.2f}"
    return str(value)


def _data_html(frame: pd.DataFrame, panels: Sequence[Panel], problem: str) -> str:
    """The problem, and the newest rows of the panels' columns as a folded table."""
    names = dict.fromkeys(["time", *(p.by for p in panels), *(c for p in panels for c in (*p.columns, p.limit))])
    columns = [name for name in names if name and name in frame]
    rows = [[cell(value) for value in row] for row in frame[columns].tail(TABLE_ROWS).itertuples(index=False)]
    count = f"{len(rows)} rows" if len(rows) == len(frame) else f"the newest {len(rows)} of {len(frame)} rows"
    return error(problem).html + folded(f"Data: {count}", count, columns, rows)
