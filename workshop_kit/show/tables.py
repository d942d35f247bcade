"""Rows to tables that read well in both themes, in exported pages, with a screen reader, and as plain text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from pathlib import Path

from workshop_kit.screen import visible
from workshop_kit.show.shown import Shown

STYLE = f"<style>{(Path(__file__).parent / 'tables.css').read_text()}</style>"


class State(StrEnum):
    """How something is; shown as a symbol and a word, never by color alone."""

    GOOD = "good"
    FIXABLE = "fixable"
    BAD = "bad"
    NOT_APPLICABLE = "n/a"

    @property
    def symbol(self) -> str:
        """One character that differs in shape from the others."""
        return {"good": "✓", "fixable": "▲", "bad": "✗", "n/a": "–"}[self.value]


@dataclass(frozen=True)
class Line:
    """One line of a panel: what was looked at, how it is, what was seen, and the command that mends it."""

    name: str
    state: State
    detail: str
    command: str = ""


@dataclass(frozen=True)
class Card:
    """One result of an experiment: what was asked, what was answered, and what that means.

    ``verdict`` is a sentence that stands without its color or symbol ("Every order fails.").
    """

    title: str
    asked: str
    answered: str
    state: State
    verdict: str


def status_panel(title: str, lines: Sequence[Line]) -> Shown:
    """Return ``lines`` as a table with one state each, and a count in the caption."""
    counts = [f"{sum(line.state is state for line in lines)} {state}" for state in State]
    caption = f"{title}: {', '.join(count for count in counts if not count.startswith('0 '))}"
    rows = [
        (_state_html(line.state), escape(line.name), f"{escape(line.detail)}{_command_html(line.command)}")
        for line in lines
    ]
    text = [f"{_state_text(line.state)}  {line.name}: {line.detail}{_command_text(line.command)}" for line in lines]
    return Shown(_table_html(caption, ("State", "What", "Seen"), rows, header_column=1), "\n".join([caption, *text]))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Shown:
    """Return ``rows`` under ``columns`` with ``title`` as the caption; every value is one line of text, escaped."""
    texts = [[visible(str(value)) for value in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(columns, *texts, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (columns, *texts)
    ]
    html = _table_html(title, columns, [[escape(cell) for cell in row] for row in texts], header_column=0)
    return Shown(html, "\n".join([title, *lines]))


def cards(title: str, results: Sequence[Card]) -> Shown:
    """Return the results of an experiment side by side: what was asked, what came back, what it means."""
    items = "".join(_card_html(card) for card in results)
    name = escape(title)
    html = (
        f'{STYLE}<section class="wk-cards" role="group" aria-label="{name}">'
        f'<p class="wk-title">{name}</p><ul>{items}</ul></section>'
    )
    text = [f"{card.state.symbol} {card.title}: {card.asked} -> {card.answered}\n  {card.verdict}" for card in results]
    return Shown(html, "\n".join([title, *text]))


def _card_html(card: Card) -> str:
    return (
        f'<li class="wk-card" data-state="{card.state.name.lower()}"><p class="wk-name">{escape(card.title)}</p>'
        f"<dl><dt>asked</dt><dd><code>{escape(card.asked)}</code></dd>"
        f"<dt>answered</dt><dd><code>{escape(card.answered)}</code></dd></dl>"
        f'<p class="wk-verdict">{_symbol_html(card.state)} {escape(card.verdict)}</p></li>'
    )


def _table_html(caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, header_column: int) -> str:
    """Return a table of ready HTML cells; the cell in ``header_column`` names its row for a screen reader."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row">{cell}</th>' if index == header_column else f"<td>{cell}</td>"
            for index, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'{STYLE}<div class="wk-table-frame"><table class="wk-table"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _state_html(state: State) -> str:
    return f'<span class="wk-state">{_symbol_html(state)} {escape(state)}</span>'


def _symbol_html(state: State) -> str:
    return f'<span class="wk-symbol" data-state="{state.name.lower()}" aria-hidden="true">{state.symbol}</span>'


def _state_text(state: State) -> str:
    return f"{state.symbol} {state:<7}"


def _command_html(command: str) -> str:
    return f'<br><code class="wk-command">{escape(command)}</code>' if command else ""


def _command_text(command: str) -> str:
    return f"\n{'':11}-> {command}" if command else ""
