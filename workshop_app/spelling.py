"""Names that are nearly one of ours: a typing error, and not what platforms inject for reasons of their own."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

LONG = 12  # letters; a longer name may differ by two typing errors, a shorter one by one
STEM = 4  # letters that a last word must share: PASS for PASSWORD, USERNAME for USER
FOREIGN = ("HTTPS_",)  # one letter from HTTP_, and something else


def nearly(name: str, ours: Iterable[str]) -> str | None:
    """The one of ``ours`` that ``name`` is probably meant to be, or ``None``.

    A digit makes a name somebody else's: ours have none, but service links do, and numbered siblings.

    >>> nearly("MASTER_DB_HSOT", ["MASTER_DB_HOST"])
    'MASTER_DB_HOST'
    >>> [nearly(name, ["HTTP_PORT", "REDIS_PORT"]) for name in ("HTTP_PROXY", "HTTPS_PORT", "REDIS_PORT_6379_TCP")]
    [None, None, None]
    """
    if name.startswith(FOREIGN) or any(map(str.isdigit, name)):
        return None
    return next(
        (one for one in ours if _same_stem(name.upper(), one) or _mistyped(_letters(name), _letters(one))), None
    )


@cache
def _letters(name: str) -> str:
    return "".join(filter(str.isalpha, name)).upper()


@cache
def _set_of(letters: str) -> int:
    return sum(1 << ord(letter) % 64 for letter in set(letters))


def _same_stem(name: str, ours: str) -> bool:
    (group, _, word), (our_group, _, our_word) = name.rpartition("_"), ours.rpartition("_")
    longer, shorter = sorted((word, our_word), key=len, reverse=True)
    return group == our_group and len(shorter) >= STEM and longer.startswith(shorter)


def _mistyped(name: str, ours: str) -> bool:
    allowed = 2 if len(ours) >= LONG else 1
    if abs(len(name) - len(ours)) > allowed or (_set_of(name) ^ _set_of(ours)).bit_count() > 2 * allowed:
        return False  # told at a glance: counting edits is slow, and platforms inject hundreds of variables
    return _edits(name, ours) <= allowed


def _edits(a: str, b: str) -> int:
    """How many letters were left out, added, changed, or swapped with their neighbor."""
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        row = [i]
        for j, other in enumerate(b, 1):
            row.append(min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != other)))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                row[j] = min(row[j], before[j - 2] + 1)
        before, last = last, row
    return last[-1]
