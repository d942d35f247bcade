"""The log explorer's widget: words and levels to look for, bars in time, one request's lines, and new lines."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import anywidget
import pandas as pd
import traitlets
from IPython.display import DisplayHandle, display

from workshop_kit.display.live import LiveOutputs
from workshop_kit.display.rendered import Rendered
from workshop_kit.display.widget_job import DOM, answer_while_busy
from workshop_kit.errors import WorkshopError
from workshop_kit.observe.logs import LogFollower
from workshop_kit.search.log_page import CSS, LEVELS, Selection, page_of, searchable, static_page
from workshop_kit.untrusted_text import visible

MAX_LINES = 200_000
POLL_SECONDS = 0.5
HEADLESS_SECONDS = 1.5
JOIN_SECONDS = 10.0


class Explorer:
    """Shows the lines of a log reader's ``frame``, first those with ``words``.

    With a ``follower`` new lines of ``service`` are added until `stop`. In a headless run it follows for a moment, and
    shows the static page alone.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        words: str = "",
        *,
        title: str = "Log explorer",
        follower: LogFollower | None = None,
        service: str = "",
    ) -> None:
        self.title = visible(title)
        self._lines = searchable(frame, service)
        self._selection = Selection(words)
        self._problem = ""
        self._is_paused = False
        self._follower = follower
        self._service = service
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._widget: ExplorerWidget | None = None
        self._twin: DisplayHandle | None = None
        self._lock = threading.RLock()

    def show(self, live_outputs: LiveOutputs) -> Self:
        """Show it below the running cell; it replaces the one shown before with its title."""
        live_outputs.replace(self.title, self.stop)
        if self._follower is not None:
            name = f"explorer: {self.title}"
            self._thread = threading.Thread(target=self._follow, args=(self._follower,), name=name, daemon=True)
            self._thread.start()

        if live_outputs.headless:
            if self._thread is not None:
                self._thread.join(HEADLESS_SECONDS)
            self.stop()
            display(self.page())  # type: ignore[no-untyped-call]
            return self

        with self._lock:
            self._widget = ExplorerWidget(title=self.title, levels=list(LEVELS), words=self._selection.words)
            self._draw()
        self._widget.on_msg(self._on_message)
        answer_while_busy(self._widget)
        display(self._widget)  # type: ignore[no-untyped-call]
        self._twin = display(self.page(), display_id=True)  # type: ignore[no-untyped-call]
        return self

    def stop(self) -> None:
        """End the live lines, if there are any; the lines so far can still be searched."""
        self._stop.set()
        if self._thread is None:
            return
        self._thread.join(JOIN_SECONDS)
        self._draw()
        if self._twin is not None:
            self._twin.update(self.page())  # type: ignore[no-untyped-call]

    def page(self) -> Rendered:
        """Return the static page of the current selection."""
        with self._lock:
            return static_page(self.title, self._selection, page_of(self._lines, self._selection), self._problem)

    def select(self, message: Mapping[str, Any]) -> None:
        """Show the lines that a message of the page asks for: its ``words``, ``levels``, ``request`` and ``paused``."""
        levels = tuple(str(level) for level in message.get("levels", LEVELS))
        with self._lock:
            self._selection = Selection(str(message.get("words", "")), levels, str(message.get("request", "")))
            self._is_paused = bool(message.get("paused"))
            self._draw()

    def add(self, frame: pd.DataFrame) -> None:
        """Add new lines, and show them unless the page is paused; the newest `MAX_LINES` are kept."""
        if frame.empty:
            return
        with self._lock:
            all_lines = pd.concat([self._lines, searchable(frame, self._service)], ignore_index=True)
            self._lines = all_lines.tail(MAX_LINES).reset_index(drop=True)
            if not self._is_paused:
                self._draw()

    def _on_message(self, _: object, content: Mapping[str, Any], __: object) -> None:
        """Answer a message of the page; it runs in a thread of its own while a cell is busy."""
        if "words" in content:
            self.select(content)

    def _follow(self, follower: LogFollower) -> None:
        """Add new lines until `stop`, or until the container is removed."""
        try:
            while not follower.has_ended:
                self.add(follower.poll())
                if self._stop.wait(POLL_SECONDS):
                    return
            self._problem = "The container was removed."
        except WorkshopError as error:
            self._problem = visible(str(error))
        except Exception as error:  # its text may hold anything
            self._problem = f"Following has ended ({type(error).__name__}). Run this cell again."
        self._draw()

    def _draw(self) -> None:
        """Send the page to the widget in one message, from any thread."""
        with self._lock:
            if self._widget is None:
                return
            is_live = self._thread is not None and not self._stop.is_set() and not self._problem
            page = page_of(self._lines, self._selection)
            with self._widget.hold_sync():
                self._widget.page = {**page, "problem": self._problem, "live": is_live, "paused": self._is_paused}
                self._widget.answered += 1


class ExplorerWidget(anywidget.AnyWidget):
    """The widget of an `Explorer`; it sends messages like ``{"words": …, "levels": …, "request": …, "paused": …}``."""

    _esm = DOM + (Path(__file__).parent / "explorer.js").read_text()
    _css = CSS
    title = traitlets.Unicode().tag(sync=True)
    levels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    words = traitlets.Unicode().tag(sync=True)  # those of the beginning
    page = traitlets.Dict().tag(sync=True)  # see `page_of`; ``problem``, ``live``, ``paused``
    answered = traitlets.Int().tag(sync=True)  # number of pages sent

    def __repr__(self) -> str:
        """Return an empty text: an exported notebook shows it above the static page."""
        return ""
