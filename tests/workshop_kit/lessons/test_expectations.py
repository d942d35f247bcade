"""Expectations: a lesson that goes wrong without an error is found by what its cells show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.workshop_kit.conftest import WriteNotebook
from workshop_kit.lessons import expectations
from workshop_kit.lessons.expectations import Expectations
from workshop_kit.lessons.tour import Tour
from workshop_kit.workspace.folder import Workspace


def notebook(text: str = "", html: str = "") -> Any:
    """A notebook with one executed cell, ``look``."""
    cell = nbformat.v4.new_code_cell("…", id="look")  # type: ignore[no-untyped-call]
    if text:
        cell.outputs.append(nbformat.v4.new_output("stream", text=text))  # type: ignore[no-untyped-call]
    if html:
        cell.outputs.append(nbformat.v4.new_output("display_data", {"text/html": html}))  # type: ignore[no-untyped-call]
    return nbformat.v4.new_notebook(cells=[cell])  # type: ignore[no-untyped-call]


def sentences(executed: Any, **tables: dict[str, str]) -> list[str]:
    """What is wrong with a notebook, by these tables."""
    return [sentence for _, sentence in expectations.misses(executed, Expectations(**tables))]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("it printed a KeyError: 'x' and went on", "KeyError"),
        ("Traceback (most recent call last):", "Traceback (most recent call last)"),
        ("Empty DataFrame\nColumns: [a]\nIndex: []", "Empty DataFrame"),
    ],
)
def test_what_no_cell_may_show(text: str, found: str) -> None:
    """An exception that was printed, or nothing where something was promised; the first can be declared."""
    assert sentences(notebook(text)) == [f"Cell 'look' prints {found!r}."]
    declared = sentences(notebook(text), exceptions={"look": "the experiment is about it"})
    assert declared == ([] if "Err" in found or "Trace" in found else [f"Cell 'look' prints {found!r}."])


def test_a_table_without_rows() -> None:
    """The kit's tables have row headers; a DataFrame's body has white space."""
    table = "<table><thead><tr><th>order</th></tr></thead><tbody>{}</tbody></table>"
    assert sentences(notebook(html=table.format("\n  "))) == ["Cell 'look' shows a table without rows."]
    assert sentences(notebook(html=table.format("<tr><th>1</th></tr>"))) == []


def test_the_tour_fails_a_lesson_that_does_not_show_it(
    empty_workspace: Workspace, write_notebook: WriteNotebook, tmp_path: Path
) -> None:
    """With solutions in place: the lesson runs to its end and is not good; untouched, it may show anything."""
    path = write_notebook(empty_workspace, "00_start", ["print('KeyError')", "print(6 * 7)"])
    ids = [cell.id for cell in nbformat.read(path, as_version=4).cells]  # type: ignore[no-untyped-call]
    (tmp_path / "00_start.expected.toml").write_text(f'[shows]\n{ids[1]} = "43"\n')
    (result,) = Tour(empty_workspace, output=tmp_path, solutions={}, expected=tmp_path).run()
    assert result.error is not None
    assert result.error.cell == 1
    assert len(result.error.message.split("\n")) == 2
    (result,) = Tour(empty_workspace, output=tmp_path, expected=tmp_path).run()
    assert result.error is None
