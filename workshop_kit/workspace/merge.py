"""How a file cell changes a file of the participant: a merge, decided definition by definition. Pure.

As in any merge there is a common ``base``, here what the lessons' cells have brought so far; the participant's file is
``ours``, and the cell that runs is ``theirs``. For each definition one of the two wins:

- the cell shows what it brought before, or a later cell has brought a newer text: ours;
- the cell shows something new, or what the participant typed into it: theirs. If the participant had changed that
  definition, its name is among those that were replaced.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from workshop_kit.workspace import definitions, imports
from workshop_kit.workspace.syntax import PYTHON, is_same, read, style_of

OWN = ""
"""The name, in a record, of a cell that no lesson has."""


@dataclass(frozen=True)
class Change:
    """What a file cell or a solution brings to a file: some definitions, or all of them (``is_whole``)."""

    path: str
    text: str
    is_whole: bool = False


@dataclass(frozen=True)
class Record:
    """What cells have brought to a file so far.

    ``text`` is the file as the lessons' cells alone make it. ``cells`` has, by the name of a definition, the cell that
    brought it last or took it away. ``typed`` has what the participant typed into cells, by the same names.
    """

    text: str = ""
    cells: Mapping[str, str] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Merged:
    """A file after a cell, and the record of it.

    ``replaced`` has the names of the participant's own definitions in whose place the cell's stand, or that it took
    away. Of the definitions that the cell shows, ``changed`` are those that stay as the participant has changed them,
    and ``deleted`` those that the participant has deleted.
    """

    text: str = ""
    record: Record = field(default_factory=Record)
    replaced: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cell:
    """A file cell: what is ``typed`` in it, and its text in the ``lesson``, None for a cell of the participant's own.

    ``name`` is its name in a record.
    """

    typed: Change
    lesson: Change | None
    name: str = OWN


@dataclass(frozen=True)
class Sides:
    """The definitions of a file by their names: the ``base``, ``ours``, and those that the cell shows.

    ``theirs`` are those of the lesson's cell, ``typed`` those that stand in it now. ``typed_before`` is the record's.
    """

    base: Mapping[str, str]
    ours: Mapping[str, str]
    theirs: Mapping[str, str]
    typed: Mapping[str, str]
    typed_before: Mapping[str, str]


def merge_file(cell: Cell, ours: str | None, record: Record, later: Collection[str] = ()) -> Merged:
    """Return the participant's file after a cell.

    ``ours`` is None for a file that is not there: it begins as the lessons have brought it so far. ``later`` are the
    names of definitions that a later cell of the lessons has brought or taken away. Raises Unreadable.
    """
    typed = cell.typed
    path = typed.path
    if ours is None:
        record = replace(record, typed={})  # what was typed has gone with the file
    our_text = record.text if ours is None else ours
    sides = _sides(cell, our_text, record)
    won = {name for name in sides.typed if _is_theirs(path, name, sides, later)}
    known = sides.base if cell.lesson else {**sides.base, **sides.typed_before}
    gone = _taken_away(typed, known, sides.typed) - set(later)

    text = definitions.apply(path, our_text, typed.text, kept=sides.typed.keys() - won)
    text = definitions.remove(path, text, gone)
    new_record = _recorded(cell, record, sides, later)
    sources = (our_text, new_record.text) if won else (our_text,)
    for source in sources:
        text = with_imports(path, text, source)
    says_the_same = is_same_in(path, text, typed.text, sides.typed.keys() | definitions.split(path, text))
    if typed.is_whole and (won or gone) and says_the_same and _is_untouched(path, our_text, record, sides):
        text = typed.text.replace("\n", "\r\n") if "\r\n" in our_text else typed.text
    return _merged(path, text, new_record, sides)


def restore(name: str, mine: str, source: str, names: Collection[str]) -> str:
    """Return the file ``name`` with the definitions of these ``names`` as ``source`` has them, and all else as it is.

    Imports that they use come with them. A definition that ``source`` lacks is removed. Raises Unreadable.
    """
    source_texts = definitions.split(name, source)
    other_names = {key for key in source_texts if key not in names}
    text = definitions.apply(name, mine, source, kept=other_names)
    text = definitions.remove(name, text, [key for key in names if key not in source_texts])
    return with_imports(name, text, source)


def is_same_in(name: str, text: str, other: str, names: Collection[str]) -> bool:
    """Return whether two texts of the file ``name`` say the same in the definitions of these ``names``."""
    texts = definitions.split(name, text)
    others = definitions.split(name, other)
    return all(_says(name, texts.get(key), others.get(key)) for key in names)


def with_imports(name: str, text: str, source: str) -> str:
    """Return the participant's file with the imports of the ``source`` that it uses and lacks.

    An editor may have removed them: they came before the definitions that use them.
    """
    if style_of(name) != PYTHON:
        return text
    lines = imports.needed(definitions.split(name, source), text)
    return definitions.apply(name, text, "".join(lines.values()))


def _sides(cell: Cell, our_text: str, record: Record) -> Sides:
    path = cell.typed.path
    return Sides(
        base=definitions.split(path, record.text),
        ours=definitions.split(path, our_text),
        theirs=definitions.names_in(path, cell.lesson.text) if cell.lesson else {},
        typed=definitions.names_in(path, cell.typed.text),
        typed_before=record.typed,
    )


def _says(path: str, text: str | None, other: str | None) -> bool:
    """Return whether two texts of a definition say the same, or neither is there."""
    if text is None or other is None:
        return text is other
    return is_same(path, text, other)


def _is_theirs(path: str, name: str, sides: Sides, later: Collection[str]) -> bool:
    """Return whether the cell's text of a definition comes in place of the participant's."""
    typed = sides.typed[name]
    theirs = sides.theirs.get(name)
    is_edited = not _says(path, typed, theirs)
    if is_edited:
        return not _says(path, typed, sides.typed_before.get(name))
    return name not in later and not _says(path, theirs, sides.base.get(name))


def _taken_away(change: Change, before: Mapping[str, str], shown: Mapping[str, str]) -> set[str]:
    """Return those definitions among the ones ``before`` that a change, in which they are not ``shown``, takes away."""
    missing = {name for name in before if name not in shown}
    if change.is_whole:
        return missing
    whole_classes = definitions.whole_classes(change.path, change.text)
    return {name for name in missing if name.partition(".")[0] in whole_classes}


def _recorded(cell: Cell, record: Record, sides: Sides, later: Collection[str]) -> Record:
    """Return the record after a cell: of the lesson's definitions it has those that stood in the cell, and no others.

    What the participant typed in place of the lesson's text is recorded beside it.
    """
    path = cell.typed.path
    edited = {name for name, text in sides.typed.items() if not _says(path, text, sides.theirs.get(name))}
    typed = {**record.typed, **{name: sides.typed[name] for name in edited}}
    if cell.lesson is None:
        return Record(record.text, record.cells, typed)

    shown = sides.theirs.keys() & sides.typed.keys()
    gone = _taken_away(cell.lesson, sides.base, sides.theirs) - set(later)
    not_shown = sides.theirs.keys() - shown
    text = definitions.apply(path, record.text, cell.lesson.text, kept={*not_shown, *later})
    text = definitions.remove(path, text, gone)
    if cell.lesson.is_whole and not later and not not_shown:
        text = cell.lesson.text

    brought = (shown | gone) - set(later)
    cells = {**record.cells, **dict.fromkeys(brought, cell.name)}
    return Record(text, cells, typed)


def _is_untouched(path: str, our_text: str, record: Record, sides: Sides) -> bool:
    """Return whether the participant's file is, in all that it says, as cells have made it."""
    made = {**sides.base, **sides.typed_before}
    has_same_rest = read(path, our_text).rest.split() == read(path, record.text).rest.split()
    return has_same_rest and all(_says(path, sides.ours.get(name), made.get(name)) for name in sides.ours.keys() | made)


def _merged(path: str, text: str, record: Record, sides: Sides) -> Merged:
    """Return a file with what has become of the participant's definitions, and of those that the cell shows."""
    now = definitions.split(path, text)
    brought = definitions.split(path, record.text)

    replaced = []
    for name, our_text in sides.ours.items():
        is_lost = not _says(path, our_text, now.get(name))
        if is_lost and _is_own(path, name, sides):
            replaced.append(name)

    changed: list[str] = []
    deleted: list[str] = []
    for name, typed_text in sides.typed.items():
        is_taken_away = name in record.cells and name not in brought
        if name not in now:
            deleted += [] if is_taken_away else [name]
        elif not _says(path, now[name], typed_text) and not _says(path, now[name], brought.get(name)):
            changed.append(name)  # else it is a later cell's

    return Merged(text, record, *(_without_imports(names) for names in (replaced, changed, deleted)))


def _is_own(path: str, name: str, sides: Sides) -> bool:
    """Return whether a definition is the participant's: no lesson brought it, and it is not typed anew in a cell."""
    our_text = sides.ours[name]
    if _says(path, our_text, sides.base.get(name)):
        return False
    is_typed_anew = name in sides.typed and not _says(path, sides.typed[name], sides.theirs.get(name))
    return not (is_typed_anew and _says(path, our_text, sides.typed_before.get(name)))


def _without_imports(names: Collection[str]) -> tuple[str, ...]:
    """Return the names of definitions that are no imports: of two imports of a module one is made."""
    return tuple(name for name in names if not imports.is_import(name))
