"""The site, built and read without a network: links, search, themes, and nothing from outside."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Page, Request, expect

from tests.browser.lab_page import SCREENSHOTS, brightness
from tests.commands import run

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
WIDTHS = (400, 800, 1440)
PAGES = (
    "index",
    "docs/book/01_container",
    "docs/commands",
    "notebooks/01_container.notes",
)
WITHOUT_EXCERPT = "Failed to fetch"
"""What Sphinx's search says where a page comes from a file: a result is there, its excerpt needs a server."""


def without_network() -> list[str]:
    """Return the words that run a command without a network; none where this system has no such command."""
    for words in (["unshare", "--net"], ["unshare", "--map-root-user", "--net"]):
        with contextlib.suppress(FileNotFoundError, subprocess.CalledProcessError):
            subprocess.run([*words, "true"], capture_output=True, check=True)
            return words
    return []


@pytest.fixture(scope="module")
def site(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as ``./workshop site`` builds it, without a network where this system can cut it off."""
    folder = tmp_path_factory.mktemp("site") / "my site"
    command = (sys.executable, "-m", "workshop_kit.cli", "site", "--no-install", "--out", folder)
    assert run(*without_network(), *command, PYTHONPATH=str(root)) == f"Site: {folder}/index.html\n"
    return folder


def documents(site: Path) -> dict[Path, BeautifulSoup]:
    """Every page of the site, parsed."""
    by_path = {path: BeautifulSoup(path.read_text(), "html.parser") for path in sorted(site.resolve().rglob("*.html"))}
    assert len(by_path) > 30
    return by_path


def test_links_lead_somewhere_and_nothing_comes_from_outside(site: Path) -> None:
    """Every file is there, every anchor is on its page; addresses of the web stand in links alone."""
    pages = documents(site)
    anchors: dict[Path, set[str]] = {}
    for path, page in pages.items():
        anchors[path] = {str(tag["id"]) for tag in page.find_all(id=True)}

    wrong: list[str] = []
    for path, page in pages.items():
        loaded = [str(tag.get("src") or tag.get("href") or "") for tag in page(["script", "img", "link", "iframe"])]
        linked = [str(tag["href"]) for tag in page("a", href=True)]
        wrong += [f"{path.name} loads {url}" for url in loaded if urlsplit(url).scheme not in {"", "data"}]
        for url in (*loaded, *linked):
            parts = urlsplit(url)
            if parts.scheme:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                wrong.append(f"{path.name} links to {url}, which is no file")
            elif parts.fragment and target in anchors and unquote(parts.fragment) not in anchors[target]:
                wrong.append(f"{path.name} links to {url}, an anchor that is not there")
    assert wrong == []


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of a browser without a network; a request to anything but a file is an error."""
    context = chromium.new_context(offline=True, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    outside: list[str] = []
    errors: list[str] = []

    def note_outside(request: Request) -> None:
        if urlsplit(request.url).scheme in {"http", "https"}:
            outside.append(request.url)

    page.on("request", note_outside)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert outside == []
    assert [error for error in errors if error != WITHOUT_EXCERPT] == []


@pytest.mark.parametrize(("word", "title"), [("OOMKilled", "01 · "), ("seat", "Notes for 01 · ")])
def test_the_search_works_from_a_file(site: Path, page: Page, word: str, title: str) -> None:
    """A word of a lesson or of notes, typed into the search of the front page, leads to their page."""
    page.goto((site / "index.html").as_uri())
    page.keyboard.press("Control+k")
    page.keyboard.type(word)
    page.keyboard.press("Enter")
    result = page.locator("#search-results").get_by_role("link", name=re.compile(f"^{title}")).first
    expect(result).to_be_visible()
    result.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(re.compile(f"^{title}"))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_pages_fit_every_width_in_both_themes(site: Path, page: Page, *, dark: bool) -> None:
    """From a phone's on, wide tables and lines of code scroll inside of the page; the theme follows the system's."""
    page.emulate_media(color_scheme="dark" if dark else "light")
    for name in PAGES:
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            page.goto((site / f"{name}.html").as_uri())
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            assert (brightness(page.locator("body")) < 128) == dark
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
            page.screenshot(
                path=SCREENSHOTS / f"site-{name.replace('/', '-')}-{width}-{'dark' if dark else 'light'}.png"
            )
