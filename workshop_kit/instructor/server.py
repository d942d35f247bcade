"""The presenter's and the audience's page on this machine's loopback, each behind a token of its own.

Nothing that the audience's token opens knows of a fault.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tornado.web

from workshop_kit.display import map as system
from workshop_kit.display.page_server import CSS, HOST, HTML, JS, JSON, POLICY, SVG, Handler, PageServer
from workshop_kit.errors import WrongUsage
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
        """Return the routes of the presenter's token, and those of both tokens; a live room's data may be ``null``."""
        presenter, both = [self.presenter_token], [self.presenter_token, self.audience_token]
        audience, room = served.audience, served.room

        def content(path: str, tokens: list[str], kind: str, make: Callable[[], str], policy: str = POLICY) -> Any:
            return re.escape(path), Content, {"tokens": tokens, "kind": kind, "make": make, "policy": policy}

        def data(path: str, tokens: list[str], make: Callable[[], object]) -> Any:
            return content(path, tokens, JSON, lambda: json.dumps(make()))

        def script(name: str, tokens: list[str]) -> Any:
            return content(f"/{name}.js", tokens, JS, lambda: _read(f"{name}.js"))

        def page(name: str, tokens: list[str]) -> Any:
            text = _read(f"{name}.html").replace("{{token}}", tokens[-1])
            return content(f"/{name}", tokens, HTML, lambda: text, FRAME_POLICIES[name])

        return [
            page("presenter", presenter),
            *(script(name, presenter) for name in ("presenter", "notes", "room")),
            data("/presenter/choices", presenter, served.choices),
            data("/presenter/state", presenter, served.state),
            data("/presenter/room/choices", presenter, lambda: room and room.choices()),
            data("/presenter/room", presenter, lambda: room and room.state()),
            content("/presenter/recorded.svg", presenter, SVG, served.recorded, PICTURE_POLICY),
            (r"/presenter/do/([a-z-]+)", Action, {"tokens": presenter}),
            page("audience", both),
            script("audience", both),
            data("/audience/state", both, audience.state),
            data("/audience/room", both, lambda: room and room.audience_state()),
            content("/audience/clock.svg", both, SVG, served.controller.picture),
            content("/audience/map.svg", both, SVG, _map),
            content("/audience/lines.svg", both, SVG, lambda: audience.lines.svg() if audience.lines else ""),
            content("/audience/recorded.svg", both, SVG, served.recorded, PICTURE_POLICY),
            content("/desk.css", both, CSS, _style),
        ]


class Content(Handler):
    """What ``make`` returns, made in a thread."""

    async def get(self) -> None:
        """Answer with it; with 404 if it is empty."""
        content = await self.from_thread(self.more["make"])
        if not content:
            raise tornado.web.HTTPError(404)
        self.set_header("Content-Security-Policy", self.more["policy"])
        self.answer(content, self.more["kind"])


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
    return "\n".join([system.STYLE, _read("clock.css"), _read("desk.css")])


def _map() -> str:
    """Return the map of the system; its style stands in the stylesheet."""
    return system.system_map().html.replace(f"<style>{system.STYLE}</style>", "")
