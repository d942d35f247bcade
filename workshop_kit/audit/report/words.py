"""Sentences that the forms of the report share."""

from __future__ import annotations

from workshop_kit.audit import catalog
from workshop_kit.audit.data import Audited, Principle, Verdict

TITLES = {
    "config": "Configuration",
    "logs": "Logs",
    "monitoring": "Monitoring",
    "lifecycle": "Lifecycle",
    "confinement": "Confinement",
    "build": "Image and build",
}
CLOSING = (
    "One look from outside, by rules that somebody chose. What differs where you work? "
    "What cannot be told from outside, only you can tell."
)


def counts(one: Audited) -> str:
    """How many of each verdict: ``21 hold, 2 do not hold, …``."""
    words = {
        Verdict.HOLDS: ("holds", "hold"),
        Verdict.FAILS: ("does not hold", "do not hold"),
        Verdict.CANNOT_TELL: ("cannot be told", "cannot be told"),
        Verdict.NOT_APPLICABLE: ("is not applicable", "are not applicable"),
    }
    numbers = {verdict: len(one.of(verdict)) for verdict in Verdict}
    return ", ".join(f"{number} {words[verdict][number != 1]}" for verdict, number in numbers.items() if number)


def identity(one: Audited) -> tuple[str, str]:
    """What it is, in words and by the beginning of its image's id: ``container of the image``, ``7111ea1266d6``."""
    words = "image" if one.kind == "image" else f"{one.kind} of the image"
    return words, one.image_id.removeprefix("sha256:")[:12]


def principles(one: Audited) -> tuple[tuple[Principle, Verdict], ...]:
    """Each principle with its verdict; without those whose rules were not asked for.

    What no rule serves stands in a whole audit alone, as something that nobody can tell from outside.
    """
    whole = len(one.rules) == len(catalog.rules())
    return tuple(
        (principle, one.verdict_on(principle.id))
        for principle in catalog.principles()
        if one.of_principle(principle.id) or (whole and not catalog.served(principle.id))
    )
