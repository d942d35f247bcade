"""The presenter's and the audience's page on this machine's loopback, each behind a token of its own.

Nothing that the audience's token opens knows of a fault.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import tornado.web

from workshop_kit.display import map as system
from workshop_kit.display.page_server import CSS, HOST, HTML, JS, JSON, POLICY, SVG, Handler, PageServer
from workshop_kit.errors import WrongUsage
from workshop_kit.instructor.classroom import RoomApi
from workshop_kit.instructor.presenter_api import PresenterApi

PAGES = Path(__file__).parent / "pages"
PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""A recorded picture brings its own colors."""
FRAME_POLICIES = {
    "presenter": f"{POLICY}; frame-src 'self'",
    "audience": POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'"),
}
"""The presenter's page shows the audience's in a frame."""


class InstructorServer(PageServer):
    """Serves the two pages of one desk."""

    def __init__(self, port: int | None = None) -> None:
        super().__init__(port)
        self.presenter_token, self.audience_token = secrets.token_urlsafe(24), secrets.token_urlsafe(24)

    @property
    def presenter_url(self) -> str:
        """The presenter's address: it can inject faults."""
        return f"http://{HOST}:{self.port}/presenter?token={self.presenter_token}"

    @property
    def audience_url(self) -> str:
        """The address for the projector."""
        return f"http://{HOST}:{self.port}/audience?token={self.audience_token}"

    def routes(self, served: PresenterApi) -> list[Any]:
        """Return the routes of the presenter's token, and those of both tokens."""
        presenter = {"served": served, "pool": self._pool, "tokens": [self.presenter_token]}
        both = {**presenter, "tokens": [self.presenter_token, self.audience_token]}
        recorded = {"make": served.recorded, "kind": SVG, "policy": PICTURE_POLICY}
        controller = served.controller

        def audience_state() -> str:
            return json.dumps(controller.audience.state())

        def lines() -> str:
            return controller.audience.lines.svg() if controller.audience.lines else ""

        def page(name: str, token: str) -> dict[str, Any]:
            text = _read(f"{name}.html").replace("{{token}}", token)
            return {"make": lambda: text, "kind": HTML, "policy": FRAME_POLICIES[name]}

        return [
            (r"/presenter", Content, {**presenter, **page("presenter", self.presenter_token)}),
            (r"/(presenter|notes|room)\.js", ScriptHandler, presenter),
            (r"/presenter/choices", Content, {**presenter, "make": lambda: json.dumps(served.choices()), "kind": JSON}),
            (r"/presenter/state", Content, {**presenter, "make": lambda: json.dumps(served.state()), "kind": JSON}),
            (r"/presenter/do/([a-z-]+)", Action, presenter),
            *_room_routes(served.room, presenter, both),
            (r"/presenter/recorded\.svg", Content, {**presenter, **recorded}),
            (r"/audience", Content, {**both, **page("audience", self.audience_token)}),
            (r"/(audience)\.js", ScriptHandler, both),
            (r"/audience/state", Content, {**both, "make": audience_state, "kind": JSON}),
            (r"/audience/clock\.svg", Content, {**both, "make": controller.picture, "kind": SVG}),
            (r"/audience/map\.svg", Content, {**both, "make": _map, "kind": SVG}),
            (r"/audience/lines\.svg", Content, {**both, "make": lines, "kind": SVG}),
            (r"/audience/recorded\.svg", Content, {**both, **recorded}),
            (r"/desk\.css", Content, {**both, "make": _style, "kind": CSS}),
        ]


def _room_routes(room: RoomApi | None, presenter: dict[str, Any], both: dict[str, Any]) -> list[Any]:
    """Return the live room's routes of both pages; its data is ``null`` without a room."""

    def data(name: str) -> dict[str, Any]:
        return {"make": lambda: json.dumps(getattr(room, name)() if room else None), "kind": JSON}

    return [
        (r"/presenter/room/choices", Content, {**presenter, **data("choices")}),
        (r"/presenter/room", Content, {**presenter, **data("state")}),
        (r"/audience/room", Content, {**both, **data("audience_state")}),
        (r"/audience/room\.svg", Content, {**both, "make": lambda: room.picture() if room else "", "kind": SVG}),
    ]


class Content(Handler):
    """What ``make`` returns, made in a thread."""

    async def get(self) -> None:
        """Answer with it; with 404 if it is empty."""
        content = await self.from_thread(self.more["make"])
        if not content:
            raise tornado.web.HTTPError(404)
        if "policy" in self.more:
            self.set_header("Content-Security-Policy", self.more["policy"])
        self.answer(content, self.more["kind"])


class ScriptHandler(Handler):
    """A script of a page."""

    def get(self, name: str) -> None:
        """Answer with it."""
        self.answer(_read(f"{name}.js"), JS)


class Action(Handler):
    """A button of the presenter's page."""

    async def post(self, action: str) -> None:
        """Do the action and answer with what it returns."""
        if self.request.headers.get("Content-Type", "").partition(";")[0] != "application/json":
            raise tornado.web.HTTPError(403)  # a form of another page cannot send JSON
        try:
            text = json.dumps(json.loads(self.request.body), ensure_ascii=False)
            body = json.loads(text.encode("utf-8", "replace"))  # half of a character becomes a question mark
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise WrongUsage("That is no JSON object.", "Reload the page and click again.")
        said = await self.from_thread(lambda: self.served.do(action, body))
        self.answer(json.dumps({"said": said}), JSON)


def _read(name: str) -> str:
    return (PAGES / name).read_text(encoding="utf-8")


def _style() -> str:
    """Return the stylesheet, with those of the map and of the clock."""
    return "\n".join([system.STYLE, _read("clock.css"), _read("desk.css")])


def _map() -> str:
    """Return the map of the system; its style stands in the stylesheet."""
    return system.system_map().html.replace(f"<style>{system.STYLE}</style>", "")
