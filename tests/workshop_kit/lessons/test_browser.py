"""Which browser is opened where."""

from __future__ import annotations

from pathlib import Path

import pytest

from workshop_kit.lessons.browser import browser_command

DISPLAY = {"DISPLAY": ":0"}


@pytest.mark.parametrize(
    ("platform", "environment", "wsl", "command"),
    [
        ("linux", DISPLAY, False, ("xdg-open",)),
        ("linux", {}, False, None),  # a server without a screen: the URL is printed
        ("darwin", {}, False, ("open",)),
        ("darwin", {"SSH_CONNECTION": "x"}, False, None),
        ("linux", {}, True, ("wslview",)),
    ],
)
def test_each_system_has_its_own(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    platform: str,
    environment: dict[str, str],
    wsl: bool,
    command: tuple[str, ...] | None,
) -> None:
    """A desktop, a server, a Mac, a Mac reached over SSH, and Windows through WSL2."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("xdg-open", "wslview"):
        (tmp_path / name).touch(mode=0o755)
    assert browser_command(platform, environment, wsl) == command
