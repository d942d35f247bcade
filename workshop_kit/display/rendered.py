"""What a cell shows: HTML for the notebook and a text twin for everything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workshop_kit.screen import in_lines


@dataclass(frozen=True)
class Shown:
    """Something to look at. ``html`` is escaped by whoever made it; ``text`` says the same without a browser.

    Neither keeps a control character: whatever text of others is in there, it is written out, and acts on no screen.
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
