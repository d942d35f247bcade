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
_HEREDOC = re.compile(r"(?<!\S)\d*<<(?P<tabs>-?)(['\"]?)(?P<end>\w+)\2(?!\S)")
"""The start of a here-document: after ``<<-`` tabs may stand before its last line."""
_FROM = re.compile(r"(?:--\S+\s+)*(?P<base>\S+)(?:\s+AS\s+(?P<name>\S+))?", re.IGNORECASE)
_NAMED = re.compile(r"/[\w./-]+|\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")
"""Paths and variables in the sentence of a finding."""


@dataclass(frozen=True)
class Instruction:
    """An instruction: its word in capitals, the text behind the word with its lines joined, and its first line."""

    word: str
    text: str
    line: int


@dataclass(frozen=True)
class Dockerfile:
    """The instructions of the last stage, preceded by those of the stages that it is based on."""

    path: Path
    instructions: tuple[Instruction, ...]

    def all(self, word: str) -> list[Instruction]:
        """Return the instructions with this word."""
        return [instruction for instruction in self.instructions if instruction.word == word]

    def last(self, word: str) -> str:
        """Return the text of the last instruction with this word; "" if there is none, or it has a variable."""
        instructions = self.all(word)
        if not instructions:
            return ""

        text = instructions[-1].text
        return "" if "$" in text else text

    def line_of(self, words: Iterable[str], sentence: str = "") -> int:
        """Return the line of the last instruction with the first of ``words`` that the file has; 1 if it has none.

        Of the instructions with that word, those that name a path or variable of ``sentence`` come before the others.
        """
        names = _NAMED.findall(sentence)
        for word in words:
            instructions = self.all(word)
            if not instructions:
                continue
            naming_instructions = [instruction for instruction in instructions if _has_name(instruction, names)]
            candidates = naming_instructions or instructions
            return candidates[-1].line

        return 1

    def may_make(self, config: Mapping[str, Any]) -> bool:
        """Return whether an image with this ``Config`` may have been built from it.

        All settings that can be compared have to be those of the image. If none can be compared, the answer is no.
        """
        agreements = [*self._compare_names(config), *self._compare_values(config)]
        return bool(agreements) and all(agreements)

    def _compare_names(self, config: Mapping[str, Any]) -> Iterator[bool]:
        """Yield for each variable, label and port of the file whether the image has it."""
        variables = {pair.partition("=")[0] for pair in config.get("Env") or ()}
        for instruction in self.all("ENV"):
            for name in _setting_names(instruction.text):
                yield name in variables

        labels = config.get("Labels") or {}
        for instruction in self.all("LABEL"):
            for name in _setting_names(instruction.text):
                yield name in labels

        exposed = config.get("ExposedPorts") or {}
        for port in self.last("EXPOSE").split():
            port_and_protocol = port if "/" in port else f"{port}/tcp"
            yield port_and_protocol in exposed

    def _compare_values(self, config: Mapping[str, Any]) -> Iterator[bool]:
        """Yield for user, working folder and commands whether the image's are those of the file, if it has them."""
        user = self.last("USER")
        if user:
            yield user == config.get("User")

        folder = self.last("WORKDIR")
        if folder.startswith("/"):
            image_folder = str(config.get("WorkingDir") or "")
            yield folder.rstrip("/") == image_folder.rstrip("/")

        for word, key in (("ENTRYPOINT", "Entrypoint"), ("CMD", "Cmd")):
            text = self.last(word)
            if text:
                image_command = [_single_spaced(argument) for argument in config.get(key) or ()]
                yield _command_words(text) == image_command


def read_dockerfile(path: Path) -> Dockerfile:
    """Read a Dockerfile. Raises NotReady if it cannot be read, FileNotFoundError if there is none."""
    stages_by_name: dict[str, list[Instruction]] = {}
    stage: list[Instruction] = []
    stage_count = 0
    for instruction in _instructions(read_small_text(path)):
        start = _FROM.match(instruction.text) if instruction.word == "FROM" else None
        if start:
            base_stage = stages_by_name.get(start["base"].lower(), [])
            stage = list(base_stage)
            stages_by_name[str(stage_count)] = stage
            if start["name"]:
                stages_by_name[start["name"].lower()] = stage
            stage_count += 1
        stage.append(instruction)

    return Dockerfile(path, tuple(stage))


def _instructions(text: str) -> Iterator[Instruction]:
    """Yield the instructions of a Dockerfile, without comments and without the lines of here-documents."""
    lines = text.replace("\r\n", "\n").split("\n")
    escape = _escape_character(lines)
    numbered_lines = iter(enumerate(lines, 1))

    for number, raw_line in numbered_lines:
        line = raw_line.strip()
        if not line or line.startswith("#"):
            continue

        instruction_text = line
        while instruction_text.endswith(escape):
            instruction_text = instruction_text.removesuffix(escape)
            instruction_text += _read_continuation(numbered_lines, escape)

        word, _, arguments = _single_spaced(instruction_text).partition(" ")
        yield Instruction(word.upper(), arguments, number)

        if word.upper() in WITH_HEREDOCS:
            for document in _HEREDOC.finditer(arguments):
                _skip_past(numbered_lines, document["end"], tabs="\t" if document["tabs"] else "")


def _escape_character(lines: list[str]) -> str:
    """Return the character that continues a line: a backslash, or that of a directive in the first comments."""
    for raw_line in lines:
        line = raw_line.strip()
        if not line.startswith("#"):
            break
        directive = _ESCAPE.match(line)
        if directive:
            return directive[1]
    return "\\"


def _read_continuation(numbered_lines: Iterator[tuple[int, str]], escape: str) -> str:
    """Take the next line from the iterator and return it as a part of the instruction before; "" at the end.

    A comment or empty line there does not end the instruction: in its place the escape character is returned.
    """
    next_line = next(numbered_lines, None)
    if next_line is None:
        return ""

    line = next_line[1].strip()
    if not line or line.startswith("#"):
        return f" {escape}"
    return f" {line}"


def _skip_past(numbered_lines: Iterator[tuple[int, str]], end: str, tabs: str) -> None:
    """Take lines from the iterator up to one that is ``end``, with that line; ``tabs`` may stand before it."""
    for _, line in numbered_lines:
        if line.lstrip(tabs) == end:
            return


def _has_name(instruction: Instruction, names: Iterable[str]) -> bool:
    """Return whether one of the names is in the text of an instruction."""
    return any(name in instruction.text for name in names)


def _setting_names(text: str) -> list[str]:
    """Return the names in ``NAME=value other="a value"``; none if a quotation mark is not closed."""
    try:
        words = shlex.split(text)
    except ValueError:
        return []

    if words and "=" not in words[0]:  # the old form: one name, a space, the value
        return words[:1]
    pairs = [word for word in words if "=" in word]
    return [pair.partition("=")[0] for pair in pairs if not pair.startswith("$")]


def _command_words(text: str) -> list[str]:
    """Return the words of ENTRYPOINT or CMD as an image stores them; the shell form becomes the command of a shell."""
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
