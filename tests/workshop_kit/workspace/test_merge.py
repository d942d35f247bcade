"""An update never costs a participant what they wrote."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workshop_kit.workspace.merge import merge

SOURCES = st.dictionaries(st.sampled_from(["a", "b", "c", "d", "e"]), st.sampled_from(["1", "2", "3"]))


def notebook(cells: dict[str, str], outputs: tuple[str, ...] = ()) -> bytes:
    """A notebook of code cells, id to source; those in ``outputs`` have been run."""
    written = [
        {"cell_type": "code", "id": name, "source": [text], "outputs": ["seen"] if name in outputs else []}
        for name, text in cells.items()
    ]
    return json.dumps({"cells": written, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def sources(content: bytes) -> dict[str, str]:
    """Id to source, in order."""
    return {cell["id"]: "".join(cell["source"]) for cell in json.loads(content)["cells"]}


def outputs(content: bytes) -> list[str]:
    """The ids of the cells that still show what they put out."""
    return [cell["id"] for cell in json.loads(content)["cells"] if cell["outputs"]]


def test_a_cell_that_was_only_run_is_updated_and_the_others_keep_their_outputs() -> None:
    """Running is not editing: the changed cell becomes the new one, an unchanged one keeps what it showed."""
    merged = merge("x.ipynb", notebook({"a": "1", "b": "1"}), notebook({"a": "1", "b": "1"}, ("a", "b")),
                   notebook({"a": "1", "b": "2"}))  # fmt: skip
    assert sources(merged.content) == {"a": "1", "b": "2"}
    assert outputs(merged.content) == ["a"]
    assert merged.kept == ()


def test_a_cell_that_the_project_dropped_goes_unless_it_was_edited() -> None:
    """A cell that is gone from the lesson goes; one with a participant's work in it stays."""
    merged = merge("x.ipynb", notebook({"a": "1", "b": "1", "c": "1"}), notebook({"a": "1", "b": "mine", "c": "1"}),
                   notebook({"a": "1"}))  # fmt: skip
    assert sources(merged.content) == {"a": "1", "b": "mine"}


@given(base=SOURCES, mine=SOURCES, new=SOURCES)
def test_no_edit_is_ever_lost(base: dict[str, str], mine: dict[str, str], new: dict[str, str]) -> None:
    """Whatever the three versions: each cell that the participant wrote or changed is there afterwards, as it was."""
    after = sources(merge("x.ipynb", notebook(base), notebook(mine), notebook(new)).content)
    edits = {name: text for name, text in mine.items() if base.get(name) != text}
    assert {name: after.get(name) for name in edits} == edits


@given(base=SOURCES, new=SOURCES)
def test_an_untouched_copy_becomes_the_new_version(base: dict[str, str], new: dict[str, str]) -> None:
    """Who changed nothing has the newest version, and nothing else."""
    merged = merge("x.ipynb", notebook(base), notebook(base), notebook(new))
    assert merged.content == notebook(new)
    assert merged.kept == ()


def exercise(body: str, around: str = "x = 1") -> bytes:
    """A file with one exercise."""
    return f"{around}\n# region config.env\n{body}\n# endregion config.env\n".encode()


def test_a_region_stays_while_the_file_around_it_is_updated() -> None:
    """What was written into an exercise survives a correction of the scaffolding."""
    merged = merge("config.py", exercise("naive"), exercise("mine"), exercise("naive", "x = 2"))
    assert merged.content == exercise("mine", "x = 2")
    assert merged.kept == ()


@pytest.mark.parametrize(
    ("name", "mine"),
    [
        ("config.py", exercise("mine", "import os")),  # changed outside of the regions
        ("config.py", b"# region config.env\n"),  # damaged markers
        ("config.py", b"\xff\xfe"),  # not text
        ("x.ipynb", b"no notebook"),
        ("x.ipynb", b'{"cells": [1]}'),
    ],
)
def test_what_cannot_be_merged_stays_whole(name: str, mine: bytes) -> None:
    """A file that cannot be taken apart is the participant's, whole, and is named."""
    base = exercise("naive") if name == "config.py" else notebook({"a": "1"})
    new = exercise("naive", "x = 2") if name == "config.py" else notebook({"a": "2"})
    merged = merge(name, base, mine, new)
    assert (merged.content, merged.kept) == (mine, ("the whole file",))
