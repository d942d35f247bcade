"""Where a Dockerfile gets what it builds on: a build without a network still fetches what FROM, ADD and COPY name.

The builder itself fetches images, addresses and its own syntax, whatever network the RUN lines have. For work of others
a text that names such a source, or that cannot be read for sure, is not given to the builder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
    for text in texts:
        source = find_outside(text)
        if source:
            return source
    return ""


@dataclass(frozen=True)
class _Instruction:
    """An instruction of a Dockerfile: its name in capitals, its flags as they are written, and what follows them.

    ``in_heredoc``: it may be a line of a here-document, and no instruction.
    """

    name: str
    flags: str
    words: str
    in_heredoc: bool


def find_outside(text: str) -> str:
    """Return the first word of a Dockerfile that names a source outside of the engine; "" for none.

    A part that builders may read in several ways counts as such a word.

    >>> find_outside("FROM localhost/workshop/python:3.13 AS one\\nFROM one\\nCOPY --from=one /a /b")
    ''
    >>> find_outside("FROM scratch\\nADD https://example.org/a /a")
    'https://example.org/a'
    """
    text = text.removeprefix("\ufeff")
    ambiguous_part = _ambiguous_part(text)
    if ambiguous_part:
        return ambiguous_part

    stages: set[str] = set()
    arguments: dict[str, str] = {}
    has_stage = False
    for instruction in _instructions(text):
        is_definition = not instruction.in_heredoc
        if instruction.name == "ARG" and is_definition and not has_stage:
            arguments |= _argument_values(instruction.words, arguments)

        source = _fetched_source(instruction, stages, arguments)
        if source:
            return source

        if instruction.name == "FROM" and is_definition:
            has_stage = True
            alias = ALIAS.search(instruction.words)
            if alias:
                stages.add(alias[1].lower())

    return ""


def _ambiguous_part(text: str) -> str:
    """Return what changes how a builder reads a Dockerfile: a directive, JSON, or an unsure line end; "" for none."""
    directive = DIRECTIVE.search(text)
    if directive:
        return directive[0].strip()

    is_json = SHEBANG.sub("", text).lstrip().startswith("{")
    if is_json:
        return "{"

    unsure_line_end = UNSURE.search(text)
    return repr(unsure_line_end[0]) if unsure_line_end else ""


def _instructions(text: str) -> Iterator[_Instruction]:
    """Yield each instruction, without comments, its lines joined.

    The lines of a here-document are yielded, too: where it ends for the builder is not sure. So what they name counts,
    and what they define does not.
    """
    filled_lines = [line for line in text.split("\n") if line.strip()]
    lines = [line for line in filled_lines if not line.lstrip().startswith("#")]
    joined_lines = CONTINUED.sub(" ", "\n".join(lines)).split("\n")

    open_heredocs: list[tuple[str, str]] = []
    for line in joined_lines:
        in_heredoc = bool(open_heredocs)
        if in_heredoc:
            dash, last_line = open_heredocs[0]
            content = line.lstrip("\t") if dash else line
            if content == last_line:
                open_heredocs.pop(0)
        else:
            open_heredocs = _heredocs(line)

        instruction = INSTRUCTION.fullmatch(line)
        if instruction:
            name, operands = instruction.groups()
            flags = _flags(operands)
            yield _Instruction(name.upper(), flags, operands.removeprefix(flags), in_heredoc)


def _heredocs(line: str) -> list[tuple[str, str]]:
    """Return dash and last line of each here-document that a line begins.

    If one of them cannot be read, returns one whose last line never comes.
    """
    heredocs = [(dash, last_line) for dash, _, last_line in HEREDOC.findall(line)]
    is_readable = len(heredocs) == line.count("<<")
    return heredocs if is_readable else [("", "\n")]


def _argument_values(words: str, earlier_arguments: Mapping[str, str]) -> dict[str, str]:
    """Return the value of the variable that an ARG defines; "" for each variable whose value is not sure.

    A value is not sure if it is no plain text, was given before, or comes from the builder.
    """
    argument = ARGUMENT.fullmatch(words)
    if argument is not None:
        name, _, value = argument.groups()
        is_sure = name not in earlier_arguments and OF_PLATFORM.fullmatch(name) is None
        if is_sure:
            return {name: value}

    names = re.findall(r"\w+", words)
    return dict.fromkeys(names, "")


def _fetched_source(instruction: _Instruction, stages: set[str], arguments: Mapping[str, str]) -> str:
    """Return what an instruction would fetch from outside, or a flag that cannot be read for sure; "" for nothing."""
    if instruction.name not in {"FROM", "COPY", "ADD", "RUN"}:
        return ""

    flags = QUOTES.sub("", instruction.flags)
    is_well_quoted = all(map(WELL_QUOTED.fullmatch, instruction.flags.split()))
    if not is_well_quoted or MORE_RIGHTS.search(flags):
        return instruction.flags.strip()

    if instruction.name == "FROM":
        image = _expand_variables(ALIAS.sub("", instruction.words).strip(), arguments)
        return "" if _is_inside(image, stages) else image

    for source in FROM_OPTION.findall(flags):
        if not _is_inside(source, stages):
            return str(source)

    if instruction.name == "ADD":
        sources_and_target = re.split(r"[\s,\[\]\"']+", instruction.words.strip().strip("[]"))
        for source in sources_and_target[:-1]:
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

    is_stage = source.lower() in stages or source.isdecimal()
    is_local_image = source == "scratch" or source.startswith(LOCAL)
    return is_stage or is_local_image


def _expand_variables(image: str, arguments: Mapping[str, str]) -> str:
    """Return an image's name with the values of its variables; one without a sure value stays as it is."""

    def value_of(variable: re.Match[str]) -> str:
        name = variable[1] or variable[2]
        return arguments.get(name) or variable[0]

    return VARIABLE.sub(value_of, image)
