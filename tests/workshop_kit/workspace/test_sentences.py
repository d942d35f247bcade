"""What a file cell says is true of the file, whatever cells were run before it, in any order, edited or not."""

from __future__ import annotations

import itertools
import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.examples import given, settings, st
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import content, definitions, file_cell, steps
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.imports import is_import
from workshop_kit.workspace.merge import Change
from workshop_kit.workspace.syntax import UnreadableText, is_same

COURSE = steps.load(CHECKOUT)
PATHS = ("my_service/orders.py", "my_service/config.py", "my_service/app.py")
CHANGED = "Left as you changed it"
DELETED = "Left out, as you deleted it"
REPLACED = "replace yours in"
NAMES = re.compile(rf"(?P<what>{CHANGED}|{DELETED}|{REPLACED}):? (?P<names>[^:]+?)\.(?: |$)")

Action = tuple[str, int, int]
"""What a participant does, with a cell or a definition by its number, and another number."""
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["cell", "cell", "edited cell", "shortened cell", "own cell", "edit", "delete", "delete file"]),
        st.integers(0, 30),
        st.integers(0, 30),
    ),
    max_size=12,
)


class Participant:
    """Someone with one file of the course, who runs cells and edits the file."""

    def __init__(self, folder: Path, path: str) -> None:
        self.workspace = Workspace.open(folder, source=folder / "nothing")
        self.path = path
        file_cells = [step for step in COURSE if not step.exercise]
        self.cells = [cell for cell in file_cells if cell.changes[0].path == path]
        self.run: set[int] = set()

    @property
    def text(self) -> str | None:
        """The file; None where there is none."""
        return content.current_text(self.workspace, self.path)

    def act(self, action: Action) -> None:
        """Do something, and look whether what a cell says is true."""
        what, number, other = action
        text = self.text
        if what == "own cell":
            names = [name for name in self.names(text or "") if "." not in name]
            name = names[other % len(names)] if names and number % 2 else "own"
            own = f"def {name}():\n    return {number}\n"
            self.type(Change(self.path, own, is_whole=False), None)
        elif what.endswith("cell"):
            index = number % len(self.cells)
            change = self.cells[index].changes[0]
            with_edit = {"edited cell": self.edited, "shortened cell": self.shortened}.get(what)
            self.type(with_edit(change, other) if with_edit else change, index)
        elif text is not None:
            self.edit_file(what, text, number)

    def edit_file(self, what: str, text: str, number: int) -> None:
        """Change or delete a definition of the file, or the file."""
        path = self.workspace.folder / self.path
        change = Change(self.path, text)
        if what == "delete file":
            path.unlink()
        else:
            path.write_text((self.edited if what == "edit" else self.shortened)(change, number).text)

    def names(self, text: str) -> list[str]:
        """The names of the definitions in a text."""
        return [name for name in definitions.names_in(self.path, text) if not is_import(name)]

    def edited(self, change: Change, number: int) -> Change:
        """The change with another text of one of its functions."""
        functions = re.findall(r"^(?:async )?def (\w+)", change.text, re.MULTILINE)
        names = [name for name in self.names(change.text) if name in functions]
        if not names:
            return change
        name = names[number % len(names)]
        other = f"def {name}():\n    return {number}\n"
        return self.readable(change, lambda: definitions.apply(self.path, change.text, other))

    def shortened(self, change: Change, number: int) -> Change:
        """The change without one of its definitions."""
        names = self.names(change.text)
        if not names:
            return change
        name = names[number % len(names)]
        return self.readable(change, lambda: definitions.remove(self.path, change.text, [name]))

    def readable(self, change: Change, make: Any) -> Change:
        """The change with the text that ``make`` returns; as it is where that is no cell or no file any more."""
        try:
            text = make()
            definitions.names_in(self.path, text)
        except UnreadableText:  # a cell that shows a class in parts is no file
            return change
        return replace(change, text=text) if text.strip() else change

    def type(self, typed: Change, index: int | None) -> None:
        """Run a cell of the course, by its index, or one of one's own."""
        lesson = self.cells[index].lesson if index is not None else "01_container"
        identifier = self.cells[index].cell if index is not None else ""
        before = self.text
        try:
            sentence = file_cell.bring(self.workspace, lesson, typed, cell=identifier).sentence
        except UnreadableText:
            assert self.text == before
            return
        if index is not None:
            self.run.add(index)
        self.require_true(sentence, typed, before, index)

    def require_true(self, sentence: str, typed: Change, before: str | None, index: int | None) -> None:
        """Require that each part of the sentence is true, and that all the cell shows is there or accounted for."""
        text = self.text or ""
        now = definitions.split(self.path, text)
        former = definitions.split(self.path, before or "")
        shown = definitions.names_in(self.path, typed.text)
        assert ("stays as it is" in sentence) is (before == text)
        assert ("is written" in sentence) is (before is None)

        named: dict[str, list[str]] = {}
        for match in NAMES.finditer(sentence):
            named[match["what"]] = re.split(", | and ", match["names"])
        for name in named.get(CHANGED, ()):
            assert not is_same(self.path, now[name], shown[name])
        for name in named.get(DELETED, ()):
            assert name not in now
        for name in named.get(REPLACED, ()):
            assert name not in now or not is_same(self.path, former[name], now[name])

        accounted = {*self.of_later_cells(index), *itertools.chain.from_iterable(named.values())}
        for name, shown_text in shown.items():
            outer = name.rpartition(".")[0]
            is_there = name in now and is_same(self.path, now[name], shown_text)
            assert is_there or is_import(name) or {name, outer} & accounted, (name, sentence)

    def of_later_cells(self, index: int | None) -> Iterator[str]:
        """Yield the names that cells after this one have brought or taken away."""
        if index is None:
            return
        before: set[str] = set()
        for number, cell in enumerate(self.cells):
            names = set(definitions.names_in(self.path, cell.changes[0].text))
            if number > index and number in self.run:
                yield from names
                yield from before if cell.changes[0].is_whole else ()
            before |= names


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=60)
@given(actions=ACTIONS)
def test_what_a_cell_says_is_true(path: str, actions: list[Action]) -> None:
    """Cells of the course in any order, edited, shortened, twice, between own cells and edits of the file."""
    with tempfile.TemporaryDirectory() as folder:
        participant = Participant(Path(folder), path)
        for action in actions:
            participant.act(action)
