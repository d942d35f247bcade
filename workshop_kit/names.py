"""Names that people type and read: which one a word means, and several in a sentence."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence

from workshop_kit.errors import WrongUsage


def did_you_mean(word: str, known_names: Iterable[str]) -> str:
    """Return a question with the known name that is nearest to a misspelled one, or "" if none is near.

    >>> did_you_mean("pauze", ["kill", "pause"]), did_you_mean("x", ["kill"])
    ("Did you mean 'pause'?", '')
    """
    matches = difflib.get_close_matches(word[:100], known_names, n=1, cutoff=0.5)
    return f"Did you mean {matches[0]!r}?" if matches else ""


def resolve(kind: str, word: str, names: Collection[str], separator: str, advice: str) -> str:
    """Return the only name that ``word`` means: the whole name, a part of it, or the beginning of the name or a part.

    ``separator`` divides a name into two parts. Upper and lower case are the same. Raises WrongUsage with ``advice``
    where no name fits, and with the names where several fit.

    >>> resolve("lesson", "02", ["01_container", "02_configuration"], "_", "")
    '02_configuration'
    """
    no_match = WrongUsage(f"There is no {kind} {word!r}.", advice)
    typed = word.strip().lower()
    if not typed:
        raise no_match

    whole_names = [name for name in names if name.lower() == typed]
    parts = [name for name in names if typed in name.lower().split(separator, 1)]
    beginnings = [name for name in names if f"{separator}{typed}" in f"{separator}{name}".lower()]
    for matches in (whole_names, parts, beginnings):
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise WrongUsage(f"{word!r} fits more than one {kind}: {in_words(matches)}.", "Write more of it.")

    raise no_match


def in_words(names: Sequence[str]) -> str:
    """Return the names as in a sentence: ``a, b and c``."""
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} and {names[-1]}"
