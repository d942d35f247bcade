"""The user's browser: when a page is opened, and what other users see of it."""

from __future__ import annotations

import stat
import subprocess
import webbrowser
from pathlib import Path
from typing import Any

import pytest

from workshop_kit.lessons.browser import has_screen, open_in_browser

URL = "http://127.0.0.1:8888/lab/tree/a.ipynb?token=secret&reset"


@pytest.mark.parametrize(
    ("platform", "environment", "has"),
    [
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {}, False),
        ("darwin", {}, True),
        ("darwin", {"SSH_CONNECTION": "x"}, False),
    ],
)
def test_no_page_is_opened_without_a_screen(platform: str, environment: dict[str, str], has: bool) -> None:
    """A desktop and a Mac have one; a server, and a Mac reached over SSH, have none."""
    assert has_screen(platform, environment) is has


@pytest.mark.parametrize("program", ["", "wslview"])
def test_no_command_line_holds_the_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str) -> None:
    """The browser, here or in Windows, gets a page that only this user can read, and that leads to the address."""
    started: list[str] = []

    def record(command: Any, **_: Any) -> None:
        started.extend([command] if isinstance(command, str) else command)

    monkeypatch.setattr(subprocess, "Popen", record)
    monkeypatch.setattr(webbrowser, "open", record)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("PATH", str(tmp_path))
    if program:
        (tmp_path / program).touch(mode=0o755)
    page = tmp_path / "open.html"
    open_in_browser(URL, page)
    assert started == ([program, str(page)] if program else [page.as_uri()])
    assert URL.replace("&", "&amp;") in page.read_text()
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
