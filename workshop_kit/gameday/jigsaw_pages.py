"""The pages of a jigsaw: one shop, and for each role a page with its signal, behind a token of its own.

The notebook that started the incident hosts them, and it alone releases and restarts.
"""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable
from html import escape
from typing import Any

import pandas as pd

from workshop_kit.display import charts
from workshop_kit.display.dashboard import renderer
from workshop_kit.display.dashboard.view import in_words, of_container
from workshop_kit.display.page_server import HOST, HTML, NAMES, Handler, PageServer
from workshop_kit.display.rendered import Rendered
from workshop_kit.display.tables import table
from workshop_kit.errors import NotReady, WrongUsage
from workshop_kit.gameday import metrics
from workshop_kit.gameday.jigsaw import ROLES
from workshop_kit.screen import visible

DEPLOYS = "Only the notebook releases and restarts: agree before you do."
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
"""The pages have no script: a reload every few seconds is a tag."""
RELOAD_SECONDS = 4
SECONDS, LINES = 120.0, 30
COLUMNS = ["ts", "service", "level", "msg", "dependency", "error", "route", "status", "duration_ms"]
PROBES = ["/livez", "/readyz", "/health", "/metrics"]
ANYWHERE = ("192.0.2.1", 9)
"""An address that no machine has: asking for the way to it sends nothing, and names this machine's own address."""
STYLE = """
:root { color-scheme: light dark; --jp-content-font-color1: CanvasText; --jp-content-font-color2: GrayText; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 1rem auto; max-width: 64rem; padding: 0 1rem; }
img { max-width: 100%; height: auto; }
@media (prefers-color-scheme: dark) { img { filter: invert(1) hue-rotate(180deg); } }
"""


def address(where: str) -> str:
    """This machine's address: on itself (``here``), or on its network (``room``). Raises WrongUsage, NotReady."""
    if where == "here":
        return HOST
    if where != "room":
        raise WrongUsage(f"{where!r} is no place.", 'Write "here" or "room".')
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(ANYWHERE)
        except OSError as error:
            raise NotReady("This machine is in no network.", 'Share one screen: see("logs").') from error
        return str(probe.getsockname()[0])


class JigsawPages(PageServer):
    """A page for each role of one incident, on this machine or on the room's network."""

    def __init__(self, where: str) -> None:
        super().__init__(host=address(where))
        self.tokens = {name: secrets.token_urlsafe(16) for name in ROLES}

    def routes(self, served: Any) -> list[Any]:
        """One for each role."""
        given = {"served": served, "pool": self._pool, "names": {self.host} | NAMES}
        return [
            (f"/{name}", RolePage, {**given, "tokens": [token], "role": name}) for name, token in self.tokens.items()
        ]

    def addresses(self) -> Rendered:
        """Where each page is."""
        rows = [(name, f"http://{self.host}:{self.port}/{name}?token={one}") for name, one in self.tokens.items()]
        return table(f"One address for each of you. {DEPLOYS}", ["signal", "address"], rows)


class RolePage(Handler):
    """What one role sees of the incident, now."""

    async def get(self) -> None:
        """As HTML, without any script."""
        name, token = self.more["role"], self.get_query_argument("token", "")
        release = self.get_query_argument("release", "")
        body = await self.from_thread(lambda: SEEN[name](self.served, token, release))
        title = f"{self.served.record.name.capitalize()}: {name}"
        told = " ".join((ROLES[name], DEPLOYS, self.served.record.reference))
        self.set_header("Content-Security-Policy", POLICY)
        self.answer(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
            f'<meta name="viewport" content="width=device-width">'
            f'<meta http-equiv="refresh" content="{RELOAD_SECONDS}">'
            f"<style>{STYLE}</style><h1>{title}</h1><p>{escape(told)}</p>{body}</html>",
            HTML,
        )


def _configuration(incident: Any, token: str, release: str) -> str:
    """The releases, and what the chosen one changed; each new choice is noted on the card."""
    history = incident.shop.history
    body = "".join(
        f"<li>{one.time:%H:%M:%S} {escape(one.environment)}: release {one.number}, "
        f'<a href="?token={escape(token)}&amp;release={one.number}">what did it change?</a></li>'
        for one in history
    )
    body = f"<ul>{body}</ul>"
    chosen = next((one for one in history if str(one.number) == release), None)
    if chosen is None:
        return body
    earlier = [one.number for one in history if one.environment == chosen.environment and one.number < chosen.number]
    if not earlier:
        return f"{body}<p>Release {chosen.number} was the first.</p>"
    incident.note_once(f"compared releases {earlier[-1]}, {chosen.number}")
    found = incident.shop.compare(earlier[-1], chosen.number).reset_index()
    return body + table(f"What release {chosen.number} changed", [*map(str, found)], found.to_numpy().tolist()).html


def _logs(incident: Any, *_: str) -> str:
    """The newest lines, requests apart from all others."""
    lines = incident.shop.lines().reindex(columns=COLUMNS)
    is_request = lines["msg"] == "request"
    parts = {
        "The newest lines that are no requests": lines[~is_request],
        "The newest requests of customers": lines[is_request & ~lines["route"].isin(PROBES)],
    }
    shown = [(title, some.tail(LINES).to_numpy()) for title, some in parts.items()]
    return "".join(table(title, COLUMNS, [[*map(_cell, row)] for row in rows]).html for title, rows in shown)


def _metrics(incident: Any, *_: str) -> str:
    """A picture of each environment."""
    pictures = []
    for name in incident.shop.environments:
        tables = incident.watcher.tables(name, seconds=SECONDS + 5)
        view = of_container(tables, (), name, time.time(), SECONDS, metrics.PANELS)
        pictures.append(charts.picture(renderer.figure(name, view), in_words(name, view)).html)
    return "".join(pictures)


def _cell(value: object) -> str:
    if isinstance(value, pd.Timestamp):
        return f"{value:%H:%M:%S.%f}"[:-3]
    return "" if pd.isna(value) else visible(str(value), 120)


SEEN: dict[str, Callable[[Any, str, str], str]] = {"configuration": _configuration, "logs": _logs, "metrics": _metrics}
