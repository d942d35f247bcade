"""The log explorer in a notebook: a widget with its static twin around a `Desk`, told of lines as they come."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Self

from IPython.display import DisplayHandle, display

from workshop_kit.display.live import Screens
from workshop_kit.display.live_widget import answer_while_busy
from workshop_kit.display.rendered import Rendered
from workshop_kit.screen import visible
from workshop_kit.search import FrameStore
from workshop_kit.search.explorer.live_lines import Follow, Following
from workshop_kit.search.explorer.model import Desk
from workshop_kit.search.explorer.static import static
from workshop_kit.search.explorer.widget import ExplorerWidget
from workshop_kit.search.query import CHEAT_SHEET


class Explorer:
    """Searches the lines of ``store``, beginning with ``query``; with ``follow`` it also shows lines as they come.

    ``follow`` is called in a thread with an event; it yields frames, which are added to the store (one with ``add``),
    until the event is set; ``known`` is their place, as `FrameStore.add` takes it. Opening, paging, a span and a
    request pause what is shown, not what is added. In a headless run ``show`` follows for ``headless_seconds`` and
    shows the static twin alone.
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
        self.desk = Desk(store, query, **(known or {}))
        self._source, self._headless_seconds = follow, headless_seconds
        self._following: Following | None = None
        self._widget: ExplorerWidget | None = None
        self._twin: DisplayHandle | None = None
        self._drawing = threading.RLock()

    @property
    def query(self) -> str:
        """What is searched for now."""
        return self.desk.view.query

    @property
    def hits(self) -> int:
        """How many lines match now, within the span that was chosen."""
        return int(self.desk.shown.get("hits", 0))

    def show(self, screens: Screens, name: str = "") -> Self:
        """Show it below the running cell, in place of the one shown before under ``name`` (its title)."""
        screens.replace(name or self.title, self)
        self.stop()
        if self._source is not None:
            self.desk.follows = True
            self._following = Following(self._source, self.desk.add, self._news, f"explorer: {self.title}")
            self._following.start()
            if screens.headless:
                self._following.wait(self._headless_seconds)
                self.stop()
        self.desk.ask({"do": "search", "query": self.query})
        if screens.headless:
            display(self.page())  # type: ignore[no-untyped-call]
            return self
        self._widget = ExplorerWidget(title=self.title, examples=[list(line) for line in CHEAT_SHEET], **self._state())
        self._widget.on_msg(self._asked)
        answer_while_busy(self._widget)
        display(self._widget)  # type: ignore[no-untyped-call]
        self._twin = display(self.page(), display_id=True)  # type: ignore[no-untyped-call]
        return self

    def stop(self) -> None:
        """End the following of lines, if there is any; what came can still be searched."""
        if self._following is None:
            return
        self._following.stop()
        self.desk.settle()
        self._draw()
        if self._twin is not None:
            self._twin.update(self.page())  # type: ignore[no-untyped-call]

    def page(self) -> Rendered:
        """What a page without a kernel shows of it now."""
        return static(self.title, self.query, self.desk.shown, self.desk.problem.get("text", ""), self.desk.missed)

    def _asked(self, _: object, content: Mapping[str, Any], __: object) -> None:
        """Handle a message of the page; runs in a thread of its own while a cell is busy."""
        if "do" in content:
            self.desk.ask(content)
            self._draw(answered=True)

    def _news(self, came: bool) -> None:
        """Tell the page of lines that came, and that somebody is there to tell."""
        if self._following is not None and self._following.ended:
            self.desk.settle()
        elif came:
            self.desk.refresh()
        self._draw()

    def _draw(self, *, answered: bool = False) -> None:
        """Change what the page shows, in one message; from any thread."""
        if self._widget is None:
            return
        with self._drawing, self._widget.hold_sync():
            for name, value in self._state().items():
                setattr(self._widget, name, value)
            self._widget.beat += 1
            self._widget.answered += answered

    def _state(self) -> dict[str, Any]:
        """What the page is told, as the widget has it."""
        desk, following = self.desk, self._following
        said = following.problem if following is not None else ""
        state, ended = "off" if self._source is None else "ended", []
        if following is not None and not following.ended:
            state = "paused" if desk.paused else "following"
        elif following is not None:
            ended = [f"ended: {following.why}" if following.why else "ended"]
        problem = desk.problem or ({"text": said} if said else {})
        return {
            "shown": desk.shown,
            "problem": problem,
            "opened": desk.opened,
            "live": {"state": state, "new": desk.new},
            "missed": [*desk.missed, *ended],
        }
