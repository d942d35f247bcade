"""Where a Dockerfile gets what it builds on: a build without a network still fetches what FROM, ADD and COPY name.

The builder itself fetches images, addresses and its own syntax, whatever network the RUN lines have. For work of others
a text that names such a source, or that cannot be read for sure, is not given to the builder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from workshop_kit.engine.labels import LOCAL

NAMES = ("Dockerfile", "dockerfile", "Containerfile")
"""The names under which a builder looks for it; Podman takes the last one first."""
DIRECTIVE = re.compile(r"^\W*(syntax|escape)\s*[=:]", re.IGNORECASE | re.MULTILINE)
SHEBANG = re.compile(r"\A#!.*\n")
"""The builder leaves such a first line out, and takes what follows for a directive, also in JSON."""
UNSURE = re.compile(r"\r(?!\n)|\\\\[ \t\r]*$", re.MULTILINE)
"""Line ends on which builders do not agree: a bare carriage return, and two backslashes."""
CONTINUED = re.compile(r"\\[ \t\r]*\n")
INSTRUCTION = re.compile(r"\s*(?:ONBUILD\s+)?([A-Za-z]+)\s+(.*)", re.DOTALL)
FLAGS = re.compile(r"(?:--\S+\s+)*")
"""The flags at the beginning of an instruction; any other ``--`` belongs to its command."""
FROM_OPTION = re.compile(r"\bfrom=([^\s,]+)", re.IGNORECASE)
MORE_RIGHTS = re.compile(r"--(?:network(?!=none\s|=default\s)|security)\S*")
"""A flag with which a step asks for more than the builder's options give it."""
QUOTES = re.compile(r"[\"']")
WELL_QUOTED = re.compile(r"""(?:[^"'\\]|"[^"\\]*"|'[^'\\]*')*""")
"""A flag whose quotes end in it; with any other one, builders may read the next words as its part."""
VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::-[^}]*)?\})")
ARGUMENT = re.compile(r"(\w+)=([\"']?)([^\s\"'\\$]+)\2\s*")
"""One variable with a plain value; any other ARG leaves the values of its names open."""
OF_PLATFORM = re.compile(r"(?:TARGET|BUILD)(?:PLATFORM|OS|OSVERSION|ARCH|VARIANT)")
"""Variables that the builder sets itself."""
ADDRESS = re.compile(r"://|@|[$\\]")
"""In a source of ADD: an address, or what may become one."""
ALIAS = re.compile(r"\s+as\s+(\S+)\s*$", re.IGNORECASE)
HEREDOC = re.compile(r"<<(-?)([\"']?)([A-Za-z_]\w*)\2(?=\s|$)")


def outside_source(folder: Path) -> str:
    """Return what the Dockerfile of a folder would fetch from outside; "" if that is nothing."""
    files = [folder / name for name in NAMES if (folder / name).is_file()]
    texts = [file.read_bytes().decode(errors="replace") for file in files]
    return next(filter(None, map(find_outside, texts)), "")


def find_outside(text: str) -> str:
    """Return the first word of a Dockerfile that names a source outside of the engine; "" for none.

    >>> find_outside("FROM localhost/workshop/python:3.13 AS one\\nFROM one\\nCOPY --from=one /a /b")
    ''
    >>> find_outside("FROM scratch\\nADD https://example.org/a /a")
    'https://example.org/a'
    """
    text = text.removeprefix("\ufeff")
    directive = DIRECTIVE.search(text)
    if directive:
        return directive[0].strip()
    if SHEBANG.sub("", text).lstrip().startswith("{"):
        return "{"
    unsure_line_end = UNSURE.search(text)
    if unsure_line_end:
        return repr(unsure_line_end[0])

    stages: set[str] = set()
    arguments: dict[str, str] = {}
    has_stage = False
    for name, operands, in_heredoc in _instructions(text):
        words = operands.removeprefix(_flags(operands))
        if name == "ARG" and not has_stage and not in_heredoc:
            _note_argument(words, arguments)

        source = _outside(name, operands, words, stages, arguments)
        if source:
            return source

        if name == "FROM" and not in_heredoc:
            has_stage = True
            alias = ALIAS.search(words)
            if alias:
                stages.add(alias[1].lower())
    return ""


def _instructions(text: str) -> Iterator[tuple[str, str, bool]]:
    """Yield the name of each instruction and what follows it, without comments, its lines joined.

    The lines of a here-document are yielded, too, with True: where it ends for the builder is not sure, so what they
    name counts, and what they define does not.
    """
    filled_lines = [line for line in text.split("\n") if line.strip()]
    lines = [line for line in filled_lines if not line.lstrip().startswith("#")]
    ends: list[tuple[str, str]] = []
    for line in CONTINUED.sub(" ", "\n".join(lines)).split("\n"):
        in_heredoc = bool(ends)
        if ends:
            dash, last_line = ends[0]
            content = line.lstrip("\t") if dash else line
            if content == last_line:
                ends.pop(0)
        else:
            ends = _heredocs(line)

        instruction = INSTRUCTION.fullmatch(line)
        if instruction:
            yield instruction[1].upper(), instruction[2], in_heredoc


def _heredocs(line: str) -> list[tuple[str, str]]:
    """Return dash and last line of each here-document that a line begins; one that cannot be read never ends."""
    heredocs = [(dash, word) for dash, _, word in HEREDOC.findall(line)]
    return heredocs if len(heredocs) == line.count("<<") else [("", "\n")]


def _note_argument(words: str, arguments: dict[str, str]) -> None:
    """Note the value of a variable; "" where it is not sure."""
    argument = ARGUMENT.fullmatch(words)
    if argument and argument[1] not in arguments and not OF_PLATFORM.fullmatch(argument[1]):
        arguments[argument[1]] = argument[3]
    else:
        arguments.update(dict.fromkeys(re.findall(r"\w+", words), ""))


def _outside(name: str, operands: str, words: str, stages: set[str], arguments: Mapping[str, str]) -> str:
    """Return what one instruction would fetch; ``words`` are its operands without the flags."""
    quoted_flags = _flags(operands)
    flags = QUOTES.sub("", quoted_flags)
    is_sure = all(map(WELL_QUOTED.fullmatch, quoted_flags.split()))
    if name in {"FROM", "COPY", "ADD", "RUN"} and (not is_sure or MORE_RIGHTS.search(flags)):
        return quoted_flags.strip()

    if name == "FROM":
        image = _expanded(ALIAS.sub("", words).strip(), arguments)
        return "" if _is_inside(image, stages) else image

    if name in {"COPY", "ADD", "RUN"}:
        for source in FROM_OPTION.findall(flags):
            if not _is_inside(source, stages):
                return str(source)

    if name == "ADD":
        for source in re.split(r"[\s,\[\]\"']+", words.strip().strip("[]"))[:-1]:
            if ADDRESS.search(source):
                return source
    return ""


def _flags(operands: str) -> str:
    """Return the flags at the beginning of what follows an instruction's name."""
    flags = FLAGS.match(operands)
    return flags[0] if flags else ""


def _is_inside(source: str, stages: set[str]) -> bool:
    """Return whether an image is a stage, empty, or one that this engine has under a name of its own."""
    if re.search(r"\s", source):
        return False
    return source.lower() in stages or source.isdecimal() or source == "scratch" or source.startswith(LOCAL)


def _expanded(word: str, arguments: Mapping[str, str]) -> str:
    """Return an image's name with the values of its variables; one without a sure value stays as it is."""

    def value(variable: re.Match[str]) -> str:
        name = variable[1] or variable[2]
        return arguments.get(name) or variable[0]

    return VARIABLE.sub(value, word)
