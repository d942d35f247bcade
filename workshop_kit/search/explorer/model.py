"""What the explorer knows and answers, without a page: messages in, plain data out. Any thread may ask."""

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
from workshop_kit.search.explorer.hits import Hits, Survey, grown, survey
from workshop_kit.search.explorer.page import View, missed, page_of, record, request_of, summary
from workshop_kit.search.query import SearchMistake, parse

PAUSES = frozenset({"span", "page", "group", "request", "open", "pause"})
"""What makes new lines wait: who looks at something does not want it pushed away."""


class Desk:
    """One store, what is looked at, and what was found.

    ``known`` is the place of lines that are added, where they do not tell it themselves (``service="orders"``).
    ``shown`` is what the page draws (see `looking.page_of`), ``missed`` what of the lines may be missing, ``problem``
    one sentence for what could not be done, ``opened`` the line that was last opened, ``failure`` the last error that
    was nobody's mistake.
    """

    def __init__(self, store: FrameStore, query: str = "", **known: str) -> None:
        self.store, self.view, self.known = store, View(query), known
        self.shown: dict[str, Any] = {}
        self.problem: dict[str, Any] = {}
        self.missed: list[str] = []
        self.opened: dict[str, Any] = {}
        self.failure: Exception | None = None
        self.follows, self.paused = False, False
        self._before = self.view  # where "back" goes
        self._hits = self._ahead = Hits("TRUE", ())  # as shown, and with the lines since the pause
        self._columns: Mapping[str, str] = {}
        self._version = 0  # of what the numbers of lines mean
        self._lock = threading.RLock()

    @property
    def new(self) -> int:
        """How many lines that match came since the pause."""
        return len(self._ahead) - len(self._hits)

    def ask(self, message: Mapping[str, Any]) -> None:
        """Do what a message of the page asks for (``{"do": "search", "query": …}``); never raises.

        Whatever goes wrong becomes ``problem``, and what was shown stays.
        """
        do = str(message.get("do", ""))
        work: dict[str, Callable[[], None]] = {
            "search": lambda: self._look(View(str(message["query"]), self.view.span), anew=True),
            "span": lambda: self._look(replace(self.view, span=(int(message["from"]), int(message["to"])), page=0)),
            "whole": lambda: self._look(replace(self.view, span=None, page=0)),
            "page": lambda: self._look(replace(self.view, page=int(message["page"]))),
            "group": lambda: self._look(replace(self.view, grouped=bool(message["on"]), page=0)),
            "request": lambda: self._look_at_request(int(message["row"])),
            "back": lambda: self._look(self._before),
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
        """Look at what came meanwhile: show it, or count it while paused."""
        with self._lock:
            self._attempt(self._count if self.paused else lambda: self._look(self.view))

    def settle(self) -> None:
        """No more lines come: nothing waits any more, and all that came is shown."""
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
        except Exception as error:  # its words may hold anything, so the page gets its kind only
            self.failure = error
            said = f"The store could not answer ({type(error).__name__})."
            self.problem = {"text": f"{said} Try it again, or run this cell again."}

    def _look(self, view: View, *, anew: bool = False) -> None:
        """Find what is to be seen, and only then see it; where only lines were added, search only those."""
        began = time.perf_counter()
        there, version = survey(self.store), self._version
        if anew or self._is_other(view, there):
            condition = Hits(*self._condition(view, there.columns), first=there.first)
            hits = ahead = grown(condition, self.store, there)
            version += 1
        else:
            ahead = self._ahead if self.paused else grown(self._ahead, self.store, there)
            hits = self._hits if self.paused else ahead
        shown = page_of(self.store, hits, view, there)
        missing = missed(self.store)
        took = round(1000 * (time.perf_counter() - began))
        told = {"query": view.query, "request": visible(view.request or ""), "milliseconds": took, "version": version}
        version += (shown["groups"] < 0) != (self.shown.get("groups", -1) < 0)  # the same line has other cells
        self.shown = {**shown, "summary": summary(shown), **told}
        self.view, self._hits, self._ahead = view, hits, ahead
        self._columns, self._version, self.missed = there.columns, version, missing

    def _is_other(self, view: View, there: Survey) -> bool:
        """Whether what was found says nothing about this view of what is there."""
        same = (view.query, view.request) == (self.view.query, self.view.request) and bool(self.shown)
        return not same or there.columns != self._columns or self._has_changed(there)

    def _has_changed(self, there: Survey) -> bool:
        """Whether the numbers of lines may mean others now: only the one that we add to just grows."""
        return not self.follows and (there.first, there.end) != (self._ahead.first, self._ahead.end)

    def _require_same(self) -> None:
        if self._has_changed(survey(self.store)):
            self._look(self.view)
            raise WorkshopError("There are new lines, so the table was renewed.", "Choose the line again.")

    def _condition(self, view: View, columns: Mapping[str, str]) -> tuple[str, list[Any]]:
        if view.request is not None:
            return "CAST(request_id AS VARCHAR) = ?", [view.request]
        search = parse(view.query)
        if search.unknown(columns):
            self.store.search(view.query, 1)  # the store knows whether any line has such a field, and says so
        return search.where(columns)

    def _look_at_request(self, row: int) -> None:
        self._require_same()
        request = request_of(self.store, row)
        if request is None:
            raise WorkshopError("This line names no request.", "Choose one that has a request_id.")
        before = self.view if self.view.request is None else self._before
        self._look(View(before.query, request=request, grouped=before.grouped))
        self._before = before

    def _open(self, row: int) -> None:
        self._require_same()
        self.opened = {"row": row, "fields": [list(field) for field in record(self.store, row)]}

    def _count(self) -> None:
        self._ahead = grown(self._ahead, self.store, survey(self.store))
        self.missed = missed(self.store)

    def _resume(self) -> None:
        self.paused = False
        self._look(View(self.view.query))
