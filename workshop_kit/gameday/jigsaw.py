"""For three at a table: one shop, and each sees one signal of it."""

from __future__ import annotations

from workshop_kit.errors import WorkshopError, WrongUsage

EVERYTHING = "everything"
ROLES = {
    "configuration": "You know what was released, when, and what it changed. Ask the others: since when, and where?",
    "logs": "You read what the service wrote. Ask the others: what was changed then? Does it use more than before?",
    "metrics": "You see customers, latency, CPU, memory, health. Ask the others: what does it say? What was changed?",
}
"""What each is told."""


class Hidden(WorkshopError):
    """Somebody else at the table sees this."""

    def __init__(self, name: str, only: str, wanted: str) -> None:
        super().__init__(
            f"You see {only} today, and {wanted} is for somebody else at your table.",
            f'Ask them what they see. (Alone after all? {name}.see("{EVERYTHING}"))',
        )


def role(what: str) -> str:
    """What is left to see: a role, or all of it (empty). Raises WrongUsage for neither."""
    if what == EVERYTHING:
        return ""
    if what not in ROLES:
        raise WrongUsage(f"{what!r} is nothing to see.", f"Choose from {', '.join((*ROLES, EVERYTHING))}.")
    return what
