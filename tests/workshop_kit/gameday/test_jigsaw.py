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
        assert get(pages, role).status_code == 403
        assert [other for other in ROLES if get(pages, other, token=token).status_code == 200] == [role]
        assert f"/{role}?token={token}" in pages.addresses().text
    assert get(pages, "elsewhere", token=pages.tokens["logs"]).status_code == 403


def test_each_page_shows_its_own_signal(pages: JigsawPages) -> None:
    """The log has no release, releases hide their changes until asked, and all pages say that the notebook acts."""
    configuration, log = (get(pages, role, token=pages.tokens[role]).text for role in ("configuration", "logs"))
    assert "production: release 42" in configuration
    assert "PASSWORD" not in configuration
    assert "Access denied" in log
    assert "release 42" not in log
    assert "Only the notebook releases and restarts" in configuration
    assert "<script" not in configuration + log


def test_pages_are_served_in_the_network_only_when_asked_to() -> None:
    """``here`` is loopback, ``room`` the network; other words are refused."""
    for where, address in (("here", r"127\.0\.0\.1"), ("room", r"\d+\.\d+\.\d+\.\d+")):
        pages = jigsaw.JigsawPages(where)
        pages.stop()
        assert re.fullmatch(address, pages.host)
    with pytest.raises(WrongUsage, match="'moon' is no place"):
        jigsaw.JigsawPages("moon")
