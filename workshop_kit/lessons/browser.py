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

from workshop_kit.workspace.files import explain, write_atomically

REDIRECT = """<!DOCTYPE html>
<meta charset="utf-8"><meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={url}">
<title>Container Design Workshop</title>
<p><a href="{url}">Open the workshop</a></p>
"""


def open_in_browser(url: str, redirect: Path) -> None:
    """Open ``url`` through ``redirect``, a page that only this user can read; do nothing without a browser.

    The address holds a token, and every user sees the arguments of every process. The caller deletes ``redirect``
    when its server ends. Raises NotReady when the page cannot be written.
    """
    command = browser_command(sys.platform, os.environ, _is_wsl())
    if command is None:
        return
    try:
        write_atomically(redirect, REDIRECT.format(url=escape(url)).encode(), mode=0o600)
    except OSError as error:
        raise explain(error, redirect) from error
    if command == ():
        webbrowser.open(redirect.as_uri())
        return
    subprocess.Popen(
        [*command, _argument(command[0], redirect)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def browser_command(platform: str, environment: Mapping[str, str], wsl: bool) -> tuple[str, ...] | None:
    """Return the command that opens a page, () for Python's ``webbrowser``, None without a screen."""
    if wsl:
        for name in ("wslview", "explorer.exe"):
            if shutil.which(name):
                return (name,)
    if platform == "darwin":
        return None if "SSH_CONNECTION" in environment else ("open",)
    if environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"):
        return ("xdg-open",) if shutil.which("xdg-open") else ()
    return None


def _argument(program: str, page: Path) -> str:
    """Return the page in the form that the program takes: Windows programs take a Windows path."""
    if program == "explorer.exe":
        said = subprocess.run(["wslpath", "-w", page], capture_output=True, text=True, check=False)
        return said.stdout.strip()
    return str(page) if program == "wslview" else page.as_uri()


def _is_wsl() -> bool:
    version = Path("/proc/version")
    return version.is_file() and "microsoft" in version.read_text().lower()
