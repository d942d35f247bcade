"""A file as named definitions: those of a cell replace those of the same name, new ones are added, all else stays.

By this one rule file cells and solutions make the files of ``my_service/``. A definition is, by the kind of file:

- Python: a top-level function, class, assignment or import, in a class a method or field, the docstring, and
  ``if __name__``; ``# …`` stands for what a cell does not show;
- YAML: a key path of block mappings (``services.my-service.ports``);
- Dockerfile: an instruction that stands once (``CMD``, ``ARG BASE``);
- lists of lines (``requirements.txt``, ``.dockerignore``, ``settings.env``): a line, by its package or variable;
- any other file: the whole text, with the name "".

Comments, decorators and blank lines belong to the definition below them, a text that stands alone below an assignment
to that. Pure: text in, text out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from workshop_kit.workspace import imports
from workshop_kit.workspace.syntax import (
    DOCKERFILE,
    DOCSTRING,
    MAIN,
    PYTHON,
    Definition,
    File,
    UnreadableText,
    read,
    read_changes,
    style_of,
    without_gaps,
)

LAST = (MAIN, "ENTRYPOINT", "CMD")
"""The definitions above which a new one stands that has no neighbor."""


def split(name: str, text: str) -> dict[str, str]:
    """Return the definitions of the file ``name``, a member as ``Class.method``. Raises UnreadableText."""
    return _by_name(read(name, text).definitions)


def names_in(name: str, changes: str) -> dict[str, str]:
    """Return the definitions that a cell shows of the file ``name``, as `split` does; no head of a class in parts."""
    return _by_name(read_changes(name, changes).definitions)


def whole_classes(name: str, changes: str) -> frozenset[str]:
    """Return the names of the classes that a cell shows with all members; a key of YAML stands for itself alone."""
    items = read_changes(name, changes).definitions
    with_members = [item for item in items if item.members]
    return frozenset(item.name for item in with_members if not item.is_partial)


def apply(name: str, text: str, changes: str, *, kept: Collection[str] = ()) -> str:
    """Return the file ``name`` with the definitions of ``changes``, but for those whose names are ``kept``.

    Raises UnreadableText if one of the texts cannot be read, or the file that they make: one with tabs, say, that gets
    a method.
    """
    if not text.strip():
        return remove(name, without_gaps(changes), kept)
    if "\r\n" in text:
        return apply(name, text.replace("\r\n", "\n"), changes, kept=kept).replace("\n", "\r\n")

    own = read(name, text if text.endswith("\n") else f"{text}\n")
    new = read_changes(name, changes).definitions
    style = style_of(name)
    if style == DOCKERFILE:
        merged = _merge_dockerfile(own.definitions, new, set(kept))
    else:
        merged = _merge(own.definitions, new, set(kept), style, "")
    if style == PYTHON:
        merged = imports.in_order(own.definitions, merged)
    if tuple(merged) == own.definitions:
        return text

    result = File(tuple(merged), own.rest).text
    try:
        read(name, result)
    except UnreadableText as error:
        sentence = f"The cell's lines do not fit into {name}, which is indented in another way."
        raise UnreadableText(sentence, "Indent the file as the cell is, and run the cell again.") from error
    return result


def remove(name: str, text: str, names: Collection[str]) -> str:
    """Return the file ``name`` without the definitions of these ``names``. Raises UnreadableText.

    >>> remove("app.py", "class A:\\n    x = 1\\n    y = 2\\n", ["A.x"])
    'class A:\\n    y = 2\\n'
    """
    if not names:
        return text
    file = read(name, text)
    result = File(tuple(_without(file.definitions, names, "")), file.rest).text
    return result if text[:1].isspace() else result.lstrip("\r\n")


def _without(definitions: Sequence[Definition], names: Collection[str], path: str) -> Iterator[Definition]:
    for definition in definitions:
        name = f"{path}{definition.name}"
        members = tuple(_without(definition.members, names, f"{name}."))
        has_lost_all = definition.is_partial and not members  # a key of YAML without a value says something else
        if name not in names and not has_lost_all:
            yield replace(definition, members=members)


def _by_name(definitions: Sequence[Definition]) -> dict[str, str]:
    """Return the texts of definitions; those of the same name, in a Dockerfile say, are one text."""
    texts: dict[str, str] = {}
    for name, text in _named(definitions, ""):
        texts[name] = texts.get(name, "") + text
    return texts


def _named(definitions: Sequence[Definition], path: str) -> Iterator[tuple[str, str]]:
    """Yield the names and texts of definitions and their members; ``path`` is the name above them, with a dot."""
    for definition in definitions:
        name = f"{path}{definition.name}"
        if not definition.is_partial:
            yield name, definition.text
        yield from _named(definition.members, f"{name}.")


def _merge_dockerfile(own: Sequence[Definition], new: Sequence[Definition], kept: set[str]) -> list[Definition]:
    """Return the instructions of a Dockerfile as `_merge` does.

    Where a whole Dockerfile changes an instruction that stands several times, the order is the new one's: of the own
    one it takes the instructions that stand once, and that it lacks or that are kept.
    """
    own_names = [definition.name for definition in own]
    new_names = [definition.name for definition in new]
    changed_names = set(new_names) - kept
    is_repeated = any(own_names.count(name) > 1 or new_names.count(name) > 1 for name in changed_names)
    if "FROM" not in new_names or not is_repeated:
        return _merge(own, new, kept, DOCKERFILE, "")

    single_names = {name for name in own_names if own_names.count(name) == 1}
    shown_names = changed_names.union(own_names)
    shown = [definition for definition in new if definition.name in shown_names]
    others = [definition for definition in own if definition.name in single_names - changed_names]
    return _merge(shown, others, set(), DOCKERFILE, "")


def _merge(
    own: Sequence[Definition], new: Sequence[Definition], kept: set[str], style: str, path: str
) -> list[Definition]:
    """Return the ``own`` definitions with the ``new`` ones: in place of those of the same name, or added.

    A new one stands after the one before it in ``new``, else before the one after it, else at the end: above
    ``if __name__``. ``path`` is the name above them, with a dot.
    """
    merged = list(own)
    for number, definition in enumerate(new):
        names = {name for name, _ in _named([definition], path)}
        index = _places(merged).get(definition.name)
        if names <= kept:
            continue
        if index is None:
            _insert(merged, definition, _place_for(merged, new, number, style), style, is_member=bool(path))
        else:
            merged[index] = _replaced(merged[index], definition, kept, style, path)
    return merged


def _replaced(old: Definition, new: Definition, kept: set[str], style: str, path: str) -> Definition:
    """Return the new definition where the old one stood, with the blank lines that are above the old one."""
    if imports.is_from(new.name):
        return imports.joined(old, new)

    name = f"{path}{new.name}"
    keeps_comments = style != PYTHON and not new.comments.strip()
    above = old.comments if keeps_comments else old.blank_lines
    keeps_text = name in kept or new.is_partial
    text = old.text if keeps_text else above + new.text.lstrip("\n")
    members = new.members
    if old.members and new.members:
        members = tuple(_merge(old.members, new.members, kept, style, f"{name}."))
    return replace(new, text=text, members=members)


def _insert(merged: list[Definition], definition: Definition, place: int, style: str, *, is_member: bool) -> None:
    """Insert a definition, in Python with at least the blank lines around it that its style asks for."""
    begins_class = is_member and place == 0
    merged.insert(place, replace(definition, text=definition.text.lstrip("\n")) if begins_class else definition)
    if style != PYTHON:
        return
    for index in range(max(place, 1), min(place + 2, len(merged))):
        merged[index] = _spaced(merged[index], merged[index - 1], is_member=is_member)


def _spaced(definition: Definition, previous: Definition, *, is_member: bool) -> Definition:
    if imports.is_import(definition.name):
        return definition

    least = 0
    if definition.is_block or previous.is_block:
        least = 1 if is_member else 2
    elif imports.is_import(previous.name) or previous.name == DOCSTRING:
        least = 1
    missing = max(0, least - definition.blank_lines.count("\n"))
    return replace(definition, text="\n" * missing + definition.text)


def _place_for(merged: Sequence[Definition], new: Sequence[Definition], number: int, style: str) -> int:
    """Return the index at which the definition ``number`` of ``new`` is inserted."""
    definition = new[number]
    if definition.name == DOCSTRING:
        return 0
    if imports.is_import(definition.name):
        return imports.place_for(merged)

    places = _places(merged)
    is_constant = style == PYTHON and not definition.is_block
    used = [places[name] for name in places if _uses(definition, name)]
    if is_constant and used:
        return max(used) + 1

    neighbors = [other for other in new if _is_neighbor(other, definition, places)]
    earlier = [places[other.name] for other in neighbors if other in new[:number]]
    if earlier:
        return earlier[-1] + 1
    if neighbors:
        return places[neighbors[0].name]
    blocks = [other.name for other in merged if other.is_block]
    later = blocks if is_constant else LAST  # constants and fields stand above functions and classes
    return min([places[name] for name in later if name in places], default=len(merged))


def _places(definitions: Sequence[Definition]) -> dict[str, int]:
    """Return the index of the last definition of each name: in a Dockerfile it is the one that counts."""
    return {definition.name: index for index, definition in enumerate(definitions)}


def _is_neighbor(other: Definition, definition: Definition, names: Collection[str]) -> bool:
    """Return whether a definition may stand beside the ``other``, one of these ``names``.

    Functions and constants keep apart.
    """
    is_outside = imports.is_import(other.name) or other.name in (DOCSTRING, MAIN)
    return other.name in names and other.is_block == definition.is_block and not is_outside


def _uses(constant: Definition, name: str) -> bool:
    """Return whether a constant needs another definition, which then has to stand above it."""
    return name.isidentifier() and re.search(rf"\b{name}\b", constant.text) is not None
