"""Which browser is opened where."""

from __future__ import annotations

from pathlib import Path

import pytest

from workshop_kit.learn.browser import browser_command


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH that holds what a test puts there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def install(folder: Path, name: str) -> None:
    """Put a program on the PATH."""
    (folder / name).touch()
    (folder / name).chmod(0o755)


def test_a_desktop_opens_its_browser(programs: Path) -> None:
    """A Linux desktop opens through xdg-open, or Python's own way where that is missing."""
    assert browser_command("linux", {"DISPLAY": ":0"}, wsl=False) == ()
    install(programs, "xdg-open")
    assert browser_command("linux", {"DISPLAY": ":0"}, wsl=False) == ("xdg-open",)
    assert browser_command("linux", {"WAYLAND_DISPLAY": "wayland-0"}, wsl=False) == ("xdg-open",)


def test_nobody_is_there(programs: Path) -> None:
    """A server without a screen, and a Mac reached over SSH, open nothing: the URL is printed."""
    install(programs, "xdg-open")
    assert browser_command("linux", {}, wsl=False) is None
    assert browser_command("darwin", {"SSH_CONNECTION": "x"}, wsl=False) is None


def test_mac_and_windows(programs: Path) -> None:
    """A Mac uses open; WSL the browser of Windows, by wslview where that is installed."""
    assert browser_command("darwin", {}, wsl=False) == ("open",)
    assert browser_command("linux", {}, wsl=True) is None
    install(programs, "explorer.exe")
    assert browser_command("linux", {}, wsl=True) == ("explorer.exe",)
    install(programs, "wslview")
    assert browser_command("linux", {}, wsl=True) == ("wslview",)
