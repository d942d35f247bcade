"""The two guidelines that lessons and the audit cite: the 15 factors and the 7 principles (standard library only)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from workshop_kit.files import read_document

FILE = Path(__file__).with_name("guidelines.toml")


@dataclass(frozen=True)
class Principle:
    """One of the 15 factors (F1 …) or 7 principles (P1 …).

    ``met`` says where lessons teach it (``01: SIGTERM, handled or not``), ``unseen`` what no rule can test of it.
    """

    id: str
    name: str
    met: str
    unseen: str

    @property
    def full_name(self) -> str:
        """The name with its guideline: ``Factor 5, Configuration, credentials and code``."""
        kind = "Factor" if self.id.startswith("F") else "Principle"
        return f"{kind} {self.id[1:]}, {self.name}"


@cache
def principles() -> tuple[Principle, ...]:
    """Return the 15 factors, then the 7 principles."""
    entries = read_document(FILE)["principle"]
    return tuple(Principle(**entry) for entry in entries)
