"""One step a line: what hides several steps in one line is in no file. How long a file is does not matter."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from workshop_kit.paths import CHECKOUT

FOLDERS = ("workshop_kit", "container_audit", "workshop_room", "workshop_dev", "benchmarks", "images", "tests")
ASSIGNMENTS = "several assignments"
CHOICES = "a conditional expression within another"
LOOPS = "a comprehension within another, or with two conditions"

COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def places(source: str) -> Iterator[str]:
    """Yield the lines that hide steps, each with the reason."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and assigns_several(node):
            yield f"{node.lineno}: {ASSIGNMENTS}"
        elif isinstance(node, ast.IfExp) and has_inside(node, (ast.IfExp,)):
            yield f"{node.lineno}: {CHOICES}"
        elif isinstance(node, COMPREHENSIONS) and has_several_steps(node):
            yield f"{node.lineno}: {LOOPS}"


def assigns_several(assignment: ast.Assign) -> bool:
    """Whether a tuple is assigned to a tuple: two lines would do."""
    if not isinstance(assignment.value, ast.Tuple):
        return False
    return any(isinstance(target, ast.Tuple) for target in assignment.targets)


def has_several_steps(comprehension: Comprehension) -> bool:
    """Whether it has more than one loop and one condition, or more than two loops."""
    loops = comprehension.generators
    conditions = [condition for loop in loops for condition in loop.ifs]
    if has_inside(comprehension, COMPREHENSIONS) or any(map(is_compound, conditions)):
        return True
    return len(loops) + len(conditions) > 2


def is_compound(condition: ast.expr) -> bool:
    """Whether a condition is made of two with ``and`` or ``or``."""
    if isinstance(condition, ast.UnaryOp):
        condition = condition.operand
    return isinstance(condition, ast.BoolOp)


def has_inside(node: ast.AST, kinds: tuple[type[ast.AST], ...]) -> bool:
    """Whether a node of these kinds is within another one."""
    return any(isinstance(child, kinds) for child in ast.walk(node) if child is not node)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_line_has_one_step(folder: str) -> None:
    """A small function with a name, a loop or an early return says the steps one by one."""
    files = sorted((CHECKOUT / folder).rglob("*.py"))
    assert files
    assert [f"{path}:{place}" for path in files for place in places(path.read_text())] == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("text, names = '', []", ASSIGNMENTS),
        ("FIRST, LAST = BOTH = 1, 2", ASSIGNMENTS),
        ("word = 'a' if first else 'b' if second else 'c'", CHOICES),
        ("cells = [[cell for cell in row] for row in rows]", LOOPS),
        ("cells = {cell for row in rows for cell in row if cell}", LOOPS),
        ("sizes = {name: len(name) for name in names if name if name != 'a'}", LOOPS),
        ("size = sum(len(name) for name in names if name and name != 'a')", LOOPS),
    ],
)
def test_a_line_with_several_steps_is_found(line: str, reason: str) -> None:
    """Each with its number and the reason."""
    assert list(places(f"\n{line}")) == [f"2: {reason}"]


@pytest.mark.parametrize(
    "line",
    [
        "whole, rest = divmod(7, 2)",
        "word = 'a' if first and second else 'b'",
        "cells = [cell for row in rows for cell in row]",
        "names = [name for name in names if (name or 'a').isalpha()]",
    ],
)
def test_a_line_with_one_step_is_not_found(line: str) -> None:
    """A function may return several values; one loop or one choice is one step."""
    assert list(places(line)) == []
