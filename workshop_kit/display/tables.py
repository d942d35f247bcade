"""Rows to tables that read well in both themes, in exported pages, with a screen reader, and as plain text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from workshop_kit.display.rendered import Shown
from workshop_kit.screen import visible

STYLE = f"<style>{(Path(__file__).parent / 'tables.css').read_text()}</style>"


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Shown:
    """Return ``rows`` under ``columns`` with ``title`` as the caption; every value is one line of text, escaped."""
    texts = [[visible(str(value)) for value in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(columns, *texts, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (columns, *texts)
    ]
    return Shown(_html(title, columns, texts), "\n".join([title, *lines]))


def _html(caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the table; the first cell of a row names it for a screen reader."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(f"<tr>{''.join(_cell(index, text) for index, text in enumerate(row))}</tr>" for row in rows)
    return (
        f'{STYLE}<div class="wk-table-frame"><table class="wk-table"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(index: int, text: str) -> str:
    return f"<td>{escape(text)}</td>" if index else f'<th scope="row">{escape(text)}</th>'
