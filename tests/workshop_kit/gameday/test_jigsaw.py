"""The pages of a jigsaw: each token opens the page of one signal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.workshop_kit.gameday import recorded
from workshop_kit.errors import WrongUsage
from workshop_kit.gameday import jigsaw
from workshop_kit.gameday.incident import Incident
from workshop_kit.gameday.jigsaw import ROLES, JigsawPages


@pytest.fixture
def incident(tmp_path: Path) -> Incident:
    """A recorded Monday."""
    return recorded.incident(tmp_path, "monday")


@pytest.fixture
def pages(incident: Incident) -> Iterator[JigsawPages]:
    """Its pages, on this machine."""
    opened = JigsawPages("here")
    yield opened.start(incident)
    opened.stop()


def get(pages: JigsawPages, role: str, **query: str) -> httpx.Response:
    """Ask for a page."""
    return httpx.get(f"http://127.0.0.1:{pages.port}/{role}", params=query, trust_env=False, timeout=60)


def test_a_token_opens_its_own_page_alone(pages: JigsawPages) -> None:
    """No other token opens it, and no token opens an unknown address."""
    for role, token in pages.tokens.items():
        refused = get(pages, role)
        assert refused.status_code == 403
        assert refused.json() == {"error": "Not without the address that the cell with share() printed."}
        assert [page_role for page_role in ROLES if get(pages, page_role, token=token).status_code == 200] == [role]
        assert f"/{role}?token={token}" in pages.addresses().text
    nowhere = get(pages, "elsewhere", token=pages.tokens["logs"])
    assert (nowhere.status_code, "desk" in nowhere.text) == (403, False)


def test_each_page_shows_its_own_signal(pages: JigsawPages) -> None:
    """The log has no release, releases hide their changes until asked, and all pages say that the notebook acts."""
    configuration, log = (get(pages, role, token=pages.tokens[role]).text for role in ("configuration", "logs"))
    assert "production: release 42" in configuration
    assert "PASSWORD" not in configuration
    assert "Access denied" in log
    assert "release 42" not in log
    assert "Only the notebook releases and restarts" in configuration
    assert "<script" not in configuration + log


def test_opening_a_page_or_comparing_counts_for_the_time_to_detect(pages: JigsawPages, incident: Incident) -> None:
    """Each seat's own look counts, whatever cell runs in the notebook; a page that reloads by itself does not."""
    logs = get(pages, "logs", token=pages.tokens["logs"], reloaded="1")
    assert logs.status_code == 200
    assert (incident.record.detected, incident.record.actions) == (None, ())
    assert "reloaded=1" in logs.text, "the page reloads as a page that reloads"

    token = pages.tokens["configuration"]
    get(pages, "configuration", token=token, release="42", reloaded="1")
    assert incident.record.detected is None
    shown = get(pages, "configuration", token=token, release="42")
    assert "What release 42 changed" in shown.text
    assert incident.record.detected is not None
    (noted,) = incident.record.actions
    assert noted.endswith("compared releases 41, 42")


@pytest.mark.parametrize("role", ROLES)
def test_any_seat_stops_the_clock(pages: JigsawPages, incident: Incident, role: str) -> None:
    """The person who opens a page has looked; the card says at which signal."""
    get(pages, role, token=pages.tokens[role])
    assert incident.record.detected is not None
    assert incident.record.actions[0].endswith(f"looked at the page of {role}")


def test_pages_are_served_in_the_network_only_when_asked_to() -> None:
    """``here`` is loopback, ``room`` the network; other words are refused."""
    for where, address in (("here", r"127\.0\.0\.1"), ("room", r"\d+\.\d+\.\d+\.\d+")):
        pages = jigsaw.JigsawPages(where)
        pages.stop()
        assert re.fullmatch(address, pages.host)
    with pytest.raises(WrongUsage, match="'moon' is no place"):
        jigsaw.JigsawPages("moon")
