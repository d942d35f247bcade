"""Explain in one finding why a YAML text is not what it looks like: one of five common mistakes, and its line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

import yaml

from workshop_kit.trials.result import Finding


@dataclass(frozen=True)
class Mistake:
    """A mistake by which YAML cannot be read, and the ``pattern`` of the reader's words for it.

    ``by_context``: the reader names the line of the mistake as that of its context, and notices it later.
    """

    pattern: str
    means: str
    look: str
    by_context: bool = False


MISTAKES = (
    Mistake(
        r"character '\\t'",
        "the line begins with a tab, which YAML does not allow.",
        "Use blanks, as many as the lines around it.",
    ),
    Mistake(
        "could not find expected ':'",
        "this key has no colon with a blank behind it.",
        "Write `key: value`, with the blank.",
        by_context=True,
    ),
    Mistake(
        r"expected ',' or|unexpected end of stream",
        "a bracket or a quote that opens here is not closed.",
        "Close it, or leave both out.",
        by_context=True,
    ),
    Mistake(
        "mapping values are not allowed",
        "the indentation is wrong, or the line before has no colon behind its key.",
        "Lines that belong together begin at the same column.",
    ),
    Mistake(
        r"but found '(\?|<block|<document)",
        "the indentation is wrong. The line begins at a column at which nothing before it begins.",
        "Lines that belong together begin at the same column.",
    ),
)
"""The mistakes that people make most often, beside a key of another level (see `yaml_finding`)."""


def yaml_finding(file: str, text: str, observation: str, parents: Mapping[str, Set[str]]) -> Finding | None:
    """Return the finding for a file that is no YAML, or that has a key below another one than ``parents`` allows.

    Returns None if neither is wrong. ``parents`` has the allowed parents by key; a key that it does not have may stand
    anywhere. ``observation`` is what the program that reads the file says of it.
    """
    try:
        node = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        return _unreadable(file, text, observation, error)
    except yaml.YAMLError as error:  # a character that YAML does not allow
        return _finding(file, observation, f"{file} is no YAML: {error}.", "Remove that character.")

    for key, parent in _misplaced_keys("", node, parents):
        line = key.start_mark.line + 1
        place = parent or "the top of the file"
        means = f"{file}, line {line}: by its indentation `{key.value}` belongs to {place}, and has no meaning there."
        look = "Compare the column at which it begins with that of the keys around it."
        return _finding(file, observation, means, look)
    return None


def _unreadable(file: str, text: str, observation: str, error: yaml.MarkedYAMLError) -> Finding:
    """Return the finding for a text that cannot be read: for a common mistake, or else in the reader's words."""
    problem = str(error.problem)
    mark = error.problem_mark
    means = f"this is no YAML: {problem}."
    look = "Compare the line with those around it."
    for mistake in MISTAKES:
        if re.search(mistake.pattern, problem):
            means = mistake.means
            look = mistake.look
            mark = error.context_mark if mistake.by_context else mark
            break

    last_line = text.rstrip("\n").count("\n")
    line = min(mark.line if mark else 0, last_line) + 1
    return _finding(file, observation, f"{file}, line {line}: {means}", look)


def _finding(file: str, observation: str, means: str, look: str) -> Finding:
    return Finding(False, f"Read {file}", observation, "it can be read", means, look)


def _misplaced_keys(
    parent: str, node: yaml.Node | None, parents: Mapping[str, Set[str]]
) -> Iterator[tuple[yaml.Node, str]]:
    """Yield each key that stands below another one than ``parents`` has for it, with that one; nothing below it."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _misplaced_keys(parent, item, parents)

    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = str(key.value)
            if name in parents and parent not in parents[name]:
                yield key, parent
            else:
                yield from _misplaced_keys(name, value, parents)
