"""The ledger never loses an entry, and passes over a line that is none."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from tests.examples import given, st
from workshop_kit.engine.session import Entry, Ledger

ENTRIES = st.builds(
    Entry,
    kind=st.sampled_from(["container", "network", "volume", "image"]),
    id=st.text(),
    name=st.text(),
    scope=st.sampled_from(["kernel", "workspace", "machine"]),
)


@given(added=st.lists(ENTRIES), removed=st.lists(ENTRIES))
def test_what_was_added_and_not_removed_is_there_once(
    tmp_path_factory: pytest.TempPathFactory, added: list[Entry], removed: list[Entry]
) -> None:
    """Any words in any entry survive the file; adding twice is adding once; removing takes just that."""
    ledger = Ledger(tmp_path_factory.mktemp("ledger") / "ledger.jsonl")
    ledger.add(*added)
    ledger.add(*added)
    ledger.remove(*removed)
    assert ledger.entries() == [entry for entry in dict.fromkeys(added) if entry not in set(removed)]


@pytest.mark.parametrize(
    "line", ['{"kind": "contai', "[]\n", '{"kind": "cat", "id": "1", "name": "", "scope": "kernel"}']
)
def test_a_line_that_is_no_entry_is_passed_over_and_told_once(tmp_path: Path, line: str) -> None:
    """Torn by a power cut, or wrong: the entries around it are read; the sentence names the file and the line."""
    ledger = Ledger(tmp_path / "ledger.jsonl")
    entries = [Entry("container", name, "", "kernel") for name in "ab"]
    ledger.add(entries[0])
    ledger.path.write_text(f"{ledger.path.read_text()}{line}")
    ledger.add(entries[1])
    assert ledger.entries() == entries
    (sentence,) = ledger.remove_unreadable()
    assert sentence.startswith(f"Line 2 of {ledger.path} is no entry: ")
    assert ledger.remove_unreadable() == []
    assert ledger.entries() == entries


def _add_many(path: Path, word: str) -> None:
    for number in range(50):
        Ledger(path).add(Entry("container", f"{word}{number}", "", "kernel"))


def test_two_processes_do_not_overwrite_each_other(tmp_path: Path) -> None:
    """Two kernels of one workspace write at once: 100 of 100 entries are there."""
    path = tmp_path / "ledger.jsonl"
    with multiprocessing.Pool(2) as pool:
        pool.starmap(_add_many, [(path, word) for word in "ab"])
    assert len(Ledger(path).entries()) == 100
