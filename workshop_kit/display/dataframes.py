"""DataFrames on a page: what a log line says may hold terminal controls and marks that turn text around."""

from __future__ import annotations

from typing import Any

import pandas as pd
from IPython.core.getipython import get_ipython

from workshop_kit.screen import in_lines


def show_as_text() -> None:
    """Let this kernel show frames and series with such characters written out; outside a kernel nothing happens."""
    shell: Any = get_ipython()
    if shell is None:
        return
    formatters = shell.display_formatter.formatters
    formatters["text/html"].for_type(pd.DataFrame, as_html)
    for kind in (pd.DataFrame, pd.Series):
        formatters["text/plain"].for_type(kind, _print)


def as_html(frame: pd.DataFrame) -> str | None:
    """What pandas shows on a page; it escapes tags itself."""
    found = frame._repr_html_()
    return None if found is None else in_lines(found)


def _print(frame: pd.DataFrame | pd.Series, printer: Any, _: bool) -> None:
    printer.text(in_lines(repr(frame)))
