"""What a cell shows: HTML for the notebook, and the same as text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workshop_kit.screen import in_lines, visible

if TYPE_CHECKING:
    from jinja2 import Environment, Template

WIDGET_CSS = (Path(__file__).parent / "widget.css").read_text()
"""The frame of every widget; its own stylesheet comes after this one."""


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
