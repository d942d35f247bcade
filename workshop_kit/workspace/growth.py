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
from workshop_kit.files import read_document, write_atomically
from workshop_kit.workspace import regions
from workshop_kit.workspace.regions import FileStage
from workshop_kit.workspace.solutions import Source

STAGES = Path(".workshop") / "stages.json"
GAP = "# …\n"
"""Stands in a cell between two statements that do not follow each other in the file."""
STATEMENT = re.compile(r"[^\s)\]}]")
"""Matches the beginning of a line that begins a statement or a comment: no space, no closing bracket."""


def stages(workspace: Path) -> dict[str, FileStage]:
    """Return the stage of each file of the participant, by its path in the workspace. Raises NotReady."""
    try:
        stage_texts = read_document(workspace / STAGES)
        return {name: FileStage.parse(text) for name, text in stage_texts.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError):
        return {}  # it is JSON of another shape: each file cell brings its lines once more


def record(workspace: Path, path: str, stage: FileStage | None) -> None:
    """Note the stage that a file of the participant has reached; None for a file that was removed."""
    noted_stages = stages(workspace)
    noted_stages.pop(path, None)
    if stage is not None:
        noted_stages[path] = stage
    texts = {name: str(noted_stages[name]) for name in sorted(noted_stages)}
    write_atomically(workspace / STAGES, (json.dumps(texts, indent=1) + "\n").encode())


def cell_text_at(source: Source, stage: FileStage, *, changes: bool) -> str:
    """Return what a file cell shows of a stage: the whole starter, or with ``changes`` only its new statements."""
    text = regions.starter(source.at(stage))
    if not changes:
        return text

    earlier_stages = [earlier_stage for earlier_stage in source.stages if earlier_stage < stage]
    if not earlier_stages:
        return changed_statements("", text)
    text_before = regions.starter(source.at(earlier_stages[-1]))
    return changed_statements(text_before, text)


def changed_statements(before: str, after: str) -> str:
    """Return the top-level statements of ``after`` that ``before`` lacks, with `GAP` where others are left out."""
    known_statements = {statement.strip() for statement in statements(before)}
    groups: list[str] = []  # of new statements that follow each other in the file
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
    has_only_prefix = False  # whether the statement so far is only its comments and decorators
    for line in regions.lines_of(text):
        if STATEMENT.match(line):
            if statement.strip() and not has_only_prefix:
                yield statement
                statement = ""
            is_prefix = line.startswith(("#", "@"))
            has_only_prefix = is_prefix and not regions.REGION.fullmatch(line)
        statement += line

    if statement.strip():
        yield statement


def with_edits(text: str, cell: str, edited: str) -> str:
    """Return the ``text`` of a file with a participant's edits of a cell that shows all or parts of it.

    ``cell`` is the cell as it was shipped, ``edited`` as the participant ran it. Raises WrongUsage if a gap between
    two parts is missing.
    """
    if GAP not in cell and cell.strip() == text.strip():
        return edited

    parts = cell.split(GAP)
    edited_parts = edited.split(GAP)
    if len(parts) != len(edited_parts):
        raise WrongUsage("The cell shows parts of the file.", f"Put its lines `{GAP.strip()}` back.")

    edited_text = text
    for part, edited_part in zip(parts, edited_parts, strict=True):
        edited_text = _replace_lines(edited_text, part.rstrip(), edited_part.rstrip())
    return edited_text


def _replace_lines(text: str, lines: str, new_lines: str) -> str:
    """Return ``text`` with ``new_lines`` for the first occurrence of ``lines``, which are whole lines of it."""
    match = re.search(rf"^{re.escape(lines)}$", text, re.MULTILINE)
    if match is None:
        return text
    return text[: match.start()] + new_lines + text[match.end() :]
