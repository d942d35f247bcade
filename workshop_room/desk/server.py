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

from workshop_kit.display.page_server import CSS, HOST, HTML, JS, JSON, PageHandler, PageServer
from workshop_kit.errors import WrongUsage
from workshop_kit.files import parse_json
from workshop_kit.lessons.lab import open_in_browser
from workshop_kit.terminal import say
from workshop_room.desk.presenter_api import PresenterApi

PAGES = Path(__file__).parent / "pages"
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

    def start(self, desk: PresenterApi) -> None:
        """Serve the pages of ``desk`` in a thread until ``stop``."""
        self.serve(desk, self._routes(desk))

    def _routes(self, desk: PresenterApi) -> list[Any]:
        """Return the routes that only the presenter's token opens, and those that both tokens open."""
        presenter = [self.presenter_token]
        both = [self.presenter_token, self.audience_token]
        return [
            _content(presenter, "/presenter", HTML, lambda: _read_page("presenter", self.presenter_token)),
            _content(presenter, "/presenter.js", JS, lambda: _read_file("presenter.js")),
            _content(presenter, "/presenter/choices", JSON, desk.choices),
            _content(presenter, "/presenter/state", JSON, desk.state),
            (r"/presenter/do/([a-z-]+)", Click, {"tokens": presenter}),
            _content(both, "/audience", HTML, lambda: _read_page("audience", self.audience_token)),
            _content(both, "/audience.js", JS, lambda: _read_file("audience.js")),
            _content(both, "/audience/state", JSON, desk.audience_state),
            _content(both, "/audience/picture", JSON, desk.controller.picture),
            _content(both, "/desk.css", CSS, lambda: _read_file("desk.css")),
        ]


@contextlib.contextmanager
def serving(desk: PresenterApi, server: InstructorServer, folder: Path, *, open_pages: bool) -> Iterator[None]:
    """Serve the pages until the block ends. Says where they are, and with ``open_pages`` opens them.

    A page in ``folder`` leads the browser to each, so that no token stands in the list of processes.
    """
    redirects = {
        folder / "open-presenter.html": server.presenter_url,
        folder / "open-audience.html": server.audience_url,
    }
    try:
        server.start(desk)
        say(ADDRESSES.format(*redirects.values()))
        if open_pages:
            for page, url in redirects.items():
                open_in_browser(url, page)
        yield
    finally:
        server.stop()
        for page in redirects:
            page.unlink(missing_ok=True)


class Content(PageHandler):
    """The content that ``make`` returns, which is called in a thread."""

    async def get(self) -> None:
        """Answer with the content."""
        content = await self.from_thread(self.route_arguments["make"])
        kind = self.route_arguments["kind"]
        self.answer(json.dumps(content) if kind == JSON else content, kind)


class Click(PageHandler):
    """A button of the presenter's page."""

    async def post(self, click: str) -> None:
        """Do what the button does."""
        media_type, _, _ = self.request.headers.get("Content-Type", "").partition(";")
        if media_type != "application/json":
            raise tornado.web.HTTPError(403)  # a form of another page cannot send JSON

        body = _parse_object(self.request.body)
        await self.from_thread(lambda: self.served.do(click, body))
        self.answer("{}", JSON)


def _parse_object(data: bytes) -> dict[str, Any]:
    """Return the JSON object in a request's body. Raises WrongUsage for anything else."""
    try:
        document = parse_json(data)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise WrongUsage("That is no JSON object.", "Reload the page and click again.")
    return document


def _content(tokens: list[str], path: str, kind: str, make: Callable[[], object]) -> Any:
    """Return the route of a content for these tokens; ``make`` returns the content."""
    return re.escape(path), Content, {"tokens": tokens, "kind": kind, "make": make}


def _read_page(name: str, token: str) -> str:
    return _read_file(f"{name}.html").replace("{{token}}", token)


def _read_file(name: str) -> str:
    return (PAGES / name).read_text(encoding="utf-8")
