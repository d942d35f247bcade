"""Open a page in the user's browser without its address in any command line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import webbrowser
from collections.abc import Mapping
from html import escape
from pathlib import Path

from workshop_kit.files import write_atomically

REDIRECT = """<!DOCTYPE html>
<meta charset="utf-8"><meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={url}">
<title>Container Design Workshop</title>
<p><a href="{url}">Open the workshop</a></p>
"""
WINDOWS = ("wslview", "explorer.exe")
"""Programs that open a page in Windows; only WSL2 has them."""


def open_in_browser(url: str, redirect: Path) -> None:
    """Open ``url`` through ``redirect``, a page that only this user can read; do nothing without a screen.

    The address holds a token, and every user sees the arguments of every process. The caller deletes ``redirect``
    when its server ends. Raises NotReady when the page cannot be written.
    """
    windows = next(filter(shutil.which, WINDOWS), None)
    if windows is None and not has_screen(sys.platform, os.environ):
        return
    write_atomically(redirect, REDIRECT.format(url=escape(url)).encode(), mode=0o600)
    if windows is None:
        webbrowser.open(redirect.as_uri())
        return
    page = str(redirect)
    if windows == "explorer.exe":  # it takes a Windows path
        said = subprocess.run(["wslpath", "-w", page], capture_output=True, text=True, check=False)
        page = said.stdout.strip()
    subprocess.Popen(
        [windows, page],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def has_screen(platform: str, environment: Mapping[str, str]) -> bool:
    """Return whether a browser's window would be seen."""
    if platform == "darwin":
        return "SSH_CONNECTION" not in environment
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))
