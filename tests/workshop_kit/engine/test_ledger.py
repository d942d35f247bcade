"""The ledger never loses an entry, and never believes a torn line."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workshop_kit.engine.ledger import Entry, Ledger

ENTRIES = st.builds(
    Entry,
    kind=st.sampled_from(["container", "network", "volume", "image", "project"]),
    id=st.text(),
    name=st.text(),
    scope=st.sampled_from(["kernel", "workspace", "machine"]),
)


@given(added=st.lists(ENTRIES), struck=st.lists(ENTRIES))
def test_what_was_added_and_not_struck_is_there_once(
    tmp_path_factory: pytest.TempPathFactory, added: list[Entry], struck: list[Entry]
) -> None:
    """Any words in any entry survive the file; adding twice is adding once; striking takes just that."""
    ledger = Ledger(tmp_path_factory.mktemp("ledger") / "ledger.jsonl")
    ledger.add(*added)
    ledger.add(*added)
    ledger.strike(*struck)
    assert ledger.entries() == [entry for entry in dict.fromkeys(added) if entry not in set(struck)]


def test_an_entry_after_a_torn_line_is_not_swallowed_by_it(tmp_path: Path) -> None:
    """What is added after a power cut starts on a line of its own."""
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.path.write_text('{"kind": "contai')
    entry = Entry("container", "a" * 64, "one", "kernel")
    ledger.add(entry)
    assert ledger.entries() == [entry]


def _add_many(path: Path, word: str) -> None:
    for number in range(50):
        Ledger(path).add(Entry("container", f"{word}{number}", "", "kernel"))


def test_two_processes_do_not_overwrite_each_other(tmp_path: Path) -> None:
    """Two kernels of one workspace write at once: 100 of 100 entries are there."""
    path = tmp_path / "ledger.jsonl"
    processes = [multiprocessing.Process(target=_add_many, args=(path, word)) for word in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert len(Ledger(path).entries()) == 100
