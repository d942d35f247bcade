"""Put the answers of open definitions into a participant's files, for a tour and for cells that nobody runs."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from pathlib import Path

from workshop_kit.workspace import content, merge, steps
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.merge import Change


def put_in(workspace: Workspace, root: Path, cells: Collection[tuple[str, str]] = ()) -> list[str]:
    """Answer the open definitions that are as a cell of the checkout ``root`` shows them.

    ``cells`` are the cells that brought them, each by its lesson and id; all without any. Returns a sentence for each.
    """
    sentences: list[str] = []
    for cell, step in itertools.pairwise(steps.load(root)):
        if step.exercise == steps.OPEN and (not cells or (step.lesson, step.cell) in cells):
            sentences += _answer(workspace, cell.changes[0], step.changes[0])
    return sentences


def _answer(workspace: Workspace, shown: Change, answer: Change) -> Iterator[str]:
    """Put an answer into the participant's file if its definitions are as the cell has ``shown`` them.

    Yields a sentence.
    """
    path = answer.path
    mine = content.current_text(workspace, path) or ""
    names = steps.own_names(answer)
    if merge.is_same_in(path, mine, shown.text, names):
        solved = steps.with_solution(answer, mine, content.base_text(workspace, path))
        content.write(workspace, path, solved)
        yield f"{path} has the answer: {', '.join(sorted(names))}"
