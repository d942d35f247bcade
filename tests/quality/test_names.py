"""Names by the style guide: a noun of the field, and one name for one thing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

NAMES = re.compile(
    r"""
    Anywhere | AtMostEvery | Canaried | Case | Desk | Doors | Force | force | Habits | heal | healed |
    Judged | making | Open | Pair | Past | Presenting | presenting | Room | ruling | Shown | Stage | strike
    | struck | Told | until_told | who
    """,
    re.VERBOSE,
)
"""Names of classes, functions, methods and attributes that the style guide rejects."""
MODULES = re.compile(
    r"""
    animals | asked | asking | away | develop | disturb | doors | force | furniture | game | judging | kept
    | learn | looked | making | marked | mending | pieces | prepare | presenting | ready | room | sentences
    | sheet | show | shown | skips | sparing | spreading | stage | strip | texts | until | working
    """,
    re.VERBOSE,
)
"""The same for modules and packages."""
FOLDERS = ("workshop_kit", "workshop_app", "images")


def names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and name of each class, function, method, field of a class, and attribute set on ``self``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name
        if isinstance(node, ast.ClassDef):
            fields = [one.target for one in node.body if isinstance(one, ast.AnnAssign)]
            yield from ((one.lineno, one.id) for one in fields if isinstance(one, ast.Name))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr


def test_no_name_is_a_riddle(root: Path) -> None:
    """No module, class, function, method or attribute has a name that the style guide rejects."""
    wrong = []
    for path in (path for folder in FOLDERS for path in sorted((root / folder).rglob("*.py"))):
        place = path.relative_to(root)
        wrong += [f"{place}: {part}" for part in place.with_suffix("").parts if MODULES.fullmatch(part)]
        found = names(ast.parse(path.read_text(encoding="utf-8")))
        wrong += [f"{place}:{line}: {name}" for line, name in found if NAMES.fullmatch(name)]
    assert wrong == []
