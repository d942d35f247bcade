"""The instructions of a Dockerfile with their lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HEREDOC = re.compile(r"(?<!\S)\d*<<-?(['\"]?)(?P<end>\w+)\1(?!\S)")
"""The start of a here-document."""


@dataclass(frozen=True)
class Instruction:
    """An instruction: its word in capitals, its text with the word, and its first line."""

    word: str
    text: str
    line: int


def last_stage(dockerfile: str) -> list[Instruction]:
    """Return the instructions of the last stage without its FROM, from the text of a Dockerfile.

    >>> last_stage("FROM a AS one\\nFROM one\\n# note\\nRUN x \\\\\\n  y\\nUSER 1")
    [Instruction(word='RUN', text='RUN x y', line=4), Instruction(word='USER', text='USER 1', line=6)]
    """
    lines = _lines_without_comments(dockerfile)
    stage: list[Instruction] = []

    for number, first_line in lines:
        text = first_line
        while text.endswith("\\"):
            _, next_line = next(lines, (0, ""))
            text = f"{text[:-1]} {next_line}"

        one_line = " ".join(text.split())
        word, _, _ = one_line.partition(" ")
        if word.upper() == "FROM":
            stage = []
            continue

        stage.append(Instruction(word.upper(), one_line, number))
        for document in _HEREDOC.finditer(one_line):
            _skip_past(lines, document["end"])

    return stage


def _lines_without_comments(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are neither empty nor a comment, with their numbers."""
    for number, raw_line in enumerate(text.splitlines(), 1):
        line = raw_line.strip()
        if line and not line.startswith("#"):
            yield number, line


def _skip_past(lines: Iterator[tuple[int, str]], end: str) -> None:
    """Take lines up to one that is ``end``, with that line."""
    for _, line in lines:
        if line == end:
            return
