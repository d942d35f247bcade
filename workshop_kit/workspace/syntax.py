"""Reading a file into its definitions, and comparing two texts of one; see `definitions` for what they are. Pure.

The readers of all kinds of files stand in this one file: each is some forty lines.
"""

from __future__ import annotations

import ast
import functools
import io
import itertools
import re
import symtable
import textwrap
import tokenize
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import yaml

from workshop_kit.errors import WorkshopError

PYTHON = "python"
YAML = "yaml"
DOCKERFILE = "dockerfile"
LIST = "list"
WHOLE = "whole"
DOCSTRING = "__doc__"
MAIN = "__main__"
GAP = "# …"
"""Stands in a cell for what it does not show."""
GAP_LINE = re.compile(rf"^([ \t]*){GAP}[ \t]*\n", re.MULTILINE)
ELLIPSIS = "..."
"""The statement that a gap is read as."""
STYLES = {
    ".py": PYTHON,
    ".yaml": YAML,
    ".yml": YAML,
    "Dockerfile": DOCKERFILE,
    "requirements.txt": LIST,
    ".dockerignore": LIST,
    ".gitignore": LIST,
    "settings.env": LIST,
}
"""How files are read, by their name or its ending."""
INSTRUCTION = re.compile(r"(\S+)\s*([\w.-]*)")
NAMED_INSTRUCTIONS = ("ARG", "ENV")
"""Instructions that are named with their first word: several of them may stand in a file."""
ASSIGNED = re.compile(r"\w[\w.-]*(?=.*=)")
"""The package or variable in a line of a list."""


class UnreadableText(WorkshopError):
    """A text that is no file of its kind: a syntax error in Python, say."""


@dataclass(frozen=True)
class Definition:
    """One definition: its ``name``, and its ``text`` with what stands above it.

    Of a class or a mapping, ``text`` is only what stands above the first of its ``members``. ``is_block``: it is a
    function or a class. ``is_partial``: it is shown in parts, as a mapping always is.
    """

    name: str
    text: str
    members: tuple[Definition, ...] = ()
    is_block: bool = False
    is_partial: bool = False

    @property
    def source(self) -> str:
        """The whole text."""
        return self.text + "".join(member.source for member in self.members)

    @property
    def blank_lines(self) -> str:
        """The blank lines above it."""
        stripped = self.text.lstrip("\n")
        return self.text[: len(self.text) - len(stripped)]

    @property
    def comments(self) -> str:
        """The blank lines and comments above it."""
        return "".join(itertools.takewhile(_is_comment, lines_of(self.text)))


@dataclass(frozen=True)
class File:
    """The definitions of a file in their order, and what stands after the last one."""

    definitions: tuple[Definition, ...]
    rest: str = ""

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(definition.source for definition in self.definitions) + self.rest


def style_of(name: str) -> str:
    """Return how the file ``name`` is read: as `PYTHON`, `YAML`, `DOCKERFILE`, `LIST` or `WHOLE`."""
    path = PurePosixPath(name)
    return STYLES.get(path.name) or STYLES.get(path.suffix, WHOLE)


@functools.lru_cache(maxsize=256)
def read(name: str, text: str) -> File:
    """Return the file ``name`` with this text. Raises UnreadableText with the line, where it is no file of its kind."""
    readers = {PYTHON: _read_python, YAML: _read_yaml, DOCKERFILE: _read_dockerfile, LIST: _read_list}
    reader = readers.get(style_of(name), _whole)
    try:
        definitions = tuple(reader(text))
    except SyntaxError as error:
        raise _unreadable(name, error.lineno, error.msg) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        raise _unreadable(name, line, getattr(error, "problem", "it is no YAML")) from error
    except (ValueError, RecursionError) as error:
        raise _unreadable(name, None, str(error)) from error

    length = sum(len(definition.source) for definition in definitions)
    return File(definitions, text[length:])


def read_changes(name: str, text: str) -> File:
    """Return what a cell shows of the file ``name``, without its lines ``# …``. Raises UnreadableText."""
    if style_of(name) != PYTHON:
        return read(name, without_gaps(text))
    file = read(name, GAP_LINE.sub(rf"\1{ELLIPSIS}\n", text))
    return File(tuple(_without_gaps(file.definitions)), file.rest)


def without_gaps(text: str) -> str:
    """Return the text of a cell without its lines ``# …``."""
    return GAP_LINE.sub("", text)


def _without_gaps(definitions: Sequence[Definition]) -> Iterator[Definition]:
    """Yield what a cell shows in full, without the ``...`` that stands for what it leaves out.

    A class with such a gap among its members is partial: the cell does not show all of it.
    """
    for definition in definitions:
        if definition.name != ELLIPSIS:
            members = tuple(_without_gaps(definition.members))
            is_partial = len(members) < len(definition.members)
            yield replace(definition, members=members, is_partial=is_partial)


def _unreadable(name: str, line: int | None, reason: str) -> UnreadableText:
    place = name if line is None else f"{name}, line {line}"
    return UnreadableText(f"{place}: {reason}.", "Mend that line, and run the cell again.")


def lines_of(text: str) -> list[str]:
    """Return the lines of a text with their ends, as Python counts them."""
    return io.StringIO(text, newline="").readlines()


def _is_comment(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _above(lines: Sequence[str], index: int) -> int:
    """Return the index of the first of the comments and blank lines above a line, or its own."""
    while index and _is_comment(lines[index - 1]):
        index -= 1
    return index


def is_same(name: str, text: str, other: str) -> bool:
    """Return whether two texts of a definition of the file ``name`` say the same.

    What a formatter or an editor on Windows changes makes no difference; nor do comments above an entry of a list, of
    YAML or of a Dockerfile, which stay.
    """
    forms: dict[str, Callable[[str], object]] = {PYTHON: _python_meaning, WHOLE: _stripped_lines}
    form = forms.get(style_of(name), _entry_lines)
    return form(text) == form(other)


def _entry_lines(text: str) -> list[str]:
    return _stripped_lines("".join(itertools.dropwhile(_is_comment, lines_of(text))))


def _stripped_lines(text: str) -> list[str]:
    lines = [line.strip() for line in lines_of(text)]
    return [line for line in lines if line]


@functools.lru_cache(maxsize=1024)
def _python_meaning(text: str) -> object:
    """Return what is equal for two definitions that differ in layout alone: their syntax tree and comments.

    For a text that is not Python it is its lines, stripped.
    """
    code = textwrap.dedent(text.replace("\r\n", "\n")).strip("\n") + "\n"
    for candidate in (code, f"{code}    pass\n"):  # a class comes without its members: it needs a body to parse
        try:
            tree = ast.dump(ast.parse(candidate))
            return tree, list(_comments(candidate))
        except (SyntaxError, ValueError, tokenize.TokenError):
            continue
    return _stripped_lines(text)


def _comments(code: str) -> Iterator[str]:
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT and token.string != GAP:
            yield token.string.lstrip("# ").rstrip()


def undefined_names(text: str) -> set[str]:
    """Return the names that a Python file uses and does not define; Python's own are among them."""
    module = symtable.symtable(text, "", "exec")
    names: set[str] = set()
    tables = [module]
    for table in tables:
        names |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
        tables += table.get_children()
    return names.difference(map(_defined_name, module.get_symbols()))


def _defined_name(symbol: symtable.Symbol) -> str:
    """Return the name that a module defines with a symbol; "" if it only uses it."""
    is_defined = symbol.is_assigned() or symbol.is_imported()
    return symbol.get_name() if is_defined else ""


def _whole(text: str) -> list[Definition]:
    return [Definition("", text)] if text else []


def _read_python(text: str) -> list[Definition]:
    return _python_definitions(lines_of(text), ast.parse(text).body, 0)


def _python_definitions(lines: Sequence[str], nodes: Sequence[ast.stmt], begin: int) -> list[Definition]:
    """Return the definitions of these nodes; ``begin`` is the index of the line from which the first one's text is."""
    definitions: list[Definition] = []
    for node in nodes:
        end = node.end_lineno or node.lineno
        last = definitions[-1] if definitions else None
        name = _name_of(node)
        begins_in_last_line = node.lineno <= begin
        if last and not last.members and (begins_in_last_line or name in (last.name, DOCSTRING)):
            definitions[-1] = replace(last, text=last.text + "".join(lines[begin:end]))
        else:
            definitions.append(_python_definition(lines, node, begin, end))
        begin = max(begin, end)
    return definitions


def _python_definition(lines: Sequence[str], node: ast.stmt, begin: int, end: int) -> Definition:
    is_block = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.If)
    members: list[Definition] = []
    if isinstance(node, ast.ClassDef):
        has_docstring = _name_of(node.body[0]) == DOCSTRING
        body = node.body[has_docstring:]
        if body and body[0].lineno > node.lineno:
            end = node.body[0].end_lineno or 0 if has_docstring else _above(lines, _first_line(body[0]))
            while not lines[end].strip():
                end += 1  # blank lines below the docstring belong to it
            members = _python_definitions(lines, body, end)
    return Definition(_name_of(node), "".join(lines[begin:end]), tuple(members), is_block)


def _first_line(node: ast.stmt) -> int:
    """Return the index of the first line of a node, with its decorators."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1


def _name_of(node: ast.stmt) -> str:
    """Return what a statement defines, for any other statement its code."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return node.name
        case ast.Assign(targets=[target]) | ast.AnnAssign(target=target):
            return ast.unparse(target)
        case ast.ImportFrom():
            return f"from {'.' * node.level}{node.module or ''}"
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
            return MAIN
        case ast.Expr(value=ast.Constant(value=str())):
            return DOCSTRING
    return ast.unparse(node)


def _read_yaml(text: str) -> list[Definition]:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    lines = lines_of(text)
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        return _whole(text)
    return _yaml_definitions(lines, root, 0, len(lines))


def _yaml_definitions(lines: Sequence[str], node: yaml.MappingNode, begin: int, end: int) -> list[Definition]:
    """Return the definitions of a mapping, whose lines are from ``begin`` to ``end``."""
    definitions: list[Definition] = []
    key_lines = [key.start_mark.line for key, _ in node.value]
    for (key, value), line, next_line in zip(node.value, key_lines, [*key_lines[1:], end], strict=True):
        value_end = _above(lines, next_line)
        if isinstance(value, yaml.MappingNode) and _is_below(value, line):
            head = "".join(lines[begin : line + 1])
            members = _yaml_definitions(lines, value, line + 1, value_end)
            definitions.append(Definition(key.value, head, tuple(members), is_partial=True))
        else:
            definitions.append(Definition(key.value, "".join(lines[begin:value_end])))
        begin = value_end
    return definitions


def _is_below(mapping: yaml.MappingNode, line: int) -> bool:
    """Return whether a block mapping stands below its key; that of ``<<: *name`` is above."""
    return not mapping.flow_style and mapping.value[0][0].start_mark.line > line


def _read_dockerfile(text: str) -> list[Definition]:
    return _entries(text, _instruction)


def _instruction(entry: str) -> str:
    """Return the name of an instruction of a Dockerfile."""
    word, name = INSTRUCTION.findall(entry)[0]
    return f"{word.upper()} {name}" if word.upper() in NAMED_INSTRUCTIONS else word.upper()


def _read_list(text: str) -> list[Definition]:
    return _entries(text, _entry)


def _entry(line: str) -> str:
    """Return the name of a line of a list: its package or variable, or all of it."""
    match = ASSIGNED.match(line)
    return match[0] if match else line


def _entries(text: str, name_of: Callable[[str], str]) -> list[Definition]:
    """Return a definition for each line that is no comment; for lines of the same name that follow each other, one."""
    definitions: list[Definition] = []
    pending = ""
    entry = ""
    for line in lines_of(text):
        pending += line
        entry += "" if _is_comment(line) else line.strip()
        if not entry or entry.endswith("\\"):
            continue
        name = name_of(entry)
        if definitions and definitions[-1].name == name:
            pending = definitions.pop().text + pending
        definitions.append(Definition(name, pending))
        pending = ""
        entry = ""
    return definitions
