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

from workshop_kit.display.live import Screens
from workshop_kit.display.live_widget import answer_while_busy
from workshop_kit.display.rendered import Rendered
from workshop_kit.errors import WorkshopError
from workshop_kit.screen import visible
from workshop_kit.search import FrameStore
from workshop_kit.search.explorer.model import ExplorerModel
from workshop_kit.search.explorer.page import static_page
from workshop_kit.search.query import CHEAT_SHEET

FOLDER = Path(__file__).parent
Follow = Callable[[threading.Event], Iterable[pd.DataFrame]]
"""Called with an event, it yields frames of lines until the event is set: ``lambda stop: follow(container, stop)``."""

REPORT_SECONDS = 0.25
BEAT_SECONDS = 1.0
JOIN_SECONDS = 10.0


class Explorer:
    """Searches the lines of ``store``, first with ``query``; with ``follow`` it also shows new lines.

    ``follow`` is called in a thread with an event; it yields frames, which are added to the store, until the event is
    set; ``known`` is their place, as `FrameStore.add` takes it. Opening a line, paging, a span and a request pause the
    page, not the store. In a headless run ``show`` follows for ``headless_seconds`` and shows the static page alone.
    """

    def __init__(
        self,
        store: FrameStore,
        query: str = "",
        *,
        follow: Follow | None = None,
        known: Mapping[str, str] | None = None,
        title: str = "Log explorer",
        headless_seconds: float = 1.5,
    ) -> None:
        self.title = visible(title)
        self.model = ExplorerModel(store, query, **(known or {}))
        self._source, self._headless_seconds = follow, headless_seconds
        self._following: LiveLines | None = None
        self._widget: ExplorerWidget | None = None
        self._twin: DisplayHandle | None = None
        self._drawing = threading.RLock()

    @property
    def query(self) -> str:
        """The current search."""
        return self.model.view.query

    @property
    def hits(self) -> int:
        """How many lines match now, within the chosen span."""
        return int(self.model.page.get("hits", 0))

    def show(self, screens: Screens, name: str = "") -> Self:
        """Show it below the running cell; it replaces the one shown before under ``name`` (its title)."""
        screens.replace(name or self.title, self)
        self.stop()
        if self._source is not None:
            self.model.follows = True
            self._following = LiveLines(self._source, self.model.add, self._on_lines, f"explorer: {self.title}")
            self._following.start()
            if screens.headless:
                self._following.wait(self._headless_seconds)
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
        if self._following is None:
            return
        self._following.stop()
        self.model.finish()
        self._draw()
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

    def _on_lines(self, came: bool) -> None:
        """Update the page after new lines, and its sign of life."""
        if self._following is not None and self._following.ended:
            self.model.finish()
        elif came:
            self.model.refresh()
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
        model, following = self.model, self._following
        problem_text = following.problem if following is not None else ""
        state, ended = "off" if self._source is None else "ended", []
        if following is not None and not following.ended:
            state = "paused" if model.paused else "following"
        elif following is not None:
            ended = [f"ended: {following.why}" if following.why else "ended"]
        problem = model.problem or ({"text": problem_text} if problem_text else {})
        return {
            "page": model.page,
            "problem": problem,
            "opened": model.opened,
            "live": {"state": state, "new": model.new},
            "missed": [*model.missed, *ended],
        }


class ExplorerWidget(anywidget.AnyWidget):
    """The widget of an `Explorer`; it sends messages like ``{"do": "search", "query": …}`` and shows text only."""

    _esm = (FOLDER / "histogram.js").read_text() + (FOLDER / "explorer.js").read_text()
    _css = FOLDER / "explorer.css"
    title = traitlets.Unicode().tag(sync=True)
    examples = traitlets.List(traitlets.List()).tag(sync=True)  # [[a search, what it finds], …]
    page = traitlets.Dict().tag(sync=True)  # see `page_of`, and ``query``, ``request``, ``milliseconds``
    problem = traitlets.Dict().tag(sync=True)  # ``text``, for a mistake also ``query`` and ``position``; {} for none
    live = traitlets.Dict().tag(sync=True)  # ``state`` (off, following, paused, ended), ``new``: lines since the pause
    missed = traitlets.List(traitlets.Unicode()).tag(sync=True)  # gaps, and why following ended
    opened = traitlets.Dict().tag(sync=True)  # the open line: ``row``, ``fields`` [[name, text], …]
    answered = traitlets.Int().tag(sync=True)  # number of answered messages
    beat = traitlets.Int().tag(sync=True)  # changes every second while lines are followed

    def __repr__(self) -> str:
        """Empty: an exported notebook shows it above the static page."""
        return ""


class LiveLines:
    """Passes every frame of ``source`` to ``add``; calls ``notify`` after new lines, and at least once a second.

    ``problem`` is one sentence if the source failed, ``why`` the reason why it ended (its attribute ``ended``).
    """

    def __init__(
        self, source: Follow, add: Callable[[pd.DataFrame], None], notify: Callable[[bool], None], name: str
    ) -> None:
        self.problem, self.why = "", ""
        self.failure: Exception | None = None
        self._source, self._add, self._notify = source, add, notify
        self._stop, self._came = threading.Event(), threading.Event()
        self._adder = threading.Thread(target=self._follow, name=f"{name}: lines", daemon=True)
        self._reporter = threading.Thread(target=self._report, name=f"{name}: reports", daemon=True)

    def start(self) -> Self:
        """Start both threads."""
        self._adder.start()
        self._reporter.start()
        return self

    @property
    def ended(self) -> bool:
        """Whether no more lines come."""
        return self._stop.is_set() or not self._adder.is_alive()

    def wait(self, seconds: float) -> None:
        """Wait for the seconds, or until the source ends."""
        self._adder.join(seconds)

    def stop(self) -> None:
        """End both threads; lines that came before are reported. A source that does not stop in time is left alone."""
        self._stop.set()
        for thread in (self._adder, self._reporter):
            if thread is not threading.current_thread():
                thread.join(JOIN_SECONDS)

    def _follow(self) -> None:
        try:
            source = self._source(self._stop)
            for frame in source:
                self._add(frame)
                self._came.set()
                if self._stop.is_set():
                    break
            self.why = visible(str(getattr(source, "ended", "")))
        except WorkshopError as error:
            self.problem = visible(str(error))
        except Exception as error:  # its text may hold anything, so the page gets its type only
            self.failure = error
            self.problem = f"Following ended because its source failed ({type(error).__name__}). Run this cell again."

    def _report(self) -> None:
        while not self.ended:
            came = self._came.wait(BEAT_SECONDS)
            self._came.clear()
            self._notify(came)
            self._stop.wait(REPORT_SECONDS)
        self._adder.join(JOIN_SECONDS)
        self._notify(True)
