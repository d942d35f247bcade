"""Copy a built site: to a folder, in place of an older site, and into a bundle (standard library only)."""

from __future__ import annotations

import shutil
from pathlib import Path

from workshop_kit.errors import WorkshopError
from workshop_kit.paths import CHECKOUT

FOLDER = CHECKOUT / "build" / "site"
LEFT_OUT = (".buildinfo*", "*.map", "*-macros.html")
"""Files of Sphinx and of the theme that no page uses."""
MARK = "workshop-site.txt"
"""A file in every site, with the version that it was built from: a folder without it is never replaced."""


def copy(site: Path, output: Path) -> None:
    """Copy a site to a folder, in place of an older one.

    Raises WorkshopError if the folder has other files, or if the site cannot be written.
    """
    require_replaceable(output)
    partial = output.with_name(f".{output.name}.partial")

    try:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(site, partial, ignore=shutil.ignore_patterns(*LEFT_OUT))
        if output.exists():
            shutil.rmtree(output)
        partial.rename(output)
    except OSError as error:  # also shutil.Error, whose text would list every file that failed
        shutil.rmtree(partial, ignore_errors=True)
        raise WorkshopError(f"The site cannot be written to {output}.", "Free some space there.") from error


def require_replaceable(output: Path) -> None:
    """Raise WorkshopError for a file, and for a folder with files that is no site: neither is ever replaced."""
    if _holds_other_files(output):
        raise WorkshopError(f"{output} holds other files.", "Name an empty or a new folder.")


def _holds_other_files(output: Path) -> bool:
    """Return whether a path is a file, or a folder with files that is no site."""
    if output.is_file():
        return True
    if not output.is_dir():
        return False

    is_site = (output / MARK).is_file()
    return not is_site and any(output.iterdir())


def save(site: Path, bundle: Path, version: str) -> str:
    """Copy a site into a bundle if it was built from ``version``; return a sentence that says so, or why not."""
    site_version = _read_version(site)
    if site_version != version:
        reason = f"it was built from {site_version}" if site_version else "it was not built"
        return f"site: left out, {reason}. Run ./workshop site, then save the bundle again."

    copy(site, bundle / "site")
    return "site: open site/index.html in a browser"


def _read_version(site: Path) -> str:
    """Return the version that a site was built from; "" if there is no site."""
    mark = site / MARK
    return mark.read_text(encoding="utf-8") if mark.is_file() else ""
