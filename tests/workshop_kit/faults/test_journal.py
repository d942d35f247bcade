"""The journal: faults as they were written; a line that is no fault is a sentence and never blocks clean-up."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from workshop_kit.errors import WorkshopError
from workshop_kit.faults.injection import history, revert_all
from workshop_kit.faults.journal import PAST_KEPT, ActiveFault, Endpoint, Journal, Snapshot

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def active(identifier: str = "1", **changes: Any) -> ActiveFault:
    """An active fault of redis."""
    before = Snapshot(networks={"net": Endpoint(Aliases=["redis"])}, limits={"NanoCpus": 0})
    known = {"fault": "stop", "parameters": {"grace_seconds": 1}, "container": "c", "name": "redis", "maker": "1@1"}
    return ActiveFault(**{"id": identifier, "before": before, "since": NOW, **known, **changes})


@pytest.fixture
def session(tmp_path: Path) -> Any:
    """A session whose ledger lies in the test's folder, and which has no engine."""
    return SimpleNamespace(ledger=SimpleNamespace(path=tmp_path / "ledger.jsonl"), maker="2@2")


def test_faults_come_back_as_they_were_written_and_past_ones_are_history(session: Any) -> None:
    """With their proxy; only the newest past faults are kept."""
    journal = Journal(session)
    journal.append(active())
    journal.append(active("2"))
    journal.set_proxy(active("2"), "p")
    assert journal.entries() == [active(), active("2", proxy="p")]
    journal.remove(active())
    assert journal.entries() == [active("2", proxy="p")]
    assert [(one.fault, one.target, one.started == NOW) for one in history(session)] == [("stop", "redis", True)] * 2
    assert [one.ended is None for one in history(session)] == [False, True]
    past = journal.path.with_name("faults-past.jsonl")
    past.write_text(past.read_text() * (PAST_KEPT + 5))
    journal.remove(active("2"))
    assert len(journal.past()) == PAST_KEPT


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"fault": "explode"}, "There is no fault 'explode'"),
        ({"since": "yesterday"}, "since: "),
        ({"before": {"networks": {"net": {"Aliases": 5}}, "limits": {}}}, "before.networks.net.Aliases: "),
        ({"surprise": 1}, "surprise: "),
        (None, "line 1"),
    ],
)
def test_a_line_that_is_no_fault_is_reported_once_and_never_blocks(session: Any, changes: Any, says: str) -> None:
    """Unknown and wrong fields, no JSON, bytes that are no text: one sentence, and the line is removed."""
    path = Journal(session).path
    line = json.loads(active().model_dump_json())
    path.write_bytes(b"{\xff\n" if changes is None else json.dumps({**line, **changes}).encode() + b"\n")
    assert Journal(session).entries() == []
    (said,) = revert_all(session).left
    assert said.startswith(f"Line 1 of {path} is no fault: ")
    if changes is not None:
        assert says in said
    assert path.read_text() == ""
    assert revert_all(session).left == []


def test_a_journal_that_cannot_be_read_is_a_sentence(session: Any) -> None:
    """A folder in its place: adding raises, reverting goes on."""
    journal = Journal(session)
    journal.path.mkdir()
    with pytest.raises(WorkshopError, match="cannot be kept"):
        journal.append(active())
    assert "cannot be read" in revert_all(session).left[0]
