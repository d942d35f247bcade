"""The explorer's state without a page: messages in, plain data out. Safe from any thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from workshop_kit.errors import WorkshopError
from workshop_kit.screen import visible
from workshop_kit.search import FrameStore
from workshop_kit.search.explorer.hits import Hits, StoreState, extend_hits, state_of
from workshop_kit.search.explorer.page import View, missed, page_of, record, request_of, summary
from workshop_kit.search.query import SearchMistake, parse

PAUSES = frozenset({"span", "page", "group", "request", "open", "pause"})
"""Messages after which new lines wait, so that they do not move the page."""


class ExplorerModel:
    """One store, the selected page, and its hits.

    ``known`` is the place of added lines that do not name it (``service="orders"``). ``page`` is the page as data (see
    `page_of`), ``missed`` the gaps, ``problem`` one sentence for a failed message, ``opened`` the open line,
    ``failure`` the last unexpected error.
    """

    def __init__(self, store: FrameStore, query: str = "", **known: str) -> None:
        self.store, self.view, self.known = store, View(query), known
        self.page: dict[str, Any] = {}
        self.problem: dict[str, Any] = {}
        self.missed: list[str] = []
        self.opened: dict[str, Any] = {}
        self.failure: Exception | None = None
        self.follows, self.paused = False, False
        self._before = self.view  # for "back"
        self._hits = self._hits_now = Hits("TRUE", ())  # on the page, and with the lines since the pause
        self._columns: Mapping[str, str] = {}
        self._version = 0  # of the numbers of lines
        self._lock = threading.RLock()

    @property
    def new(self) -> int:
        """How many matching lines came since the pause."""
        return len(self._hits_now) - len(self._hits)

    def handle(self, message: Mapping[str, Any]) -> None:
        """Handle a message of the page (``{"do": "search", "query": …}``); never raises.

        An error becomes ``problem``, and the page stays.
        """
        do = str(message.get("do", ""))
        work: dict[str, Callable[[], None]] = {
            "search": lambda: self._show(View(str(message["query"]), self.view.span), anew=True),
            "span": lambda: self._show(replace(self.view, span=(int(message["from"]), int(message["to"])), page=0)),
            "whole": lambda: self._show(replace(self.view, span=None, page=0)),
            "page": lambda: self._show(replace(self.view, page=int(message["page"]))),
            "group": lambda: self._show(replace(self.view, grouped=bool(message["on"]), page=0)),
            "request": lambda: self._show_request(int(message["row"])),
            "back": lambda: self._show(self._before),
            "open": lambda: self._open(int(message["row"])),
            "pause": lambda: None,
            "resume": self._resume,
        }
        with self._lock:
            if do in work:
                self.problem = {}
                self._attempt(work[do], str(message.get("query", "")))
                self.paused = self.follows and (do in PAUSES or (self.paused and do != "resume"))

    def add(self, frame: pd.DataFrame) -> None:
        """Add lines to the store; raises what the store raises."""
        with self._lock:
            self.store.add(frame, **self.known)

    def refresh(self) -> None:
        """Show new lines, or count them while paused."""
        with self._lock:
            self._attempt(self._count if self.paused else lambda: self._show(self.view))

    def finish(self) -> None:
        """Show all lines: no more come."""
        with self._lock:
            self.paused = False
            self.refresh()
            self.follows = False

    def _attempt(self, work: Callable[[], None], query: str = "") -> None:
        try:
            work()
        except SearchMistake as error:
            before = visible(query[: error.position])  # a control character is written with several
            self.problem = {"text": str(error), "query": visible(query), "position": len(before)}
        except WorkshopError as error:
            self.problem = {"text": visible(str(error))}
        except Exception as error:  # its text may hold anything, so the page gets its type only
            self.failure = error
            said = f"The store could not answer ({type(error).__name__})."
            self.problem = {"text": f"{said} Try it again, or run this cell again."}

    def _show(self, view: View, *, anew: bool = False) -> None:
        """Search, then change the page; where only lines were added, search only those."""
        began = time.perf_counter()
        there, version = state_of(self.store), self._version
        if anew or self._needs_new_search(view, there):
            condition = Hits(*self._condition(view, there.columns), first=there.first)
            hits = current = extend_hits(condition, self.store, there)
            version += 1
        else:
            current = self._hits_now if self.paused else extend_hits(self._hits_now, self.store, there)
            hits = self._hits if self.paused else current
        page = page_of(self.store, hits, view, there)
        missing = missed(self.store)
        took = round(1000 * (time.perf_counter() - began))
        told = {"query": view.query, "request": visible(view.request or ""), "milliseconds": took, "version": version}
        version += (page["groups"] < 0) != (self.page.get("groups", -1) < 0)  # grouped lines have other cells
        self.page = {**page, "summary": summary(page), **told}
        self.view, self._hits, self._hits_now = view, hits, current
        self._columns, self._version, self.missed = there.columns, version, missing

    def _needs_new_search(self, view: View, there: StoreState) -> bool:
        """Whether the hits do not belong to this view of this store."""
        same = (view.query, view.request) == (self.view.query, self.view.request) and bool(self.page)
        return not same or there.columns != self._columns or self._has_changed(there)

    def _has_changed(self, there: StoreState) -> bool:
        """Whether the numbers of lines may have changed; a store with live lines only grows."""
        return not self.follows and (there.first, there.end) != (self._hits_now.first, self._hits_now.end)

    def _require_same(self) -> None:
        if self._has_changed(state_of(self.store)):
            self._show(self.view)
            raise WorkshopError("There are new lines, so the table was renewed.", "Choose the line again.")

    def _condition(self, view: View, columns: Mapping[str, str]) -> tuple[str, list[Any]]:
        if view.request is not None:
            return "CAST(request_id AS VARCHAR) = ?", [view.request]
        search = parse(view.query)
        if search.unknown(columns):
            self.store.search(view.query, 1)  # the store knows whether any line has such a field, and says so
        return search.where(columns)

    def _show_request(self, row: int) -> None:
        self._require_same()
        request = request_of(self.store, row)
        if request is None:
            raise WorkshopError("This line names no request.", "Choose one that has a request_id.")
        before = self.view if self.view.request is None else self._before
        self._show(View(before.query, request=request, grouped=before.grouped))
        self._before = before

    def _open(self, row: int) -> None:
        self._require_same()
        self.opened = {"row": row, "fields": [list(field) for field in record(self.store, row)]}

    def _count(self) -> None:
        self._hits_now = extend_hits(self._hits_now, self.store, state_of(self.store))
        self.missed = missed(self.store)

    def _resume(self) -> None:
        self.paused = False
        self._show(View(self.view.query))
