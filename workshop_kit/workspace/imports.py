"""The imports of a Python file, where a cell brings new ones: joined with those that are there, and sorted."""

from __future__ import annotations

import ast
import functools
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.syntax import DOCSTRING, Definition, undefined_names

LOCKS = (CHECKOUT / "requirements.lock", CHECKOUT / "workshop_app" / "requirements.txt")
"""The packages of the lessons, and those of the service."""


@functools.cache
def packages() -> frozenset[str]:
    """Return the packages that files of the lessons may import, as the locks name them.

    What is neither one of these nor Python's own is a module beside the file.
    """
    names: set[str] = set()
    for lock in LOCKS:
        names.update(re.findall(r"^([\w-]+)==", lock.read_text(encoding="utf-8"), re.MULTILINE))
    return frozenset(name.lower().replace("-", "_") for name in names)


def is_import(name: str) -> bool:
    """Return whether the definition of this ``name`` is an import."""
    return name.startswith(("import ", "from "))


def is_from(name: str) -> bool:
    """Return whether the definition of this ``name`` is a ``from`` import."""
    return name.startswith("from ")


def joined(old: Definition, new: Definition) -> Definition:
    """Return one ``from`` import with the names of two of the same module; the old text if it has all names."""
    old_names = _imported(old.text)
    names = sorted({*old_names, *_imported(new.text)})
    if len(names) == len(old_names):
        return old

    return replace(old, text=f"{old.comments}{new.name} import {', '.join(names)}\n")


def _imported(text: str) -> list[str]:
    """Return what imports bring, as they write it: ``numpy as np``."""
    statements = [node for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return [ast.unparse(alias) for statement in statements for alias in statement.names]


def place_for(definitions: Sequence[Definition]) -> int:
    """Return the index for a new import: after the last one, else after the docstring."""
    indices = [index for index, definition in enumerate(definitions) if is_import(definition.name)]
    if indices:
        return indices[-1] + 1
    return 1 if definitions and definitions[0].name == DOCSTRING else 0


def needed(texts: Mapping[str, str], file: str) -> dict[str, str]:
    """Return the imports among these ``texts`` of definitions, by name, that bring what a ``file`` uses and lacks."""
    missing = undefined_names(file)
    lines = {name: text for name, text in texts.items() if is_import(name)}
    return {name: text for name, text in lines.items() if _bound_names(text) & missing}


def _bound_names(text: str) -> set[str]:
    """Return the names that imports define."""
    return {name.split(" as ")[-1].partition(".")[0] for name in _imported(text)}


def in_order(before: Sequence[Definition], after: Sequence[Definition]) -> list[Definition]:
    """Return the definitions ``after`` a cell; if it added an import, those around it are sorted.

    Python's own stand first, then those of packages, then those of the service's own modules.
    """
    end = place_for(after)
    start = end
    while start and is_import(after[start - 1].name):
        start -= 1

    run = after[start:end]
    former_names = {definition.name for definition in before}
    if all(definition.name in former_names for definition in run):
        return list(after)
    return [*after[:start], *_sorted(run, is_first=start == 0), *after[end:]]


def _sorted(run: Sequence[Definition], *, is_first: bool) -> list[Definition]:
    """Return imports in their order, with a blank line above each group but the first in the file."""
    result: list[Definition] = []
    former_group = -1
    for item in sorted(run, key=lambda item: _order(item.name)):
        group = _order(item.name)[0]
        is_new_group = group != former_group
        begins_file = is_first and not result
        blank = "\n" if is_new_group and not begins_file else ""
        result.append(replace(item, text=blank + item.text.lstrip("\n")))
        former_group = group
    return result


def _order(name: str) -> tuple[int, bool, str]:
    """Return the sorting key of an import: its group, then ``import x`` before ``from x``, then its module."""
    module = name.split()[1]
    package = module.partition(".")[0]
    group = 3
    if package == "__future__":
        group = 0
    elif package in sys.stdlib_module_names:
        group = 1
    elif package in packages():
        group = 2
    return group, is_from(name), module.lower()
