"""What leaves a laptop: these fields, keys and numbers alone."""

from __future__ import annotations

import pytest

from workshop_kit.classroom import membership
from workshop_kit.classroom.protocol import DISCLOSED, GuessReport, JoinCode, Repair, Snapshot, disclosure
from workshop_kit.exercises import game_records
from workshop_kit.exercises.progress import Progress
from workshop_kit.exercises.result import Verdict
from workshop_kit.observe.http import Answer
from workshop_kit.workspace.folder import Workspace

SECRET = "my own words"


def test_these_fields_leave_a_laptop_and_each_is_said_before() -> None:
    """A new field fails here: say it in `DISCLOSED` first."""
    assert set(GuessReport.model_fields) == {"choice", "outcome"}
    assert set(Repair.model_fields) == {"seconds", "sign"}
    assert DISCLOSED.keys() == Snapshot.model_fields.keys()
    assert all(any(text in line for line in disclosure()) for text in DISCLOSED.values())


def test_a_snapshot_has_none_of_the_participants_texts(
    empty_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers, policies and debriefs stay; of a debrief one word of five leaves."""
    progress = Progress(empty_workspace.progress_path)
    progress.lock_guess("00_start.gone", "green")
    progress.record_actual("00_start.gone", "red")
    progress.keep_policy("01_container", [SECRET])
    progress.keep_answer("container.layer", SECRET)
    progress.record_start("container.limits")
    progress.record_check("container.limits", Verdict.PASSED)
    progress.record_check("container.layer", Verdict.WRONG)
    record = f'"id": "1", "name": "monday", "seed": 7, "began": "{moment(0)}", "first_symptom": "{moment(5)}"'
    debrief = f'"what": "{SECRET}", "how": "The chart fell, {SECRET}"'
    empty_workspace.ledger_path.with_name(game_records.FILE).write_text(
        f'{{{record}, "fixed": "{moment(47)}", "debrief": {{{debrief}}}, "actions": ["{SECRET}"]}}\n'
    )
    sent: list[str] = []

    def post(_code: JoinCode, _path: str, body: str) -> Answer:
        sent.append(body)
        return Answer(200, body='{"number": 1}')

    monkeypatch.setattr(membership, "post", post)
    membership.join(empty_workspace, JoinCode("127.0.0.1", 28_100, 1), "Ada")
    snapshot = Snapshot.model_validate_json(sent[0])
    assert (snapshot.name, snapshot.guesses) == ("Ada", {"00_start.gone": GuessReport(choice="green", outcome="red")})
    assert snapshot.passed == {"container.limits": 0}
    assert snapshot.repairs == {"monday": Repair(seconds=42, sign="metrics")}
    assert SECRET not in sent[0]
    assert membership.path_of(empty_workspace).stat().st_mode & 0o777 == 0o600


def moment(second: int) -> str:
    """A time of a recorded incident."""
    return f"2026-05-01T12:00:{second:02}Z"
