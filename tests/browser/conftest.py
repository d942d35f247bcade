"""One JupyterLab on a scratch workspace, and one browser in front of it, for all tests of this folder."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, expect, sync_playwright

from tests.browser.lab_page import WAIT_MS, LabPage
from workshop_dev.suite import find_browser
from workshop_kit import provision
from workshop_kit.engine import cleanup
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.lessons.lab import LabServer, start_server
from workshop_kit.workspace.folder import Workspace

expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """Playwright's sync API.

    Not for the whole session: while it is open, no other event loop can run in this thread.
    """
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """The system's Chromium, headless."""
    program = find_browser()
    if program is None:
        pytest.fail("The tests need Chromium or Chrome: ./workshop test installs one.")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    browser = playwright.chromium.launch(executable_path=program, args=[*sandbox, "--disable-gpu"])
    yield browser
    browser.close()


@pytest.fixture(scope="package")
def browser_context(chromium: Browser) -> BrowserContext:
    """The context of JupyterLab's pages: its cache has JupyterLab's scripts from the second page on."""
    return chromium.new_context(viewport={"width": 1280, "height": 900})


@pytest.fixture(scope="package")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A scratch workspace in a folder with a space in its name."""
    return Workspace.open(tmp_path_factory.mktemp("browser") / "my workspace")


@pytest.fixture(scope="package")
def session(workspace: Workspace, engine: Engine) -> Iterator[Session]:
    """The scratch workspace's session; everything made in it is removed at the end."""
    session = provision.session_of(workspace, engine)
    yield session
    assert cleanup.remove(session, {"kernel", "workspace"}).left == []


@pytest.fixture(scope="package")
def server(workspace: Workspace) -> Iterator[LabServer]:
    """A JupyterLab as ``./workshop start`` starts it."""
    server = start_server(workspace)
    yield server
    server.stop()


@pytest.fixture
def lab(browser_context: BrowserContext, server: LabServer, workspace: Workspace) -> Iterator[LabPage]:
    """A browser page on a workspace without progress; the kernels of the test end with it."""
    workspace.progress_path.unlink(missing_ok=True)
    page = browser_context.new_page()
    yield LabPage(page, server, workspace)
    page.close()
    for running in server.call("GET", "/api/sessions", timeout_seconds=60).json():
        server.call("DELETE", f"/api/sessions/{running['id']}", timeout_seconds=20)
