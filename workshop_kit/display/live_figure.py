"""A figure below a cell that is drawn again once a second, until it is stopped; then its last picture stays."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import anywidget
import traitlets
from IPython.display import DisplayHandle, display

from workshop_kit.display.timeline import Timeline
from workshop_kit.display.widget_job import DOM

HERE = Path(__file__).parent
INTERVAL_SECONDS = 1.0
STOP_AFTER_SECONDS = 3600.0
SHORTEST_SPAN = timedelta(seconds=10)
LONGEST_SPAN = timedelta(minutes=5)


class FigureWidget(anywidget.AnyWidget):
    """A picture that is replaced: ipywidgets' Image flickers, has no alt text, and misses a kernel's end."""

    _esm = DOM + (HERE / "live_figure.js").read_text()
    _css = HERE / "charts.css"
    title = traitlets.Unicode().tag(sync=True)
    png = traitlets.Bytes().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    count = traitlets.Int().tag(sync=True)  # changes with every picture: the kernel is alive
    ended = traitlets.Bool().tag(sync=True)


class LiveFigure:
    """Shows what ``draw`` returns, once a second in a thread, for an hour at most.

    In a headless run it is a picture, which is replaced once, at the end.
    """

    def __init__(self, title: str, draw: Callable[[], Timeline]) -> None:
        self.title = title
        self._draw = draw
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._draw_until_stopped, name=f"figure: {title}", daemon=True)
        self._widget: FigureWidget | None = None
        self._handle: DisplayHandle | None = None

    def show(self, *, headless: bool = False) -> Self:
        """Show it below the running cell."""
        if headless:
            self._handle = display(self._draw().picture(), display_id=True)  # type: ignore[no-untyped-call]
            return self

        self._widget = FigureWidget(title=self.title)
        self._handle = display(self._widget, display_id=True)  # type: ignore[no-untyped-call]
        self._thread.start()
        return self

    def stop(self) -> None:
        """End the drawing, and leave the last picture in place of the widget; a second call changes nothing."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._finish()

    def _draw_until_stopped(self) -> None:
        """Send a picture to the page once a second."""
        for _ in range(round(STOP_AFTER_SECONDS / INTERVAL_SECONDS)):
            self._send(self._draw())
            if self._stop.wait(INTERVAL_SECONDS):
                return
        self._finish()

    def _send(self, timeline: Timeline) -> None:
        """Send the next picture and its text to the page, in one message."""
        widget = self._widget
        if widget is None:
            return
        png = timeline.png()
        with widget.hold_sync():
            widget.png = png
            widget.alt = timeline.text()
            widget.count += 1

    def _finish(self) -> None:
        """Replace the widget by the last picture, once. A page that was reloaded meanwhile keeps the widget."""
        handle = self._handle
        self._handle = None
        if handle is None:
            return

        timeline = self._draw()
        handle.update(timeline.picture())  # type: ignore[no-untyped-call]
        self._send(timeline)
        if self._widget is not None:
            self._widget.ended = True


def live_span(started: datetime) -> tuple[datetime, datetime]:
    """Return the time that a live figure shows: from ``started`` until now, within the limits."""
    now = datetime.now(UTC)
    return now - min(max(now - started, SHORTEST_SPAN), LONGEST_SPAN), now
