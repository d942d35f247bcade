"""Open a page where somebody can see it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import webbrowser
from collections.abc import Mapping
from pathlib import Path


def open_in_browser(url: str) -> bool:
    """Open ``url`` in the user's browser; False where there is none to open (the caller has printed the URL)."""
    command = browser_command(sys.platform, os.environ, _is_wsl())
    if command is None:
        return False
    if command == ():
        return webbrowser.open(url)
    subprocess.Popen(
        [*command, url],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    return True


def browser_command(platform: str, environment: Mapping[str, str], wsl: bool) -> tuple[str, ...] | None:
    """Return the command that opens a URL, () for Python's own way, None where nobody would see it."""
    if wsl:
        for name in ("wslview", "explorer.exe"):
            if shutil.which(name):
                return (name,)
    if platform == "darwin":
        return None if "SSH_CONNECTION" in environment else ("open",)
    if environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"):
        return ("xdg-open",) if shutil.which("xdg-open") else ()
    return None


def _is_wsl() -> bool:
    version = Path("/proc/version")
    return version.is_file() and "microsoft" in version.read_text().lower()
