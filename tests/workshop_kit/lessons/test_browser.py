"""The user's browser: which program opens a page, and what other users see of it."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from workshop_kit.lessons import browser
from workshop_kit.lessons.browser import browser_command, open_in_browser

DISPLAY = {"DISPLAY": ":0"}
URL = "http://127.0.0.1:8888/lab/tree/a.ipynb?token=secret&reset"


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A PATH with the programs that open pages, and nothing else."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("xdg-open", "wslview"):
        (tmp_path / name).touch(mode=0o755)


@pytest.mark.parametrize(
    ("platform", "environment", "wsl", "command"),
    [
        ("linux", DISPLAY, False, ("xdg-open",)),
        ("linux", {}, False, None),  # a server without a screen
        ("darwin", {}, False, ("open",)),
        ("darwin", {"SSH_CONNECTION": "x"}, False, None),
        ("linux", {}, True, ("wslview",)),
    ],
)
def test_each_system_has_its_own_program(
    platform: str, environment: dict[str, str], wsl: bool, command: tuple[str, ...] | None
) -> None:
    """A desktop, a server, a Mac, a Mac reached over SSH, and Windows through WSL2."""
    assert browser_command(platform, environment, wsl) == command


def test_no_command_line_holds_the_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The browser gets a page that only this user can read, and that page leads to the address."""
    started: list[list[str]] = []

    def record(command: list[str], **_: Any) -> None:
        started.append(command)

    monkeypatch.setattr(subprocess, "Popen", record)
    monkeypatch.setattr(browser, "_is_wsl", lambda: False)
    monkeypatch.setenv("DISPLAY", ":0")
    page = tmp_path / "open.html"
    open_in_browser(URL, page)
    assert started == [["xdg-open", page.as_uri()]]
    assert URL.replace("&", "&amp;") in page.read_text()
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
