"""The log explorer in a notebook: a widget and a static page around an `ExplorerModel`, with live lines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import anywidget
import pandas as pd
import traitlets
from IPython.display import DisplayHandle, display

from workshop_kit.display.live import Screens, answer_while_busy
from workshop_kit.display.rendered import Rendered
from workshop_kit.errors import WorkshopError
from workshop_kit.screen import visible
from workshop_kit.search import FrameStore
from workshop_kit.search.explorer.model import ExplorerModel
from workshop_kit.search.explorer.page import CSS, static_page
from workshop_kit.search.parser import CHEAT_SHEET

FOLDER = Path(__file__).parent
Follow = Callable[[threading.Event], Iterable[pd.DataFrame]]
"""Called with an event, it yields frames of lines until the event is set; an empty frame is a sign of life."""
HEADLESS_SECONDS = 1.5
JOIN_SECONDS = 10.0


class Explorer:
    """Searches the lines of ``store``, first with ``query``; with ``follow`` it also shows new lines.

    ``follow`` is called in a thread; its lines are added to the store; ``known`` is their place, as `FrameStore.add`
    takes it. Opening a line, paging, a span and a request pause the page, not the store. In a headless run ``show``
    follows for a moment and shows the static page alone.
    """

    def __init__(
        self,
        store: FrameStore,
        query: str = "",
        *,
        follow: Follow | None = None,
        known: Mapping[str, str] | None = None,
        title: str = "Log explorer",
    ) -> None:
        self.title = visible(title)
        self.model = ExplorerModel(store, query, **(known or {}))
        self._source = follow
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._problem = self._why = ""  # why following failed, or ended
        self._widget: ExplorerWidget | None = None
        self._twin: DisplayHandle | None = None
        self._drawing = threading.RLock()

    @property
    def query(self) -> str:
        """The current search."""
        return self.model.view.query

    def show(self, screens: Screens) -> Self:
        """Show it below the running cell; it replaces the one shown before with its title."""
        screens.replace(self.title, self)
        self.stop()
        if self._source is not None:
            self.model.follows, self._problem, self._why = True, "", ""
            self._stop.clear()
            name = f"explorer: {self.title}"
            self._thread = threading.Thread(target=self._follow, args=(self._source,), name=name, daemon=True)
            self._thread.start()
            if screens.headless:
                self._thread.join(HEADLESS_SECONDS)
                self.stop()
        self.model.handle({"do": "search", "query": self.query})
        if screens.headless:
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
        return static_page(
            self.title, self.query, self.model.page, self.model.problem.get("text", ""), self.model.missed
        )

    def _on_message(self, _: object, content: Mapping[str, Any], __: object) -> None:
        """Answer a message of the page; it runs in a thread of its own while a cell is busy."""
        if "do" in content:
            self.model.handle(content)
            self._draw(answered=True)

    def _follow(self, source: Follow) -> None:
        """Add the lines of ``source`` until it ends or fails."""
        try:
            frames = source(self._stop)
            for frame in frames:
                if len(frame):
                    self.model.add(frame)
                if self._stop.is_set():
                    break
                self._draw()
            self._why = visible(str(getattr(frames, "ended", "")))
        except WorkshopError as error:
            self._problem = visible(str(error))
        except Exception as error:  # its text may hold anything, so the page gets its type only
            said = f"Following ended because its source failed ({type(error).__name__})."
            self._problem = f"{said} Run this cell again."
        self.model.finish()
        self._draw()

    def _draw(self, *, answered: bool = False) -> None:
        """Send the state to the page in one message; from any thread."""
        if self._widget is None:
            return
        with self._drawing, self._widget.hold_sync():
            for name, value in self._state().items():
                setattr(self._widget, name, value)
            self._widget.beat += 1
            self._widget.answered += answered

    def _state(self) -> dict[str, Any]:
        """Return the widget's traits."""
        model = self.model
        state, ended = "off" if self._source is None else "ended", []
        if model.follows:
            state = "paused" if model.paused else "following"
        elif self._thread is not None:
            ended = [f"ended: {self._why}" if self._why else "ended"]
        return {
            "page": model.page,
            "problem": model.problem or ({"text": self._problem} if self._problem else {}),
            "opened": model.opened,
            "live": {"state": state, "new": model.new},
            "missed": [*model.missed, *ended],
        }


class ExplorerWidget(anywidget.AnyWidget):
    """The widget of an `Explorer`; it sends messages like ``{"do": "search", "query": …}`` and shows text only."""

    _esm = (FOLDER / "histogram.js").read_text() + (FOLDER / "explorer.js").read_text()
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
