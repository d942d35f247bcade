"""The instructions of a Dockerfile with their lines, and whether an image may be built from it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workshop_kit.files import read_small_text

WITH_HEREDOCS = {"ADD", "COPY", "RUN"}
_ESCAPE = re.compile(r"#\s*escape\s*=\s*(\S)\s*$", re.IGNORECASE)
_HEREDOC = re.compile(r"(?<!\S)\d*<<-?(['\"]?)(?P<end>\w+)\1(?!\S)")
_FROM = re.compile(r"(?:--\S+\s+)*(?P<base>\S+)(?:\s+AS\s+(?P<name>\S+))?", re.IGNORECASE)
_NAMED = re.compile(r"/[\w./-]+|\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")
"""Paths and variables in the sentence of a finding."""


@dataclass(frozen=True)
class Instruction:
    """An instruction: its word in capitals, what follows, continued lines joined, and its first line."""

    word: str
    text: str
    line: int


@dataclass(frozen=True)
class Dockerfile:
    """The instructions of the last stage, and before them those of the stages that it is based on."""

    path: Path
    instructions: tuple[Instruction, ...]

    def all(self, word: str) -> list[Instruction]:
        """Return the instructions with this word."""
        return [instruction for instruction in self.instructions if instruction.word == word]

    def last(self, word: str) -> str:
        """Return the text of the last instruction with this word; "" if there is none, or it has a variable."""
        instructions = self.all(word)
        if not instructions or "$" in instructions[-1].text:
            return ""
        return instructions[-1].text

    def line_of(self, words: Iterable[str], sentence: str = "") -> int:
        """Return the line of the last instruction with the first of these words that is there; 1 if none is.

        An instruction that names a path or variable of ``sentence`` comes before the others.
        """
        names = _NAMED.findall(sentence)
        for word in words:
            instructions = self.all(word)
            naming = [instruction for instruction in instructions if _names_one_of(instruction, names)]
            if instructions:
                return (naming or instructions)[-1].line
        return 1

    def may_make(self, config: Mapping[str, Any]) -> bool:
        """Return whether its literal instructions agree with the ``Config`` of an image.

        Without any instruction that can be compared this is not known, and the answer is no.
        """
        agreements = list(self._agreements(config))
        return bool(agreements) and all(agreements)

    def _agreements(self, config: Mapping[str, Any]) -> Iterator[bool]:
        """Yield for each literal setting whether the image has it."""
        variables = {pair.partition("=")[0] for pair in config.get("Env") or ()}
        labels = set(config.get("Labels") or ())
        for word, image_names in (("ENV", variables), ("LABEL", labels)):
            for instruction in self.all(word):
                yield from (name in image_names for name in _setting_names(instruction.text))

        exposed = config.get("ExposedPorts") or {}
        for port in self.last("EXPOSE").split():
            port_and_protocol = port if "/" in port else f"{port}/tcp"
            yield port_and_protocol in exposed

        if user := self.last("USER"):
            yield user == config.get("User")

        folder = self.last("WORKDIR")
        if folder.startswith("/"):
            yield folder.rstrip("/") == str(config.get("WorkingDir") or "").rstrip("/")

        for word, key in (("ENTRYPOINT", "Entrypoint"), ("CMD", "Cmd")):
            if text := self.last(word):
                yield _command(text) == [_single_spaced(argument) for argument in config.get(key) or ()]


def read_dockerfile(path: Path) -> Dockerfile:
    """Read a Dockerfile. Raises NotReady if it cannot be read, FileNotFoundError if there is none."""
    stages: dict[str, list[Instruction]] = {}
    stage: list[Instruction] = []
    for instruction in _instructions(read_small_text(path)):
        start = _FROM.match(instruction.text) if instruction.word == "FROM" else None
        if start:
            base = stages.get(start["base"].lower(), [])
            name = start["name"] or str(len(stages))
            stage = [*base]
            stages[name.lower()] = stage
        stage.append(instruction)

    return Dockerfile(path, tuple(stage))


def _instructions(text: str) -> Iterator[Instruction]:
    """Yield the instructions, without comments and the lines of here-documents."""
    lines = [line.strip() for line in text.split("\n")]
    escape = _escape(lines)
    numbered = iter(enumerate(lines, 1))

    for number, line in numbered:
        if not line or line.startswith("#"):
            continue
        instruction_text = line
        while instruction_text.endswith(escape):
            instruction_text = instruction_text.removesuffix(escape)
            instruction_text += _continuation(numbered, escape)

        word, _, arguments = _single_spaced(instruction_text).partition(" ")
        yield Instruction(word.upper(), arguments, number)

        if word.upper() in WITH_HEREDOCS:
            for document in _HEREDOC.finditer(arguments):
                _skip_to(numbered, document["end"])


def _escape(lines: list[str]) -> str:
    """Return the character that continues a line: the one of a directive, which stands among the first comments."""
    for line in lines:
        if not line.startswith("#"):
            break
        if directive := _ESCAPE.match(line):
            return directive[1]
    return "\\"


def _continuation(numbered: Iterator[tuple[int, str]], escape: str) -> str:
    """Return the next line of an instruction: comments and empty lines within it continue it, too; "" at the end."""
    next_line = next(numbered, None)
    if next_line is None:
        return ""

    _, line = next_line
    if not line or line.startswith("#"):
        return f" {escape}"
    return f" {line}"


def _skip_to(numbered: Iterator[tuple[int, str]], end: str) -> None:
    """Skip the lines up to one that is ``end``."""
    for _, line in numbered:
        if line == end:
            return


def _names_one_of(instruction: Instruction, names: Iterable[str]) -> bool:
    return any(name in instruction.text for name in names)


def _setting_names(text: str) -> list[str]:
    """Return the names in ``NAME=value other="a value"``; none if there are quotes that are not closed."""
    try:
        words = shlex.split(text)
    except ValueError:
        return []

    if words and "=" not in words[0]:  # the old form: one name, a space, the value
        return words[:1]
    pairs = [word for word in words if "=" in word]
    return [pair.partition("=")[0] for pair in pairs if not pair.startswith("$")]


def _command(text: str) -> list[str]:
    """Return an ENTRYPOINT or CMD as an image has it: the shell form is given to a shell."""
    try:
        words = json.loads(text)
    except ValueError:
        return ["/bin/sh", "-c", text]

    if not isinstance(words, list):
        return [text]
    return [_single_spaced(str(word)) for word in words]


def _single_spaced(text: str) -> str:
    """Return the words of a text with one space between them."""
    return " ".join(text.split())
