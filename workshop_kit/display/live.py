"""The live chart: a table that grows, drawn twice a second, until it is told to stop or its time is over."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from html import escape
from types import TracebackType
from typing import Any, Protocol, Self

import pandas as pd
from IPython.display import DisplayHandle, display

from workshop_kit.display import charts
from workshop_kit.display.live_data import Panel, container_panels, describe, read, times
from workshop_kit.display.live_figure import Frames, figure
from workshop_kit.display.live_widget import LiveWidget, answer_while_busy
from workshop_kit.display.rendered import Shown
from workshop_kit.display.tables import table
from workshop_kit.errors import WorkshopError

__all__ = ["LiveChart", "Panel", "Screens", "container_panels"]

TABLE_ROWS = 300  # in the saved page; the newest ones


class Live(Protocol):
    """Something on the page that goes on until it is stopped."""

    def stop(self) -> None:
        """End it; a second call changes nothing."""


class Screens:
    """What is live in one notebook, by name: showing one again ends the one before. A handle to pass in."""

    def __init__(self, *, headless: bool = False) -> None:
        self.headless = headless
        self._lock = threading.Lock()
        self._live: dict[str, Live] = {}

    def replace(self, name: str, chart: Live) -> None:
        """Put ``chart`` under ``name``, and end the one that stood there."""
        with self._lock:
            before = self._live.get(name)
            self._live[name] = chart
        if before is not None and before is not chart:
            before.stop()

    def end(self, name: str) -> None:
        """End what stands under ``name``, if anything does."""
        with self._lock:
            before = self._live.pop(name, None)
        if before is not None:
            before.stop()

    def stop(self) -> None:
        """End all that is live."""
        with self._lock:
            charts_now = list(self._live.values())
        for chart in charts_now:
            chart.stop()


class LiveChart:
    """Draws what ``source`` gives, ``hz`` times a second, over the last ``seconds``.

    ``source`` returns the table so far, with a column ``time`` (timestamps or seconds since 1970) and the columns that
    the panels name; it is called from a thread. ``show`` starts it, and at its end puts a picture and the data in its
    place. In a headless run ``show`` waits ``headless_seconds`` for data and draws once; ``stop`` draws it again.
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
        self._wake = threading.Event()  # set by who wants the next picture at once
        self._thread: threading.Thread | None = None
        self._handle: DisplayHandle | None = None
        self._widget: LiveWidget | None = None
        self._pages = 0  # how often a page has shown the widget
        self._newest = (0.0, 0.0)  # the newest row's time, and when on our clock it was first seen
        self._started = 0.0
        self._problem = ""
        self._frames = Frames(title, seconds)

    @property
    def is_running(self) -> bool:
        """Whether it still draws."""
        return self._thread is not None and self._thread.is_alive()

    def show(self, screens: Screens, name: str = "") -> Self:
        """Show the chart below the running cell, in place of the one shown before under ``name`` (its title)."""
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
        """End it and wait until its picture stands; a second call changes nothing."""
        self._stop.set()
        self._wake.set()
        thread = self._thread
        if thread is not None:
            thread.join()
        elif self._handle is not None:
            self._finish()
        self._thread = None

    def wait(self) -> None:
        """Wait until it ends by itself or by its button."""
        if self._thread is not None:
            self._thread.join()

    def picture(self) -> Shown:
        """What it shows now, as a static picture with the data in a folded table."""
        try:
            frame = self._source()
            seconds = (
                max(self._seconds, 1.0 * round(time.monotonic() - self._started)) if self._started else self._seconds
            )
            newest = float(times(frame).max()) if len(frame) else 0.0
            said = describe(self.title, read(frame, self._panels, newest, seconds), seconds)
            drawn = figure(frame, self._panels, self.title, seconds=seconds)
        except Exception as error:
            return _sentence(_problem_of(error))
        return charts.picture(drawn, said, _data_html(frame, self._panels, self._problem))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None) -> None:
        self.stop()

    def _clicked(self, _: object, content: Mapping[str, Any], __: object) -> None:
        """Handle the Stop button, and a page's hello; runs in a thread of its own while a cell is busy."""
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
            except Exception as error:  # whatever the source does, the page says it instead of standing still
                self._problem = _problem_of(error)
                break
            due = max(due + self._interval, time.monotonic())
            self._wake.wait(due - time.monotonic())
            self._wake.clear()
        self._finish()

    def _draw(self, widget: LiveWidget) -> None:
        frame = self._source()
        plots = read(frame, self._panels, self._right_edge(frame), self._seconds)
        self._send(widget, self._frames.png(plots), describe(self.title, plots, self._seconds))

    def _send(self, widget: LiveWidget, picture: bytes, said: str) -> None:
        with widget.hold_sync():  # one message for both
            widget.alt = said
            widget.frame = picture

    def _right_edge(self, frame: pd.DataFrame) -> float:
        """Now, on the clock of the data: it moves on when no rows come, and another machine's clock may be wrong."""
        newest = float(times(frame).max()) if len(frame) else 0.0
        if newest != self._newest[0]:
            self._newest = (newest, time.monotonic())
        return self._newest[0] + time.monotonic() - self._newest[1]

    def _finish(self) -> None:
        """Put the static picture where the widget was, and take the widget away.

        A page that was reloaded finds the widget again, but no longer knows which output the picture would replace:
        there the widget becomes the picture.
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


def _problem_of(error: Exception) -> str:
    """One sentence; of an error that is not ours only the kind, since its words may hold anything."""
    if isinstance(error, WorkshopError):
        return str(error)
    return f"The chart ended because its data source failed ({type(error).__name__}). Run its cell again."


def _sentence(text: str) -> Shown:
    return Shown(f'<div role="status">▲ {escape(text)}</div>', text)


def _data_html(frame: pd.DataFrame, panels: Sequence[Panel], problem: str) -> str:
    """The newest rows of what the panels show, as a folded table; every value is escaped by `tables.table`."""
    names = dict.fromkeys(["time", *(p.by for p in panels), *(c for p in panels for c in (*p.columns, p.limit))])
    columns = [name for name in names if name and name in frame]
    rows = [[_cell(value) for value in row] for row in frame[columns].tail(TABLE_ROWS).itertuples(index=False)]
    count = f"{len(rows)} rows" if len(rows) == len(frame) else f"the newest {len(rows)} of {len(frame)} rows"
    said = f'<p role="status">▲ {escape(problem)}</p>' if problem else ""
    return f"{said}<details><summary>Data: {count}</summary><div>{table(count, columns, rows).html}</div></details>"


def _cell(value: object) -> str:
    if isinstance(value, pd.Timestamp):
        return f"{value:%H:%M:%S.%f}"[:-4]
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.0f}" if value.is_integer() else f"{value:.3f}"
    return str(value)
