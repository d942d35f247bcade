"""What a file cell shows: a sentence, and the file's diff in colors, folded if it is long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from IPython.display import display

from workshop_kit.display.rendered import Rendered, static_page

FOLDED_FROM = 30
"""A diff with more lines is folded."""
CLASSES = {"+": "wk-added", "-": "wk-removed", "@": "wk-place"}


@dataclass(frozen=True)
class Written:
    """What a file cell did: a sentence, and the lines of the file's diff, each with its end."""

    sentence: str
    diff: tuple[str, ...] = ()


def show(written: Written) -> None:
    """Show what a file cell did."""
    display(card(written))  # type: ignore[no-untyped-call]


def card(written: Written) -> Rendered:
    """Return the sentence, with the lines that are new and those that are gone below it."""
    text = "\n".join([written.sentence, "".join(written.diff)]).rstrip("\n")
    if not written.diff:
        return Rendered(f"<p>{escape(written.sentence)}</p>", text)

    lines = "".join(map(_line_html, written.diff))
    state = "" if len(written.diff) > FOLDED_FROM else " open"
    summary = f"<summary>{_counts(written.diff)}</summary>"
    details = f'<details class="wk-diff"{state}>{summary}<pre tabindex="0">{lines}</pre></details>'
    return static_page("what changed", f"<p>{escape(written.sentence)}</p>{details}", text)


def _line_html(line: str) -> str:
    """Return a line of a diff; its sign says in words what the color says."""
    return f'<span class="{CLASSES.get(line[:1], "wk-same")}">{escape(line)}</span>'


def _counts(lines: Sequence[str]) -> str:
    added = sum(line.startswith("+") for line in lines)
    removed = sum(line.startswith("-") for line in lines)
    return f"{added} lines added, {removed} removed"
