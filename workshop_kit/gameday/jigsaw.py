"""The jigsaw: three people share an incident, and each sees one signal, in the notebook or on a page of its own.

Each page has a token of its own; only the notebook that serves them can release and restart.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from workshop_kit.display import charts
from workshop_kit.display.dashboard import renderer
from workshop_kit.display.dashboard.view import container_view, describe
from workshop_kit.display.page_server import HOST, HTML, NAMES, Handler, PageServer, network_address
from workshop_kit.display.rendered import Rendered, cell, table, template
from workshop_kit.errors import WrongUsage
from workshop_kit.gameday.customers import PANELS
from workshop_kit.observe.scrape import PROBES
from workshop_kit.untrusted_text import visible

EVERYTHING = "everything"
ROLES = {
    "configuration": "You know what was released, when, and what it changed. Ask the others: since when, and where?",
    "logs": "You read what the service wrote. Ask the others: what was changed then? Does it use more than before?",
    "metrics": "You see customers, latency, CPU, memory, health. Ask the others: what does it say? What was changed?",
}
"""The signals, each with the text of its page."""
DEPLOYS = "Only the notebook releases and restarts: agree before you do."
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
"""The pages have no script: a tag reloads them."""
RELOAD_SECONDS = 4
LOOK = "Your clock stops at the first look after it began to hurt, by any of you: open a page, compare, or look now."
"""A page that reloads by itself is no look: nobody may be before it."""
SECONDS = 120.0
LINES = 30
COLUMNS = ["ts", "service", "level", "msg", "dependency", "error", "route", "status", "duration_ms"]


class JigsawPages(PageServer):
    """Serves a page for each signal of one incident, on this machine (``here``) or in its network (``room``)."""

    source = "the cell with share()"

    def __init__(self, where: str) -> None:
        if where not in ("here", "room"):
            raise WrongUsage(f"{where!r} is no place.", 'Write "here" or "room".')
        super().__init__(host=HOST if where == "here" else network_address())
        self.tokens = {name: secrets.token_urlsafe(16) for name in ROLES}

    def routes(self, _: Any) -> list[Any]:
        """Return a route for each signal."""
        names = {self.host} | NAMES
        return [
            (f"/{role}", RolePage, {"tokens": [token], "names": names, "role": role})
            for role, token in self.tokens.items()
        ]

    def addresses(self) -> Rendered:
        """Return the addresses of the pages."""
        rows = [(name, f"http://{self.host}:{self.port}/{name}?token={token}") for name, token in self.tokens.items()]
        return table(f"One address for each of you. {DEPLOYS}", ["signal", "address"], rows)


class RolePage(Handler):
    """One signal of the incident."""

    async def get(self) -> None:
        """Answer with HTML without a script."""
        name = self.more["role"]
        token = self.get_query_argument("token", "")
        release = self.get_query_argument("release", "")
        by_itself = bool(self.get_query_argument("reloaded", ""))
        if not by_itself:
            self.served.note_of_seat(looked_at(self.served, name, release))

        content = await self.from_thread(lambda: PAGES[name](self.served, release))
        title = f"{self.served.record.name.capitalize()}: {name}"
        text = " ".join((ROLES[name], DEPLOYS, self.served.record.reference))
        self.set_header("Content-Security-Policy", POLICY)
        page = template(Path(__file__).with_name("jigsaw.html"))
        html = page.render(
            title=title, text=text, look=LOOK, seconds=RELOAD_SECONDS, token=token, release=release, **content
        )
        self.answer(html, HTML)


def looked_at(incident: Any, role: str, release: str) -> str:
    """Return the action of a person who opens a page, as the card has it."""
    pair = _pair_to_compare(incident, release) if role == "configuration" else ()
    if pair:
        return f"compared releases {', '.join(map(str, pair))}"
    return f"looked at the page of {role}"


def _pair_to_compare(incident: Any, release: str) -> tuple[int, ...]:
    """Return the chosen release and the one before it in its environment; nothing if there is no such pair."""
    history = incident.shop.history
    chosen_release = next((deployed for deployed in history if str(deployed.number) == release), None)
    if chosen_release is None:
        return ()

    numbers = [deployed.number for deployed in history if deployed.environment == chosen_release.environment]
    earlier = [number for number in numbers if number < chosen_release.number]
    return (earlier[-1], chosen_release.number) if earlier else ()


def _configuration(incident: Any, release: str) -> dict[str, Any]:
    """Return the releases, and what the chosen one changed."""
    history = incident.shop.history
    pair = _pair_to_compare(incident, release)
    if pair:
        differences = incident.shop.compare(*pair).reset_index()
        changes = table(f"What release {release} changed", [*map(str, differences)], differences.to_numpy().tolist())
        return {"history": history, "shown": changes.html}

    is_first = any(str(deployed.number) == release for deployed in history)
    return {"history": history, "shown": f"<p>Release {release} was the first.</p>" if is_first else ""}


def _logs(incident: Any, _: str) -> dict[str, Any]:
    lines = incident.shop.lines().reindex(columns=COLUMNS)
    is_request = lines["msg"] == "request"
    parts = {
        "The newest lines that are no requests": lines[~is_request],
        "The newest requests of customers": lines[is_request & ~lines["route"].isin(PROBES)],
    }

    html = ""
    for title, part in parts.items():
        rows = [_texts(row) for row in part.tail(LINES).itertuples(index=False)]
        html += table(title, COLUMNS, rows).html
    return {"shown": html}


def _texts(row: Iterable[object]) -> list[str]:
    return [visible(cell(value), 120) for value in row]


def _metrics(incident: Any, _: str) -> dict[str, Any]:
    pictures = []
    for name in incident.shop.environments:
        tables = incident.watcher.tables(name, seconds=SECONDS + 5)
        view = container_view(tables, (), name, time.time(), SECONDS, PANELS)
        pictures.append(charts.picture(renderer.figure(name, view), describe(name, view)).html)
    return {"shown": "".join(pictures)}


PAGES: dict[str, Callable[[Any, str], dict[str, Any]]] = {
    "configuration": _configuration,
    "logs": _logs,
    "metrics": _metrics,
}
