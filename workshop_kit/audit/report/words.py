"""Sentences that the forms of the report share."""

from __future__ import annotations

from workshop_kit.audit import catalog
from workshop_kit.audit.data import Audited, Principle, Verdict

CLOSING = (
    "One look from outside, by rules that somebody chose. What differs where you work? "
    "What cannot be told from outside, only you can tell."
)


def counts(one: Audited) -> str:
    """How many of each verdict: ``21 hold, 2 do not hold, …``; of those that do not hold how many are accepted."""
    words = {
        Verdict.HOLDS: ("holds", "hold"),
        Verdict.FAILS: ("does not hold", "do not hold"),
        Verdict.CANNOT_TELL: ("cannot be told", "cannot be told"),
        Verdict.NOT_APPLICABLE: ("is not applicable", "are not applicable"),
    }
    numbers = {verdict: len(one.of(verdict)) for verdict in Verdict}
    told = {verdict: f"{number} {words[verdict][number != 1]}" for verdict, number in numbers.items() if number}
    if one.accepted:
        told[Verdict.FAILS] += f" ({len(one.accepted)} accepted)"
    return ", ".join(told.values())


def identity(one: Audited) -> str:
    """What it is, in words and by the beginning of its image's id, and how it was looked at."""
    words = "image" if one.kind == "image" else f"{one.kind} of the image"
    return f"{words} {one.image_id.removeprefix('sha256:')[:12]}; {one.how}; {one.seconds:.0f} s"


def principles(one: Audited) -> tuple[tuple[Principle, Verdict], ...]:
    """Each principle with its verdict; without those whose rules were not asked for.

    What no rule serves stands in a whole audit alone, as something that nobody can tell from outside.
    """
    whole = len(one.findings) == len(catalog.rules())
    return tuple(
        (principle, one.verdict_on(principle.id))
        for principle in catalog.principles()
        if one.of_principle(principle.id) or (whole and not catalog.served(principle.id))
    )
