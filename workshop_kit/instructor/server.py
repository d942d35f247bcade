"""Two pages on this machine's loopback: the presenter's and the audience's, each behind a token of its own.

Whoever has no token sees nothing. A page from elsewhere cannot press a button: it has no token, and neither another
name for this machine (DNS rebinding) nor another origin is let in. What the audience's token opens knows of no fault.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import tornado.httpserver
import tornado.netutil
import tornado.web

from workshop_kit.display import map as system
from workshop_kit.display.page_server import CSS, HOST, HTML, JS, SVG, Handler, PageServer
from workshop_kit.errors import WrongUsage
from workshop_kit.instructor.presenter_api import Presenting

PAGES = Path(__file__).parent / "pages"
PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""A recorded picture brings its own colors."""


class DeskServer(PageServer):
    """The two pages over one desk, on this machine alone."""

    def __init__(self, port: int | None = None) -> None:
        super().__init__(port)
        self.presenter_token, self.audience_token = secrets.token_urlsafe(24), secrets.token_urlsafe(24)

    @property
    def presenter_url(self) -> str:
        """For the laptop alone: whoever has it presses the buttons."""
        return f"http://{HOST}:{self.port}/presenter?token={self.presenter_token}"

    @property
    def audience_url(self) -> str:
        """For the projector."""
        return f"http://{HOST}:{self.port}/audience?token={self.audience_token}"

    def routes(self, shown: Presenting) -> list[Any]:
        """Those of the presenter's page, and those of both."""
        presenter = {"desk": shown, "pool": self._pool, "tokens": [self.presenter_token]}
        everybody = {**presenter, "tokens": [self.presenter_token, self.audience_token]}
        return [
            (r"/presenter", Page, {**presenter, "name": "presenter.html"}),
            (r"/presenter\.js", Asset, {**presenter, "name": "presenter.js", "kind": JS}),
            (r"/presenter/choices", Choices, presenter),
            (r"/presenter/state", PresenterState, presenter),
            (r"/presenter/do/([a-z-]+)", Do, presenter),
            (r"/presenter/recorded\.svg", Recorded, presenter),
            (r"/audience", Page, {**everybody, "name": "audience.html"}),
            (r"/audience\.js", Asset, {**everybody, "name": "audience.js", "kind": JS}),
            (r"/audience/state", AudienceState, everybody),
            (r"/audience/clock\.svg", Clock, everybody),
            (r"/audience/map\.svg", Map, everybody),
            (r"/audience/recorded\.svg", Recorded, everybody),
            (r"/desk\.css", Style, everybody),
        ]


class Page(Handler):
    """A page, with its token in the addresses of what belongs to it."""

    def get(self) -> None:
        """The page."""
        token = self.get_query_argument("token", "")
        self.answer(
            (PAGES / self.more["name"]).read_text(encoding="utf-8").replace("{{token}}", _harmless(token)), HTML
        )


class Asset(Handler):
    """A file of ours."""

    def get(self) -> None:
        """The file."""
        self.answer((PAGES / self.more["name"]).read_bytes(), self.more["kind"])


class Style(Handler):
    """The one stylesheet, with those of the map and of the clock."""

    def get(self) -> None:
        """All three."""
        own = [(PAGES / name).read_text(encoding="utf-8") for name in ("clock.css", "desk.css")]
        self.answer("\n".join([system.STYLE, *own]), CSS)


class Choices(Handler):
    """What there is to click."""

    async def get(self) -> None:
        """As JSON."""
        self.answer_json(await self.from_thread(self._all))

    def _all(self) -> Any:
        return self.desk.choices()


class PresenterState(Handler):
    """What is going on."""

    async def get(self) -> None:
        """As JSON."""
        self.answer_json(await self.from_thread(self.desk.state))


class Do(Handler):
    """A button."""

    async def post(self, action: str) -> None:
        """Do it, and return what it says."""
        if self.request.headers.get("Content-Type", "").partition(";")[0] != "application/json":
            raise tornado.web.HTTPError(403)  # what a form of another page can send is never JSON
        try:
            body = json.loads(self.request.body)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise WrongUsage("That is no JSON object.", "Reload the page and click again.")
        self.answer_json({"said": await self.from_thread(lambda: self.desk.do(action, body))})


class AudienceState(Handler):
    """What the room is shown."""

    def get(self) -> None:
        """As JSON."""
        self.answer_json(self.desk.stage.room.state())


class Clock(Handler):
    """The live picture."""

    async def get(self) -> None:
        """As SVG, at most two seconds old."""
        self.answer(await self.from_thread(self.desk.stage.picture), SVG)


class Map(Handler):
    """The map of the system; its style stands in the stylesheet."""

    def get(self) -> None:
        """As SVG."""
        self.answer(system.system_map().html.replace(f"<style>{system.STYLE}</style>", ""), SVG)


class Recorded(Handler):
    """The recorded picture of the current step."""

    def get(self) -> None:
        """As SVG. Raises 404 where there is none."""
        picture = self.desk.recorded()
        if not picture:
            raise tornado.web.HTTPError(404)
        self.set_header("Content-Security-Policy", PICTURE_POLICY)
        self.answer(picture, SVG)


def _harmless(token: str) -> str:
    """The token was compared with ours, so it is one of ours: letters, digits, - and _."""
    return "".join(letter for letter in token if letter.isalnum() or letter in "-_")
