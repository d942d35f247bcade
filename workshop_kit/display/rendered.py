"""What a cell shows: HTML for the notebook, and the same as text; tables, panels, DataFrames that cannot act."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workshop_kit.untrusted_text import in_lines, visible

if TYPE_CHECKING:
    from jinja2 import Environment, Template

HERE = Path(__file__).parent
TABLE_STYLE = f"<style>{(HERE / 'tables.css').read_text()}</style>"
WIDGET_CSS = (HERE / "widget.css").read_text()
"""The frame of every widget; its own stylesheet comes after this one."""
PANEL_CSS = WIDGET_CSS + (HERE / "panel.css").read_text()
"""The style of every panel; a widget's own stylesheet comes after this one."""
PANEL_STYLE = f"<style>{PANEL_CSS}</style>"


@dataclass(frozen=True)
class Rendered:
    """HTML for the notebook (escaped by its maker), and a text that says the same without a browser.

    Control characters in either are written out.
    """

    html: str
    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "html", in_lines(self.html))
        object.__setattr__(self, "text", in_lines(self.text))

    def __str__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Give the notebook both; an exported page keeps the HTML, a terminal the text."""
        return {"text/html": self.html, "text/plain": self.text}


def template(path: Path) -> Template:
    """Return a Jinja template: values are escaped in HTML and SVG, and a name without a value is an error."""
    return templates(path.parent).get_template(path.name)


@cache
def templates(folder: Path) -> Environment:
    """Return the templates of a folder; the filter `visible` escapes control characters."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape  # lazily: a slow import

    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=select_autoescape(["html", "svg"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = visible
    return environment


def static_page(label: str, html: str, text: str) -> Rendered:
    """Return a panel without buttons, in which a widget finds its static twin by the ``label``.

    It is for a page without a kernel. The caller escapes ``html``.
    """
    section = f'<section class="wk-exercise wk-static" role="group" aria-label="{escape(label)}">{html}</section>'
    return Rendered(f"{PANEL_STYLE}{section}", text)


def table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, marked_row: int | None = None
) -> Rendered:
    """Return ``rows`` under ``columns`` with ``title`` as the caption; every value is escaped and one line.

    The row of that number, counted from 0, is highlighted in HTML; its first cell should say why.
    """
    text_rows = [_cell_texts(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *text_rows, strict=True)]
    lines = [_aligned_line(row, widths) for row in (columns, *text_rows)]
    html = template(HERE / "table.html").render(caption=title, columns=columns, rows=text_rows, marked_row=marked_row)
    return Rendered(TABLE_STYLE + html, "\n".join([title, *lines]))


def _cell_texts(row: Sequence[object]) -> list[str]:
    return [visible(str(value)) for value in row]


def _aligned_line(row: Sequence[str], widths: Sequence[int]) -> str:
    """Return the cells of a row as a line, padded to these widths."""
    cells = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
    return "  ".join(cells).rstrip()


def escape_dataframes() -> None:
    """Show DataFrames and Series of this kernel with control characters written out; outside a kernel do nothing."""
    import pandas as pd
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    if shell is None:
        return
    formatters = shell.display_formatter.formatters
    formatters["text/html"].for_type(pd.DataFrame, _frame_html)
    for kind in (pd.DataFrame, pd.Series):
        formatters["text/plain"].for_type(kind, _print_text)


def _frame_html(frame: Any) -> str | None:
    """Return pandas' HTML of a frame, in which tags are escaped, with control characters escaped, too."""
    html = frame._repr_html_()
    return None if html is None else in_lines(html)


def _print_text(frame: Any, printer: Any, _: bool) -> None:
    """Print a frame's text, as a formatter of IPython does, with control characters escaped."""
    printer.text(in_lines(repr(frame)))
