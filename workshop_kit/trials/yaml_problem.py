"""Where a YAML text is wrong, and whether its indentation is to blame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

import yaml

from workshop_kit.trials.findings import START, findings
from workshop_kit.trials.result import Finding

FINDINGS = findings(START)
OPENS = (":", "-", "|", ">", "{", "[", ",")
"""After a line with one of these at its end, the next one may be indented further."""
LIST_ITEM = "- "


@dataclass(frozen=True)
class YamlProblem:
    """The line at which a text cannot be read as YAML, counted from 1."""

    line: int
    is_indentation: bool


@dataclass(frozen=True)
class MisplacedKey:
    """A key that is indented so that it belongs to another one than it should."""

    line: int
    key: str
    parent: str
    """The key that it belongs to now; "" for none."""


def yaml_finding(file: str, text: str, observation: str, parents: Mapping[str, Set[str]]) -> Finding | None:
    """Return the finding for a file that is no YAML, or that has a key below another one than ``parents`` allows.

    Returns None if neither is wrong. ``parents`` has the allowed parents by key; ``observation`` is what the program
    that reads the file says of it.
    """
    problem = yaml_problem(text)
    if problem is not None:
        way = "indentation" if problem.is_indentation else "syntax"
        return FINDINGS.failed(f"yaml.{way}", observation, file=file, line=problem.line)

    misplaced_key = next(misplaced_keys(text, parents), None)
    if misplaced_key is None:
        return None

    parent = misplaced_key.parent or "the top of the file"
    line = misplaced_key.line
    return FINDINGS.failed("yaml.level", observation, file=file, line=line, name=misplaced_key.key, parent=parent)


def yaml_problem(text: str) -> YamlProblem | None:
    """Return the line at which a text cannot be read as YAML, and why; None if it can be read."""
    try:
        yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if mark is None:
            return YamlProblem(1, is_indentation=False)
        return _problem_at(text, mark.line)
    except yaml.YAMLError:  # a character that YAML does not allow
        return YamlProblem(1, is_indentation=False)
    return None


def _problem_at(text: str, line_index: int) -> YamlProblem:
    """Return the problem at a line, counted from 0; one behind the text is at its last line."""
    lines = text.split("\n")
    index = min(line_index, len(lines) - 1)
    return YamlProblem(index + 1, is_indentation=_is_badly_indented(lines, index))


def misplaced_keys(text: str, parents: Mapping[str, Set[str]]) -> Iterator[MisplacedKey]:
    """Yield the keys of a YAML text that stand below another key than those that ``parents`` has for them.

    A key that ``parents`` does not have may stand anywhere. Keys below a misplaced one are not looked at.
    """
    node = yaml.compose(text, yaml.SafeLoader)
    yield from _misplaced_below("", node, parents)


def _misplaced_below(parent: str, node: yaml.Node | None, parents: Mapping[str, Set[str]]) -> Iterator[MisplacedKey]:
    """Yield the misplaced keys in a node, which is the value of the key ``parent``."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _misplaced_below(parent, item, parents)

    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = str(key.value)
            is_misplaced = name in parents and parent not in parents[name]
            if is_misplaced:
                yield MisplacedKey(key.start_mark.line + 1, name, parent)
            else:
                yield from _misplaced_below(name, value, parents)


def _is_badly_indented(lines: list[str], index: int) -> bool:
    """Return whether a line begins at a column at which nothing above it begins, or with a tab."""
    line = lines[index]
    blanks = line[: _indentation(line)]
    if "\t" in blanks:
        return True

    filled_lines = [text for text in lines[:index] if text.strip()]
    lines_before = [text for text in filled_lines if not text.lstrip().startswith("#")]
    if not lines_before:
        return bool(blanks)

    last_line = lines_before[-1]
    is_further_indented = len(blanks) > _indentation(last_line)
    if is_further_indented:
        return not last_line.rstrip().endswith(OPENS)
    return len(blanks) not in _open_columns(lines_before, for_item=_is_item(line))


def _open_columns(lines_before: list[str], *, for_item: bool) -> set[int]:
    """Return the columns at which the next line may begin: those of the keys that are still open, or of the items."""
    columns: set[int] = set()
    least_column = len(lines_before[-1]) + 1
    for line in reversed(lines_before):
        column = _indentation(line)
        if column >= least_column:
            continue

        if not _is_item(line):
            least_column = column
            columns.add(column)
            continue
        least_column = column + 1  # the key of a list may stand in the column of its items
        columns.add(column if for_item else column + len(LIST_ITEM))
    return columns


def _is_item(line: str) -> bool:
    return line.lstrip().startswith(LIST_ITEM)


def _indentation(line: str) -> int:
    """Return the number of blanks and tabs at the beginning of a line."""
    return len(line) - len(line.lstrip(" \t"))
