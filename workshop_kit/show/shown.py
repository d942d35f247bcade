"""What a cell shows: HTML for the notebook and a text twin for everything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Shown:
    """Something to look at. ``html`` is escaped by whoever made it; ``text`` says the same without a browser."""

    html: str
    text: str

    def __str__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Give the notebook both; an exported page keeps the HTML, a terminal the text."""
        return {"text/html": self.html, "text/plain": self.text}
