"""How a participant's files grow: a file cell brings the lines of its stage, and what was written stays.

A cell shows its file whole, or under ``%%file my_service/app.py (changes)`` the top-level statements that are new or
changed. ``.workshop/stages.json`` in the workspace has the stage that each file has reached.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from workshop_kit.errors import WrongUsage
from workshop_kit.files import read_small_text, write_atomically
from workshop_kit.workspace import regions
from workshop_kit.workspace.regions import FileStage
from workshop_kit.workspace.solutions import Source

STAGES = Path(".workshop") / "stages.json"
GAP = "# …\n"
"""Stands in a cell between two statements that do not follow each other in the file."""
STATEMENT = re.compile(r"[^\s)\]}]")
"""How a line begins that begins a statement, or a comment."""


def stages(workspace: Path) -> dict[str, FileStage]:
    """Return the stage of each file of the participant, by its path in the workspace."""
    path = workspace / STAGES
    if not path.is_file():
        return {}
    try:
        stage_texts = json.loads(read_small_text(path))
        return {name: FileStage.parse(text) for name, text in stage_texts.items()}
    except (ValueError, AttributeError):
        return {}  # damaged: each file cell brings its lines once more


def record(workspace: Path, path: str, stage: FileStage | None) -> None:
    """Note the stage that a file has reached; None: it is not there any more."""
    noted_stages = stages(workspace)
    noted_stages.pop(path, None)
    if stage is not None:
        noted_stages[path] = stage
    texts = {name: str(noted_stages[name]) for name in sorted(noted_stages)}
    write_atomically(workspace / STAGES, (json.dumps(texts, indent=1) + "\n").encode())


def shown(source: Source, stage: FileStage, *, changes: bool) -> str:
    """Return what a file cell shows of a stage: the whole starter, or only the statements that it brings."""
    text = regions.starter(source.at(stage))
    if not changes:
        return text

    earlier_stages = [earlier for earlier in source.stages if earlier < stage]
    before = regions.starter(source.at(earlier_stages[-1])) if earlier_stages else ""
    return changed_statements(before, text)


def changed_statements(before: str, after: str) -> str:
    """Return the top-level statements of ``after`` that ``before`` lacks, with `GAP` where others are left out."""
    known_statements = {statement.strip() for statement in statements(before)}
    groups: list[str] = []
    follows_new_statement = False
    for statement in statements(after):
        is_new = statement.strip() not in known_statements
        if is_new and follows_new_statement:
            groups[-1] += statement
        elif is_new:
            groups.append(statement)
        follows_new_statement = is_new

    return GAP.join(f"{group.rstrip()}\n" for group in groups)


def statements(text: str) -> Iterator[str]:
    """Yield the top-level statements of a file, each with the comments and decorators before it."""
    statement = ""
    has_only_prefix = False  # so far it has only its comments and decorators
    for line in regions.lines_of(text):
        begins_statement = STATEMENT.match(line) is not None
        if begins_statement and statement.strip() and not has_only_prefix:
            yield statement
            statement = ""
        if begins_statement:
            has_only_prefix = line.startswith(("#", "@")) and not regions.REGION.fullmatch(line)
        statement += line

    if statement.strip():
        yield statement


def with_edits(text: str, cell: str, edited: str) -> str:
    """Return the ``text`` of a file with a participant's edits of the ``cell`` that shows all or parts of it.

    Raises WrongUsage if a gap between two parts is missing.
    """
    if GAP not in cell and cell.strip() == text.strip():
        return edited
    groups = cell.split(GAP)
    edits = edited.split(GAP)
    if len(groups) != len(edits):
        raise WrongUsage("The cell shows parts of the file.", f"Put its lines `{GAP.strip()}` back.")

    for group, edit in zip(groups, edits, strict=True):
        text = text.replace(group.rstrip(), edit.rstrip(), 1)
    return text
