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
from workshop_kit.search.explorer.page import View, condition_of, missed, page_of, record, request_of
from workshop_kit.search.parser import SearchMistake

PAUSES = frozenset({"span", "page", "group", "request", "open", "pause"})
"""Messages after which new lines wait, so that they do not move the page."""
KEEPS_ROWS = frozenset({"page", "open", "pause"})
"""Messages after which a row of the table still shows the same."""


class ExplorerModel:
    """One store and the selected page.

    ``known`` is the place of added lines that do not name it (``service="orders"``). ``page`` is the page as data (see
    `page_of`), ``missed`` the gaps, ``problem`` one sentence for a failed message, ``opened`` the open line, ``new``
    the number of matching lines since the pause.
    """

    def __init__(self, store: FrameStore, query: str = "", **known: str) -> None:
        self.store, self.view, self.known = store, View(query), known
        self.page: dict[str, Any] = {}
        self.problem: dict[str, Any] = {}
        self.missed: list[str] = []
        self.opened: dict[str, Any] = {}
        self.follows, self.paused, self.new = False, False, 0
        self._before = self.view  # for "back"
        self._end = 0  # the page shows lines with lower numbers
        self._version = 0  # of the rows in the table
        self._lock = threading.RLock()

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
            "resume": lambda: self._show(View(self.view.query), anew=True),
        }
        with self._lock:
            if do in work:
                self.problem = {}
                self._version += do not in KEEPS_ROWS
                self._attempt(work[do], str(message.get("query", "")))
                self.paused = self.follows and (do in PAUSES or (self.paused and do != "resume"))

    def add(self, frame: pd.DataFrame) -> None:
        """Add lines to the store, and show them, or count them while paused."""
        with self._lock:
            self.store.add(frame, **self.known)
            self._attempt(self._count if self.paused else lambda: self._show(self.view))

    def finish(self) -> None:
        """Show all lines: no more come."""
        with self._lock:
            self.paused = self.follows = False
            self._attempt(lambda: self._show(self.view))

    def _attempt(self, work: Callable[[], None], query: str = "") -> None:
        try:
            work()
        except SearchMistake as error:
            before = visible(query[: error.position])  # a control character is written with several
            self.problem = {"text": str(error), "query": visible(query), "position": len(before)}
        except WorkshopError as error:
            self.problem = {"text": visible(str(error))}
        except Exception as error:  # its text may hold anything, so the page gets its type only
            said = f"The store could not answer ({type(error).__name__})."
            self.problem = {"text": f"{said} Try it again, or run this cell again."}

    def _show(self, view: View, *, anew: bool = False) -> None:
        """Search, then change the page; a paused page shows no newer lines, except ``anew``."""
        began = time.perf_counter()
        end = self._end if self.paused and not anew else self.store.end
        page = page_of(self.store, view, end)
        took = round(1000 * (time.perf_counter() - began))
        self.page = {**page, "milliseconds": took, "version": self._version}
        self.view, self._end, self.missed = view, end, missed(self.store)
        self.new = self.new if self.paused and not anew else 0

    def _show_request(self, row: int) -> None:
        request = request_of(self.store, row)
        if request is None:
            raise WorkshopError("This line names no request.", "Choose one that has a request_id.")
        before = self.view if self.view.request is None else self._before
        self._show(View(before.query, request=request, grouped=before.grouped))
        self._before = before

    def _open(self, row: int) -> None:
        self.opened = {"row": row, "fields": [list(field) for field in record(self.store, row)]}

    def _count(self) -> None:
        sql, parameters = condition_of(self.store, self.view)
        query = f"SELECT count(*) AS lines FROM logs WHERE row >= ? AND ({sql})"  # noqa: S608 - values are parameters
        self.new = int(self.store.select(query, [self._end, *parameters])["lines"][0])
        self.missed = missed(self.store)
