"""The steps that built an image: instructions of a Dockerfile if that is known, else what the history says."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from container_audit.findings import Evidence, RuleFinding
from container_audit.targets import Target
from workshop_kit.errors import WorkshopError
from workshop_kit.files import read_small_text
from workshop_kit.observe.layers import instruction
from workshop_kit.observe.masking import variable_names_in

NAMES = ("Dockerfile", "Containerfile")
HISTORY = "docker history"
_CLASSIC_BUILDER = "/bin/sh -c #(nop) "
_HEREDOC = re.compile(r"(?<!\S)\d*<<-?(['\"]?)(?P<end>\w+)\1(?!\S)")
"""The start of a here-document."""
CONFIG_KEYS = {
    "CMD": "Cmd",
    "ENTRYPOINT": "Entrypoint",
    "EXPOSE": "ExposedPorts",
    "HEALTHCHECK": "Healthcheck",
    "USER": "User",
}
"""Where ``Config`` of an image has what an instruction sets."""


@dataclass(frozen=True)
class Instruction:
    """An instruction of a Dockerfile: its word in capitals, its text with the word, and its first line."""

    word: str
    text: str
    line: int


@dataclass(frozen=True)
class BuildStep:
    """A step: its instruction's word and text, where it stands, and how the history has it."""

    word: str
    text: str
    place: str
    created_by: str

    @property
    def is_in_dockerfile(self) -> bool:
        """Whether its line in a Dockerfile is known."""
        return self.place != HISTORY

    def is_quoted_in(self, text: str) -> bool:
        """Return whether a text has the step as the history has it, or without what the builder adds."""
        forms = (self.created_by, instruction(self.created_by))
        return any(form and form in text for form in forms)

    def sets_one_of(self, names: Iterable[str]) -> bool:
        """Return whether it gives one of these variables a value."""
        return any(f"{name}=" in self.text for name in names)

    @property
    def evidence(self) -> Evidence:
        """The step as evidence."""
        return Evidence(self.place, self.text)


def read_steps(history: Iterable[Mapping[str, Any]], folder: Path) -> list[BuildStep]:
    """Return the steps of an image's history, oldest first.

    The last ones have the lines of a Dockerfile in the folder, or in a folder below it, if each of its instructions
    fits a step.
    """
    steps = [_step_of_history(str(entry.get("CreatedBy") or "")) for entry in history]

    for path in _dockerfiles_in(folder):
        with contextlib.suppress(WorkshopError, FileNotFoundError):
            instructions = last_stage(read_small_text(path))
            place = path.relative_to(folder)
            steps_of_file = _steps_of_file(steps, instructions, place)
            if steps_of_file:
                return [*steps[: -len(steps_of_file)], *steps_of_file]

    return steps


def steps_of_finding(steps: Sequence[BuildStep], finding: RuleFinding, target: Target) -> list[BuildStep]:
    """Return the steps that a finding comes from: those that its evidence quotes, else one with the rule's instruction.

    ``ENV`` sets many variables: such a step has to set one that the sentence names.
    """
    evidence_text = "\n".join(f"{item.action}\n{item.observation}" for item in finding.evidence)
    quoted_steps = [step for step in steps if step.is_quoted_in(evidence_text)]
    if quoted_steps:
        return [step for step in quoted_steps if step.is_in_dockerfile]  # else the evidence says it already

    names = variable_names_in(finding.sentence)
    for word in finding.rule.instructions:
        candidates = [step for step in steps if step.word == word]
        if word == "ENV":
            candidates = [step for step in candidates if step.sets_one_of(names)]
        if candidates and _is_in_force(word, target):
            return candidates[-1:]
    return []


def _is_in_force(word: str, target: Target) -> bool:
    """Return whether a container has what the instructions with this word set in its image."""
    key = CONFIG_KEYS.get(word, "")
    return bool(target.config.get(key) == target.image["Config"].get(key))


def _step_of_history(created_by: str) -> BuildStep:
    """Return a step as the history has it."""
    command = created_by.removeprefix(_CLASSIC_BUILDER).strip()
    word, _, _ = command.partition(" ")
    if not word.isupper():  # the classic builder writes the command of RUN alone
        word = "RUN"
    return BuildStep(word, instruction(command), HISTORY, created_by)


def _dockerfiles_in(folder: Path) -> Iterator[Path]:
    """Yield the Dockerfiles in a folder, then those in the folders below it."""
    for pattern in ("{}", "*/{}"):
        for name in NAMES:
            yield from sorted(folder.glob(pattern.format(name)))


def _steps_of_file(steps: Sequence[BuildStep], instructions: Sequence[Instruction], place: Path) -> list[BuildStep]:
    """Return the last steps with the lines of these instructions; none if one of them does not fit its step."""
    if not instructions or len(instructions) > len(steps):
        return []

    last_steps = steps[-len(instructions) :]
    pairs = list(zip(instructions, last_steps, strict=True))
    if not all(_fits(written, step) for written, step in pairs):
        return []
    return [
        BuildStep(written.word, written.text, f"{place}, line {written.line}", step.created_by)
        for written, step in pairs
    ]


def _fits(written: Instruction, step: BuildStep) -> bool:
    """Return whether a step may be made by an instruction: it has the instruction's word and its last argument.

    An argument with a variable or a here-document, and a build argument, may be anything in the history.
    """
    if written.word != step.word:
        return False

    last_argument = written.text.replace('"', "").split()[-1].strip("[]',")
    if written.word == "ARG" or "$" in last_argument or "<<" in last_argument:
        return True
    return last_argument in step.created_by.replace('"', "")


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
