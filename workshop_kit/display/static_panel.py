"""A panel without buttons: a widget's twin for a page without a kernel, in the style of all panels."""

from __future__ import annotations

from html import escape
from pathlib import Path

from workshop_kit.display.rendered import WIDGET_CSS, Rendered

PANEL_CSS = WIDGET_CSS + (Path(__file__).parent / "panel.css").read_text()
"""The style of every panel; a widget's own stylesheet comes after this one."""
STYLE = f"<style>{PANEL_CSS}</style>"


def static_page(label: str, html: str, text: str) -> Rendered:
    """Return a page without buttons, in which a widget finds its static twin by the ``label``.

    The caller escapes ``html``.
    """
    section = f'<section class="wk-exercise wk-static" role="group" aria-label="{escape(label)}">{html}</section>'
    return Rendered(f"{STYLE}{section}", text)
