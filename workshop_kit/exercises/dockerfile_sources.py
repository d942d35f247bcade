"""Where a Dockerfile gets what it builds on: a build without a network still fetches what FROM, ADD and COPY name.

The builder itself fetches images, addresses and its own syntax, whatever network the RUN lines have. For work of others
a text that names such a source, or that cannot be read for sure, is not given to the builder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from workshop_kit.engine.labels import LOCAL

NAMES = ("Dockerfile", "dockerfile")
"""The names under which the builder looks for it."""
DIRECTIVE = re.compile(r"^\W*(syntax|escape)\s*[=:]", re.IGNORECASE | re.MULTILINE)
CONTINUED = re.compile(r"\\[ \t\r]*\n")
INSTRUCTION = re.compile(r"\s*(?:ONBUILD\s+)?([A-Za-z]+)\s+(.*)", re.DOTALL)
FLAGS = re.compile(r"(?:--\S+\s+)*")
"""The flags at the beginning of an instruction; any other ``--`` belongs to its command."""
FROM_OPTION = re.compile(r"\bfrom=([^\s,]+)")
VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::-([^}]*))?\})")
ADDRESS = re.compile(r"://|git@|[$\\]")
"""In a source of ADD: an address, or what may become one."""
ALIAS = re.compile(r"\s+as\s+(\S+)\s*$", re.IGNORECASE)


def outside_source(folder: Path) -> str:
    """Return what the Dockerfile of a folder would fetch from outside; "" if that is nothing."""
    found = next((folder / name for name in NAMES if (folder / name).is_file()), None)
    return find_outside(found.read_bytes().decode(errors="replace")) if found else ""


def find_outside(text: str) -> str:
    """Return the first word of a Dockerfile that names a source outside of the engine; "" for none.

    >>> find_outside("FROM localhost/workshop/python:3.13 AS one\\nFROM one\\nCOPY --from=one /a /b")
    ''
    >>> find_outside("FROM scratch\\nADD https://example.org/a /a")
    'https://example.org/a'
    """
    text = text.removeprefix("\ufeff")
    if directive := DIRECTIVE.search(text):
        return directive[0].strip()
    if text.lstrip().startswith("{"):
        return "{"

    stages: set[str] = set()
    arguments: dict[str, str] = {}
    for name, rest in _instructions(text):
        words = rest.removeprefix(_flags(rest))
        if name == "ARG":
            key, _, value = words.partition("=")
            arguments[key.strip()] = value.strip().strip("\"'")
        if outside := _outside(name, rest, words, stages, arguments):
            return outside
        alias = ALIAS.search(words)
        if name == "FROM" and alias:
            stages.add(alias[1].lower())
    return ""


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and rest of each instruction, without comments, its lines joined."""
    lines = [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    for line in CONTINUED.sub(" ", "\n".join(lines)).split("\n"):
        if found := INSTRUCTION.fullmatch(line):
            yield found[1].upper(), found[2]


def _outside(name: str, rest: str, words: str, stages: set[str], arguments: Mapping[str, str]) -> str:
    """Return what one instruction would fetch."""
    if name == "FROM":
        image = _expanded(ALIAS.sub("", words).strip(), arguments)
        return "" if _is_inside(image, stages) else image
    if name in {"COPY", "ADD", "RUN"}:
        for source in FROM_OPTION.findall(_flags(rest)):
            if not _is_inside(source, stages):
                return str(source)
    if name == "ADD":
        for source in re.split(r"[\s,\[\]\"']+", words.strip().strip("[]"))[:-1]:
            if ADDRESS.search(source):
                return source
    return ""


def _flags(rest: str) -> str:
    """Return the flags at the beginning of an instruction."""
    found = FLAGS.match(rest)
    return found[0] if found else ""


def _is_inside(source: str, stages: set[str]) -> bool:
    """Return whether an image is a stage, empty, or one that this engine has under a name of its own."""
    return source.lower() in stages or source.isdecimal() or source == "scratch" or source.startswith(LOCAL)


def _expanded(word: str, arguments: Mapping[str, str]) -> str:
    """Return an image's name with the defaults of its variables."""

    def value(found: re.Match[str]) -> str:
        return arguments.get(found[1] or found[2]) or found[3] or found[0]

    return VARIABLE.sub(value, word)
