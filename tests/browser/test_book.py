"""``./workshop start`` on a machine without an engine: the reason, and the book."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.lab_page import SCREENSHOTS, WAIT_MS

pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.xdist_group("browser")]
SHOWN = "images => images.every(image => image.complete && image.naturalWidth > 0)"


@pytest.fixture
def started(root: Path, clean_environment: dict[str, str], tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address that ``start`` printed without an engine, and the file that holds its stderr."""
    environment = {**clean_environment, "PYTHONPATH": str(root), "DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    command = [sys.executable, "-m", "workshop_kit.cli", "start", "--no-browser"]
    said = tmp_path / "stderr"
    with said.open("w") as errors:
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("JupyterLab: "), said.read_text()
        yield line.split()[1], said
    finally:
        process.terminate()
        assert process.wait(30) == 0


def test_without_an_engine_the_book_opens(chromium: Browser, started: tuple[str, Path]) -> None:
    """One sentence gives the reason; contents, links to chapters and every picture are shown."""
    url, said = started
    complaint, *more = said.read_text().strip().split("\n")
    assert re.match(
        r"No Docker engine: there is no socket at unix://\S+ \(DOCKER_HOST is set\)\. Start Docker", complaint
    )
    assert more == ["Until then you can read the book: the lessons with their outputs."]
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(WAIT_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url)
    contents = page.locator(".jp-MarkdownViewer:visible")
    expect(contents.get_by_role("heading", level=1)).to_contain_text("The lessons, as executed", timeout=WAIT_MS)
    for start_of_title in ("00 · ", "01 · "):
        page.locator(".lm-TabBar-tabLabel", has_text="README.md").click()
        contents.get_by_role("link", name=start_of_title).click()
        expect(contents.get_by_role("heading", level=1)).to_contain_text(start_of_title)
        images = contents.locator("img")
        expect(images.first).to_be_visible()
        page.wait_for_function(
            "() => [...document.querySelectorAll('.jp-MarkdownViewer img')].every(one => one.naturalWidth > 0)"
        )
        assert images.evaluate_all(SHOWN)
    page.screenshot(path=SCREENSHOTS / "book.png")
    page.close()
    assert errors == []
