"""The presenter's and the audience's page on this machine's loopback, each behind a token of its own.

Nothing that the audience's token opens knows of a fault.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import tornado.web

from workshop_kit.display import map as system
from workshop_kit.display.page_server import CSS, HOST, HTML, JS, JSON, PNG, POLICY, SVG, Handler, PageServer
from workshop_kit.errors import WrongUsage
from workshop_kit.lessons.lab import open_in_browser
from workshop_kit.terminal import say
from workshop_room.desk.controller import Controller
from workshop_room.desk.presenter_api import PresenterApi
from workshop_room.timetable.track_times import TrackTimes

PAGES = Path(__file__).parent / "pages"
FRAME_POLICIES = {
    "presenter": f"{POLICY}; frame-src 'self'",
    "audience": POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'"),
}
"""The presenter's page shows the audience's in a frame."""
ADDRESSES = """For you:      {}
For the room: {}
The first address can inject faults: keep it off the projector. Ctrl-C ends the desk and reverts all."""


class InstructorServer(PageServer):
    """Serves the two pages of one desk."""

    def __init__(self, port: int | None = None) -> None:
        super().__init__(port)
        self.presenter_token = secrets.token_urlsafe(24)
        self.audience_token = secrets.token_urlsafe(24)
        address = f"http://{HOST}:{self.port}"
        self.presenter_url = f"{address}/presenter?token={self.presenter_token}"  # it can inject faults
        self.audience_url = f"{address}/audience?token={self.audience_token}"  # for the projector

    def routes(self, served: PresenterApi) -> list[Any]:
        """Return the routes that only the presenter's token opens, and those that both tokens open."""
        presenter_tokens = [self.presenter_token]
        all_tokens = [self.presenter_token, self.audience_token]
        return [
            *(_content_route(presenter_tokens, *content) for content in self._presenter_contents(served)),
            (r"/presenter/do/([a-z-]+)", Action, {"tokens": presenter_tokens}),
            *(_content_route(all_tokens, *content) for content in self._audience_contents(served)),
        ]

    def _presenter_contents(self, served: PresenterApi) -> Iterator[Any]:
        """Yield path, media type and maker of each content, for some also a policy."""
        yield "/presenter", HTML, lambda: _read_page("presenter", self.presenter_token), FRAME_POLICIES["presenter"]
        yield "/presenter.js", JS, lambda: _read_file("presenter.js")
        yield "/notes.js", JS, lambda: _read_file("notes.js")
        yield "/day.js", JS, lambda: _read_file("day.js")
        yield "/presenter/choices", JSON, served.choices
        yield "/presenter/state", JSON, served.state
        yield "/presenter/recorded.png", PNG, served.recorded_picture

    def _audience_contents(self, served: PresenterApi) -> Iterator[Any]:
        """Yield the contents for both tokens, as `_presenter_contents` does."""
        audience = served.audience

        def lines_state() -> dict[str, Any] | None:
            lines = audience.lines
            return lines.state() if lines else None

        yield "/audience", HTML, lambda: _read_page("audience", self.audience_token), FRAME_POLICIES["audience"]
        yield "/audience.js", JS, lambda: _read_file("audience.js")
        yield "/audience/state", JSON, audience.state
        yield "/audience/dashboard", JSON, served.controller.picture
        yield "/audience/map.svg", SVG, _draw_map
        yield "/audience/lines", JSON, lines_state
        yield "/audience/recorded.png", PNG, served.recorded_picture
        yield "/desk.css", CSS, _read_style


@contextlib.contextmanager
def serving(
    controller: Controller,
    server: InstructorServer,
    times: TrackTimes,
    *,
    open_pages: bool,
) -> Iterator[None]:
    """Serve the pages until the block ends. Says where they are, and with ``open_pages`` opens them."""
    redirects = {
        controller.workspace.folder / "open-presenter.html": server.presenter_url,
        controller.workspace.folder / "open-audience.html": server.audience_url,
    }
    try:
        server.start(PresenterApi(controller, times))
        say(ADDRESSES.format(*redirects.values()))
        if open_pages:
            for page, url in redirects.items():
                open_in_browser(url, page)
        yield
    finally:
        server.stop()
        for page in redirects:
            page.unlink(missing_ok=True)


class Content(Handler):
    """The content that ``make`` returns, which is called in a thread."""

    async def get(self) -> None:
        """Answer with the content; with 404 if it is empty."""
        content = await self.from_thread(self.route_arguments["make"])
        if self.route_arguments["kind"] == JSON:
            content = json.dumps(content)
        if not content:
            raise tornado.web.HTTPError(404)

        self.set_header("Content-Security-Policy", self.route_arguments["policy"])
        self.answer(content, self.route_arguments["kind"])


class Action(Handler):
    """A button of the presenter's page."""

    async def post(self, action: str) -> None:
        """Do the action and answer with what it returns."""
        media_type, _, _ = self.request.headers.get("Content-Type", "").partition(";")
        if media_type != "application/json":
            raise tornado.web.HTTPError(403)  # a form of another page cannot send JSON

        body = _parse_object(self.request.body)
        result = await self.from_thread(lambda: self.served.do(action, body))
        self.answer(json.dumps({"said": result}), JSON)


def _parse_object(data: bytes) -> dict[str, Any]:
    """Return the JSON object in a request's body. Raises WrongUsage for anything else."""
    try:
        text = json.dumps(json.loads(data), ensure_ascii=False)
        document = json.loads(text.encode("utf-8", "replace"))  # half of a character becomes a question mark
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise WrongUsage("That is no JSON object.", "Reload the page and click again.")
    return document


def _content_route(tokens: list[str], path: str, kind: str, make: Callable[[], object], policy: str = POLICY) -> Any:
    """Return the route of a content for these tokens; ``make`` returns the content."""
    return re.escape(path), Content, {"tokens": tokens, "kind": kind, "make": make, "policy": policy}


def _read_page(name: str, token: str) -> str:
    return _read_file(f"{name}.html").replace("{{token}}", token)


def _read_file(name: str) -> str:
    return (PAGES / name).read_text(encoding="utf-8")


def _read_style() -> str:
    return "\n".join([system.STYLE, _read_file("desk.css")])


def _draw_map() -> str:
    """Return the map of the system; its style stands in the stylesheet."""
    return system.system_map().html.replace(f"<style>{system.STYLE}</style>", "")
