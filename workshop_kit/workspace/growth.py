"""How a file of the participant grows: three texts of each definition decide. Pure.

They are the text that the lessons brought before, the participant's, and the one that the lessons bring now. Nothing
new: the participant's stays. The participant's is untouched: the new one comes. Both differ: the new one comes, and is
named as replaced.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from workshop_kit.workspace import definitions, imports
from workshop_kit.workspace.syntax import PYTHON, is_same, read, style_of


@dataclass(frozen=True)
class Change:
    """What a file cell or a solution brings to a file: some definitions, or all of them (``is_whole``)."""

    path: str
    text: str
    is_whole: bool = False


@dataclass(frozen=True)
class Grown:
    """A file after a `Change`: the participant's ``text``, and the ``shipped`` text, as if nobody had typed anything.

    ``replaced`` has the names of the participant's own definitions in whose place new ones stand. Of the definitions
    that the change shows, ``kept`` are those that stay as the participant changed them.
    """

    text: str
    shipped: str
    replaced: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def grow(
    change: Change,
    mine: str | None,
    shipped: str,
    *,
    edited: str | None = None,
    older: Collection[str] = (),
) -> Grown:
    """Return a file with a change. ``mine`` is None for a file that is not there: it begins as it was ``shipped``.

    ``edited`` is the change's text as the participant edited it in the cell. ``older`` are the names of definitions
    that a later cell has brought, changed or taken away. Raises Unreadable.
    """
    name = change.path
    former = shipped if mine is None else mine
    changes = change.text if edited is None else edited
    new = definitions.names_in(name, change.text)
    typed = definitions.names_in(name, changes)
    before = definitions.split(name, shipped)
    own = definitions.split(name, former)

    brought = set(_different(name, new, before)) - set(older)
    edits = set(_different(name, typed, new))
    removed = _gone(change, before, new) - set(older)
    deleted = new.keys() - typed.keys() if change.is_whole else set()

    now_shipped = definitions.apply(name, shipped, change.text, kept=older)
    now_shipped = definitions.remove(name, now_shipped, removed)
    text = definitions.apply(name, former, changes, kept=typed.keys() - brought - edits)
    text = with_imports(name, definitions.remove(name, text, removed | deleted), text)
    if brought or edits:
        text = with_imports(name, text, now_shipped)
    if change.is_whole and not older:
        now_shipped = change.text
        has_changes = bool(brought or edits or removed or deleted)
        has_same_rest = read(name, former).rest.split() == read(name, shipped).rest.split()
        is_untouched = has_same_rest and is_same_in(name, former, shipped, own.keys() | before.keys())
        if has_changes and is_untouched:
            text = changes.replace("\n", "\r\n") if "\r\n" in former else changes

    now = definitions.split(name, text)
    lost = [key for key in _different(name, own, now) if not imports.is_import(key)]  # of an import, names are joined
    left = [key for key in _different(name, typed, now) if not imports.is_import(key)]
    replaced = [key for key in _different(name, own, before) if key in lost]
    kept = [key for key in left if not is_same_in(name, text, now_shipped, [key])]  # else it is a later cell's
    return Grown(text, now_shipped, tuple(replaced), tuple(kept))


def restore(name: str, mine: str, source: str, names: Collection[str]) -> str:
    """Return the file ``name`` with the definitions of these ``names`` as ``source`` has them, and all else as it is.

    Imports that they use come with them. A definition that ``source`` lacks is removed. Raises Unreadable.
    """
    there = definitions.split(name, source)
    kept = {key for key in there if key not in names}
    text = definitions.apply(name, mine, source, kept=kept)
    text = definitions.remove(name, text, [key for key in names if key not in there])
    return with_imports(name, text, source)


def is_same_in(name: str, text: str, other: str, names: Collection[str]) -> bool:
    """Return whether two texts of the file ``name`` say the same in the definitions of these ``names``."""
    own = {key: value for key, value in definitions.split(name, text).items() if key in names}
    others = {key: value for key, value in definitions.split(name, other).items() if key in names}
    return own.keys() == others.keys() and not _different(name, own, others)


def _different(name: str, texts: Mapping[str, str], others: Mapping[str, str]) -> list[str]:
    """Return the names of those definitions among ``texts`` that the ``others`` lack, or have in another way."""
    keys = []
    for key, text in texts.items():
        if key not in others or not is_same(name, text, others[key]):
            keys.append(key)
    return keys


def with_imports(name: str, text: str, source: str) -> str:
    """Return the participant's file with the imports of the ``source`` that it uses and lacks.

    An editor may have removed them: they came before the definitions that use them.
    """
    if style_of(name) != PYTHON:
        return text
    lines = imports.needed(definitions.split(name, source), text)
    return definitions.apply(name, text, "".join(lines.values()))


def _gone(change: Change, before: Mapping[str, str], new: Mapping[str, str]) -> set[str]:
    """Return the names of the definitions that the lessons brought before, and that the change does without."""
    gone = {key for key in before if key not in new}
    if change.is_whole:
        return gone
    whole_classes = definitions.whole_classes(change.path, change.text)
    return {key for key in gone if key.partition(".")[0] in whole_classes}
