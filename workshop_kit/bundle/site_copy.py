"""A built site, copied: into a folder in place of an older one, and into a bundle (standard library only)."""

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

    Raises WorkshopError for a folder with other files, and where it cannot be written; an older site stays then.
    """
    require_replaceable(output)
    partial = output.with_name(f".{output.name}.partial")

    try:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(site, partial, ignore=shutil.ignore_patterns(*LEFT_OUT))
        if output.exists():
            shutil.rmtree(output)
        partial.rename(output)
    except OSError as error:  # shutil's own, too: it lists every file that failed
        shutil.rmtree(partial, ignore_errors=True)
        raise WorkshopError(f"The site cannot be written to {output}.", "Free some space there.") from error


def require_replaceable(output: Path) -> None:
    """Raise WorkshopError for a folder or file that is no site: it is never replaced."""
    if _holds_other_files(output):
        raise WorkshopError(f"{output} holds other files.", "Name an empty or a new folder.")


def _holds_other_files(output: Path) -> bool:
    """Return whether a path is a file, or a folder with files that are no site."""
    if output.is_file():
        return True
    if not output.is_dir() or (output / MARK).is_file():
        return False
    return any(output.iterdir())


def save(site: Path, bundle: Path, version: str) -> str:
    """Copy a site into a bundle if it was built from ``version``; return a sentence that says so, or why not."""
    built_from = (site / MARK).read_text(encoding="utf-8") if (site / MARK).is_file() else ""
    if built_from != version:
        reason = f"it was built from {built_from}" if built_from else "it was not built"
        return f"site: left out, {reason}. Run ./workshop site, then save the bundle again."

    copy(site, bundle / "site")
    return "site: open site/index.html in a browser"
