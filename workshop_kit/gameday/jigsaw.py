"""The jigsaw: three people share an incident, and each sees one signal, in the notebook or on a page of its own.

Each page has a token of its own; only the notebook that serves them can release and restart.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from workshop_kit.display.page_server import HOST, HTML, NAMES, Handler, PageServer, network_address
from workshop_kit.display.rendered import Rendered, cell, table, template
from workshop_kit.display.timeline import Timeline, live_span
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
DEPLOY_NOTE = "Only the notebook releases and restarts: agree before you do."
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
"""The pages have no script: a tag reloads them."""
RELOAD_SECONDS = 4
CLOCK_NOTE = (
    "Your clock stops at the first look after it began to hurt, by any of you: open a page, compare, or look now."
)
"""A page that reloads by itself is no look: nobody may be before it."""
LINES = 30
COLUMNS = ["ts", "service", "level", "msg", "dependency", "error", "route", "status", "duration_ms"]


class JigsawPages(PageServer):
    """Serves a page for each signal of one incident, on this machine (``here``) or in its network (``room``).

    ``tokens`` has a token for each role.
    """

    source = "the cell with share()"

    def __init__(self, where: str) -> None:
        if where not in ("here", "room"):
            raise WrongUsage(f"{where!r} is no place.", 'Write "here" or "room".')

        host = HOST if where == "here" else network_address()
        super().__init__(host=host)
        self.tokens = {role: secrets.token_urlsafe(16) for role in ROLES}

    def routes(self, _: Any) -> list[Any]:
        """Return a route for each signal."""
        host_names = {self.host} | NAMES
        routes = []
        for role, token in self.tokens.items():
            arguments = {"tokens": [token], "names": host_names, "role": role}
            routes.append((f"/{role}", RolePage, arguments))
        return routes

    def addresses(self) -> Rendered:
        """Return the addresses of the pages as a table."""
        rows = [(role, f"http://{self.host}:{self.port}/{role}?token={token}") for role, token in self.tokens.items()]
        return table(f"One address for each of you. {DEPLOY_NOTE}", ["signal", "address"], rows)


class RolePage(Handler):
    """One signal of the incident."""

    async def get(self) -> None:
        """Send the page of a signal: HTML without a script. Unless it reloads by itself, note that a person looked."""
        incident = self.served
        role = self.route_arguments["role"]
        token = self.get_query_argument("token", "")
        release_number = self.get_query_argument("release", "")
        is_reload = self.get_query_argument("reloaded", "") != ""
        if not is_reload:
            incident.note_page_action(page_action(incident, role, release_number))

        content = await self.from_thread(partial(PAGES[role], incident, release_number))
        page = template(Path(__file__).with_name("jigsaw.html"))
        html = page.render(
            title=f"{incident.record.name.capitalize()}: {role}",
            text=f"{ROLES[role]} {DEPLOY_NOTE} {incident.record.reference}",
            look=CLOCK_NOTE,
            seconds=RELOAD_SECONDS,
            token=token,
            release=release_number,
            **content,
        )

        self.set_header("Content-Security-Policy", POLICY)
        self.answer(html, HTML)


def page_action(incident: Any, role: str, release: str) -> str:
    """Return what a person did who opened a page, in the words of the card."""
    pair = _pair_to_compare(incident, release) if role == "configuration" else None
    if pair is None:
        return f"looked at the page of {role}"

    former_number, chosen_number = pair
    return f"compared releases {former_number}, {chosen_number}"


def _pair_to_compare(incident: Any, release_number: str) -> tuple[int, int] | None:
    """Return the numbers of the release before the chosen one in its environment, and of the chosen one.

    Returns None if there is no release of that number, or none before it.
    """
    history = incident.shop.history
    chosen_release = next((release for release in history if str(release.number) == release_number), None)
    if chosen_release is None:
        return None

    same_environment = [release for release in history if release.environment == chosen_release.environment]
    earlier_numbers = [release.number for release in same_environment if release.number < chosen_release.number]
    if not earlier_numbers:
        return None
    return earlier_numbers[-1], chosen_release.number


def _configuration_content(incident: Any, release_number: str) -> dict[str, Any]:
    """Return the releases, and a table of what the chosen one changed."""
    history = incident.shop.history
    pair = _pair_to_compare(incident, release_number)
    if pair is not None:
        differences = incident.shop.compare(*pair).reset_index()
        headings = [str(column) for column in differences]
        changes = table(f"What release {release_number} changed", headings, differences.to_numpy().tolist())
        return {"history": history, "shown": changes.html}

    is_first_release = any(str(release.number) == release_number for release in history)
    if is_first_release:
        return {"history": history, "shown": f"<p>Release {release_number} was the first.</p>"}
    return {"history": history, "shown": ""}


def _logs_content(incident: Any, _: str) -> dict[str, Any]:
    """Return two tables: the newest log lines that are no requests, and the newest requests."""
    lines = incident.shop.lines().reindex(columns=COLUMNS)
    is_request = lines["msg"] == "request"
    is_probe = lines["route"].isin(PROBES)
    other_table = _lines_table("The newest lines that are no requests", lines[~is_request])
    request_table = _lines_table("The newest requests of customers", lines[is_request & ~is_probe])
    return {"shown": other_table.html + request_table.html}


def _lines_table(title: str, lines: pd.DataFrame) -> Rendered:
    """Return a table of the last LINES log lines."""
    rows = [_texts(row) for row in lines.tail(LINES).itertuples(index=False)]
    return table(title, COLUMNS, rows)


def _texts(row: Iterable[object]) -> list[str]:
    """Return the values of a log line as short texts without control characters."""
    return [visible(cell(value), 120) for value in row]


def _metrics_content(incident: Any, _: str) -> dict[str, Any]:
    """Return the charts of each environment."""
    html = ""
    for environment in incident.shop.environments:
        tables = incident.watcher.tables(environment)
        start, end = live_span(incident.record.began)
        timeline = Timeline(environment, environment, tables.requests, start, end, PANELS, tables.health, tables.events)
        html += timeline.picture().html
    return {"shown": html}


PAGES: dict[str, Callable[[Any, str], dict[str, Any]]] = {
    "configuration": _configuration_content,
    "logs": _logs_content,
    "metrics": _metrics_content,
}
