"""The browser that the tests drive: Chromium, from the distribution where there is none."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from workshop_kit.engine import install as installer
from workshop_kit.errors import NotReady
from workshop_kit.progress import Report, silent

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_OS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
# The fonts are part of what the screenshots show: without them a page is drawn in boxes.
PACKAGES = ("chromium", "fonts-dejavu-core", "fonts-vlgothic")


def find() -> Path | None:
    """The path of a Chromium or Chrome on this machine, or None."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found:
        return Path(found)
    return MAC_OS if sys.platform == "darwin" and MAC_OS.exists() else None


def ensure(*, install: bool, report: Report = silent) -> Path:
    """Return a browser, installing Chromium from the distribution where that is allowed. Raises NotReady."""
    if (browser := find()) is None and install and installer.is_debian():
        installer.install_packages(PACKAGES, report, "Chromium")
        browser = find()
    if browser is None:
        raise NotReady("The tests need Chromium or Chrome.", "Install one (Debian: sudo apt-get install chromium).")
    return browser
