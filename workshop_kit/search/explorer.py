"""The log explorer: search the lines of a FrameStore, see their times, open one, follow one request, watch new lines.

`ExplorerModel` is its state without a page, `Explorer` the widget and the thread around it; `explorer_page` makes the
page, as data and as static HTML.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import anywidget
import pandas as pd
import traitlets
from IPython.display import DisplayHandle, display

from workshop_kit.display.live import DOM, LiveOutputs, answer_while_busy
from workshop_kit.display.rendered import Rendered
from workshop_kit.errors import WorkshopError
from workshop_kit.search.explorer_page import (
    CSS,
    ExplorerView,
    condition_of,
    field_texts,
    gap_notes,
    page_of,
    request_of,
    static_page,
)
from workshop_kit.search.language import CHEAT_SHEET, SearchMistake
from workshop_kit.search.log_table import FrameStore
from workshop_kit.untrusted_text import visible

FOLDER = Path(__file__).parent
Follow = Callable[[threading.Event], Iterable[pd.DataFrame]]
"""Called with an event, it yields frames of lines until the event is set; an empty frame is a sign of life."""
HEADLESS_SECONDS = 1.5
JOIN_SECONDS = 10.0
ACTIONS = frozenset({"search", "span", "whole", "page", "group", "request", "back", "open", "pause", "resume"})
"""What a message of the page may ask for."""
PAUSES = frozenset({"span", "page", "group", "request", "open", "pause"})
"""Messages after which new lines wait, so that they do not move the page."""
KEEPS_ROWS = frozenset({"page", "open", "pause"})
"""Messages after which a row of the table still shows the same."""


class ExplorerModel:
    """A store, and the page that is selected from its lines.

    ``place`` is that of added lines that do not name it (``service="orders"``). ``page`` is the page as data (see
    `page_of`), ``gap_notes`` the gaps, ``problem`` one sentence for a failed message, ``opened`` the open line,
    ``new_lines`` the number of matching lines since the pause.
    """

    def __init__(self, store: FrameStore, query: str = "", **place: str) -> None:
        self.store = store
        self.view = ExplorerView(query)
        self.place = place
        self.page: dict[str, Any] = {}
        self.problem: dict[str, Any] = {}
        self.gap_notes: list[str] = []
        self.opened: dict[str, Any] = {}
        self.follows = False
        self.paused = False
        self.new_lines = 0

        self._previous_view = self.view  # for "back"
        self._end = 0  # the page shows only lines with lower numbers
        self._version = 0  # changes when a row of the table may show another line
        self._lock = threading.RLock()

    def handle(self, message: Mapping[str, Any]) -> None:
        """Handle a message of the page (``{"do": "search", "query": …}``); never raises.

        An error becomes ``problem``, and the page stays.
        """
        action = str(message.get("do", ""))
        if action not in ACTIONS:
            return

        with self._lock:
            self.problem = {}
            if action not in KEEPS_ROWS:
                self._version += 1
            self._attempt(partial(self._do, action, message), str(message.get("query", "")))

            stays_paused = self.paused and action != "resume"
            self.paused = self.follows and (action in PAUSES or stays_paused)

    def _do(self, action: str, message: Mapping[str, Any]) -> None:
        """Do what a message asks for. Raises if a value is missing, or if the store does."""
        match action:
            case "search":
                self._show(ExplorerView(str(message["query"]), self.view.span), anew=True)
            case "resume":
                self._show(ExplorerView(self.view.query), anew=True)
            case "span":
                span = (int(message["from"]), int(message["to"]))
                self._show(replace(self.view, span=span, page=0))
            case "whole":
                self._show(replace(self.view, span=None, page=0))
            case "page":
                self._show(replace(self.view, page=int(message["page"])))
            case "group":
                self._show(replace(self.view, grouped=bool(message["on"]), page=0))
            case "request":
                self._show_request(int(message["row"]))
            case "back":
                self._show(self._previous_view)
            case "open":
                self._open(int(message["row"]))

    def add(self, frame: pd.DataFrame) -> None:
        """Add lines to the store, and show them, or count them while paused."""
        with self._lock:
            self.store.add(frame, **self.place)
            self._attempt(self._refresh)

    def finish(self) -> None:
        """Show all lines: no more come."""
        with self._lock:
            self.paused = False
            self.follows = False
            self._attempt(self._refresh)

    def _refresh(self) -> None:
        """Show the new lines; while paused only count them."""
        if self.paused:
            self._count_new_lines()
        else:
            self._show(self.view)

    def _attempt(self, work: Callable[[], None], query: str = "") -> None:
        """Do ``work``; an error becomes the ``problem``. ``query`` is the search in which a mistake may be."""
        try:
            work()
        except SearchMistake as error:
            text_before_mistake = visible(query[: error.position])  # longer, if a control character is written out
            self.problem = {"text": str(error), "query": visible(query), "position": len(text_before_mistake)}
        except Exception as error:
            self.problem = {"text": _error_text(error, "The store could not answer")}

    def _show(self, view: ExplorerView, *, anew: bool = False) -> None:
        """Search, then change the page; without ``anew`` a paused page shows no lines newer than the pause."""
        start = time.perf_counter()
        end = self._end if self.paused and not anew else self.store.end
        page = page_of(self.store, view, end)
        milliseconds = round(1000 * (time.perf_counter() - start))

        self.page = {**page, "milliseconds": milliseconds, "version": self._version}
        self.view = view
        self._end = end
        self.gap_notes = gap_notes(self.store)
        if anew or not self.paused:
            self.new_lines = 0

    def _show_request(self, row: int) -> None:
        """Show all lines of the request that a line belongs to; "back" returns to the search."""
        request = request_of(self.store, row)
        if request is None:
            raise WorkshopError("This line names no request.", "Choose one that has a request_id.")

        search_view = self.view if self.view.request is None else self._previous_view
        self._show(ExplorerView(search_view.query, request=request, grouped=search_view.grouped))
        self._previous_view = search_view

    def _open(self, row: int) -> None:
        """Make a line the open one, with all its fields."""
        self.opened = {"row": row, "fields": [list(field) for field in field_texts(self.store, row)]}

    def _count_new_lines(self) -> None:
        """Count the lines since the pause that match."""
        condition = condition_of(self.store, self.view)
        query = f"SELECT count(*) AS lines FROM logs WHERE row >= ? AND ({condition.sql})"  # noqa: S608 - values are parameters
        self.new_lines = int(self.store.select(query, [self._end, *condition.parameters])["lines"][0])
        self.gap_notes = gap_notes(self.store)


def _error_text(error: Exception, otherwise: str) -> str:
    """Return a WorkshopError's sentence; of others only the type, since their text may hold anything."""
    if isinstance(error, WorkshopError):
        return visible(str(error))
    return f"{otherwise} ({type(error).__name__}). Run this cell again."


class Explorer:
    """Searches the lines of ``store``, first with ``query``; with ``follow`` it also shows new lines.

    ``follow`` is called in a thread, and its lines are added to the store. ``place`` is where they are from, such as
    ``{"service": "orders"}``. Opening a line, paging, choosing a span or a request pauses the page, not the store. In a
    headless run ``show`` follows for a moment and shows the static page alone.
    """

    def __init__(
        self,
        store: FrameStore,
        query: str = "",
        *,
        follow: Follow | None = None,
        place: Mapping[str, str] | None = None,
        title: str = "Log explorer",
    ) -> None:
        self.title = visible(title)
        self.model = ExplorerModel(store, query, **(place or {}))
        self._source = follow
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._follow_problem = ""  # why following failed
        self._end_reason = ""  # why following ended
        self._widget: ExplorerWidget | None = None
        self._twin: DisplayHandle | None = None
        self._drawing_lock = threading.RLock()

    def show(self, live_outputs: LiveOutputs) -> Self:
        """Show it below the running cell; it replaces the one shown before with its title."""
        live_outputs.replace(self.title, self.stop)
        self.stop()
        if self._source is not None:
            self._start_following(self._source)
            if live_outputs.headless and self._thread is not None:
                self._thread.join(HEADLESS_SECONDS)
                self.stop()

        self.model.handle({"do": "search", "query": self.model.view.query})
        if live_outputs.headless:
            display(self.page())  # type: ignore[no-untyped-call]
            return self

        self._widget = ExplorerWidget(title=self.title, examples=[list(line) for line in CHEAT_SHEET], **self._state())
        self._widget.on_msg(self._on_message)
        answer_while_busy(self._widget)
        display(self._widget)  # type: ignore[no-untyped-call]
        self._twin = display(self.page(), display_id=True)  # type: ignore[no-untyped-call]
        return self

    def stop(self) -> None:
        """End the live lines, if there are any; the lines so far can still be searched."""
        if self._thread is None:
            return
        self._stop.set()
        self._thread.join(JOIN_SECONDS)
        if self._twin is not None:
            self._twin.update(self.page())  # type: ignore[no-untyped-call]

    def page(self) -> Rendered:
        """Return the static page of the current state."""
        model = self.model
        return static_page(self.title, model.view.query, model.page, model.problem.get("text", ""), model.gap_notes)

    def _on_message(self, _: object, content: Mapping[str, Any], __: object) -> None:
        """Answer a message of the page; it runs in a thread of its own while a cell is busy."""
        if "do" in content:
            self.model.handle(content)
            self._draw(answered=True)

    def _start_following(self, source: Follow) -> None:
        """Add the source's new lines in a thread from now on."""
        self.model.follows = True
        self._follow_problem = ""
        self._end_reason = ""
        self._stop.clear()
        name = f"explorer: {self.title}"
        self._thread = threading.Thread(target=self._follow, args=(source,), name=name, daemon=True)
        self._thread.start()

    def _follow(self, source: Follow) -> None:
        """Add the source's lines until it ends or is stopped; keep the reason of the end."""
        try:
            frames = source(self._stop)
            for frame in frames:
                if len(frame):
                    self.model.add(frame)
                if self._stop.is_set():
                    break
                self._draw()
            self._end_reason = visible(str(getattr(frames, "ended", "")))
        except Exception as error:
            self._follow_problem = _error_text(error, "Following ended because its source failed")

        self.model.finish()
        self._draw()

    def _draw(self, *, answered: bool = False) -> None:
        """Send the state to the page in one message, from any thread; with ``answered`` count an answered message."""
        if self._widget is None:
            return
        with self._drawing_lock, self._widget.hold_sync():
            for name, value in self._state().items():
                setattr(self._widget, name, value)
            self._widget.beat += 1
            if answered:
                self._widget.answered += 1

    def _state(self) -> dict[str, Any]:
        """Return the state of the widget, by trait."""
        model = self.model
        live_state = self._live_state()
        notes = list(model.gap_notes)
        if live_state == "ended" and self._thread is not None:
            notes.append(f"ended: {self._end_reason}" if self._end_reason else "ended")

        problem = model.problem
        if not problem and self._follow_problem:
            problem = {"text": self._follow_problem}

        return {
            "page": model.page,
            "problem": problem,
            "opened": model.opened,
            "live": {"state": live_state, "new": model.new_lines},
            "missed": notes,
        }

    def _live_state(self) -> str:
        """Return ``off``, ``following``, ``paused`` or ``ended``."""
        if self.model.follows:
            return "paused" if self.model.paused else "following"
        return "off" if self._source is None else "ended"


class ExplorerWidget(anywidget.AnyWidget):
    """The widget of an `Explorer`; it sends messages like ``{"do": "search", "query": …}`` and shows text only."""

    _esm = DOM + (FOLDER / "histogram.js").read_text() + (FOLDER / "explorer.js").read_text()
    _css = CSS
    title = traitlets.Unicode().tag(sync=True)
    examples = traitlets.List(traitlets.List()).tag(sync=True)  # [[a search, what it finds], …]
    page = traitlets.Dict().tag(sync=True)  # see `page_of`
    problem = traitlets.Dict().tag(sync=True)  # ``text``, for a mistake also ``query`` and ``position``; {} for none
    live = traitlets.Dict().tag(sync=True)  # ``state`` (off, following, paused, ended), ``new``: lines since the pause
    missed = traitlets.List(traitlets.Unicode()).tag(sync=True)  # gaps, and why following ended
    opened = traitlets.Dict().tag(sync=True)  # the open line: ``row``, ``fields`` [[name, text], …]
    answered = traitlets.Int().tag(sync=True)  # number of answered messages
    beat = traitlets.Int().tag(sync=True)  # changes at every poll while lines are followed

    def __repr__(self) -> str:
        """Return an empty text: an exported notebook shows it above the static page."""
        return ""
