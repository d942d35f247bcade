"""What the progress file says of exercises: any sequence of doings is read back, and hand edits are survived."""

from __future__ import annotations

import json
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from workshop_kit.errors import WrongUsage
from workshop_kit.learn.exercise.result import Verdict
from workshop_kit.learn.progress import Progress
from workshop_kit.learn.records import Done

FOR_FILES = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
ANSWERS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(TEXT, children, max_size=3),
    max_leaves=6,
)
IDS = st.sampled_from(["container.graceful", "container.layer", "", "nobody.knows"])


class Participant(RuleBasedStateMachine):
    """Somebody who checks, asks for hints, looks at solutions, in any order, beside a simple model of it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "progress.json"
        self.path.write_text(json.dumps({"later": [1], "exercises": {"old.id": {"anything": True}}}))
        self.said: list[str] = []
        self.model: dict[str, Done] = {}

    def teardown(self) -> None:
        """Remove the file."""
        self.folder.cleanup()

    @property
    def progress(self) -> Progress:
        """The file as a new process opens it."""
        return Progress(self.path, tell=self.said.append)

    def known(self, identifier: str) -> Done:
        """The model's view of an exercise."""
        return self.model.get(identifier, Done())

    @rule(identifier=IDS, verdict=st.sampled_from(Verdict))
    def check(self, identifier: str, verdict: Verdict) -> None:
        """Attempts count up, the last verdict counts, and passed stays passed, since when it was first."""
        before = self.known(identifier)
        done = self.progress.record_check(identifier, verdict)
        assert (done.passed_at is not None) == (before.passed_at is not None or verdict is Verdict.PASSED)
        assert before.passed_at in (None, done.passed_at)
        self.model[identifier] = replace(
            before, attempts=before.attempts + 1, verdict=str(verdict), passed_at=done.passed_at
        )

    @rule(identifier=IDS)
    def hint(self, identifier: str) -> None:
        """One more hint each time, and three are all there are."""
        before = self.known(identifier)
        assert self.progress.next_hint(identifier) == min(before.hints + 1, 3)
        self.model[identifier] = replace(before, hints=min(before.hints + 1, 3))

    @rule(identifier=IDS)
    def solution(self, identifier: str) -> None:
        """That it was shown is never forgotten."""
        self.progress.record_solution(identifier)
        self.model[identifier] = replace(self.known(identifier), solution_shown=True)

    @rule(identifier=IDS, value=ANSWERS)
    def answer(self, identifier: str, value: Any) -> None:
        """The last answer counts."""
        self.progress.keep_answer(identifier, value)
        self.model[identifier] = replace(self.known(identifier), answer=value)

    @rule()
    def guess(self) -> None:
        """Predictions stand in the same file."""
        self.progress.lock_guess("start.db", "red")

    @invariant()
    def is_read_back(self) -> None:
        """Whatever was done is there, and so is what this version does not know; nothing was set aside."""
        for identifier, done in self.model.items():
            assert self.progress.exercise(identifier) == done
        document = json.loads(self.path.read_text())
        assert (document["later"], document["exercises"]["old.id"]) == ([1], {"anything": True})
        assert self.said == []


TestParticipant = Participant.TestCase
TestParticipant.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)


@FOR_FILES
@given(content=st.binary(max_size=60) | ANSWERS.map(lambda value: json.dumps({"exercises": {"a.b": value}}).encode()))
def test_any_bytes_are_survived(tmp_path: Path, content: bytes) -> None:
    """Whatever the bytes, the exercise can be read, and then checked."""
    path = tmp_path / "progress.json"
    path.write_bytes(content)
    progress = Progress(path, tell=lambda _: None)
    before = progress.exercise("a.b")
    assert progress.record_check("a.b", Verdict.WRONG).attempts == before.attempts + 1


@FOR_FILES
@given(entry=st.fixed_dictionaries({}, optional=dict.fromkeys(Done.__dataclass_fields__, ANSWERS)))
def test_a_hand_edited_entry_is_read_field_by_field(tmp_path: Path, entry: dict[str, Any]) -> None:
    """A field that makes no sense is as if it were not there; every other field counts."""
    path = tmp_path / "progress.json"
    path.write_text(json.dumps({"exercises": {"a.b": entry}}))
    done = Progress(path).exercise("a.b")
    assert [type(done.attempts), type(done.hints), type(done.solution_shown), type(done.verdict)] == [
        int,
        int,
        bool,
        str,
    ]
    assert done.attempts >= 0
    assert done.hints in range(4)
    assert done.answer == entry.get("answer")
    if isinstance(entry.get("verdict"), str):
        assert done.verdict == entry["verdict"]


def test_what_an_entry_holds_beside_stays(tmp_path: Path) -> None:
    """A field that a newer version wrote is there after a check of this one."""
    path = tmp_path / "progress.json"
    path.write_text(json.dumps({"exercises": {"a.b": {"mood": "good", "attempts": "many"}}}))
    assert Progress(path).record_check("a.b", "passed").attempts == 1
    entry = json.loads(path.read_text())["exercises"]["a.b"]
    assert (entry["mood"], entry["attempts"], entry["verdict"]) == ("good", 1, "passed")


@pytest.mark.parametrize(("kept", "hints"), [(2, 2), (7, 3), (-1, 0), (True, 0), (1.5, 0), ("2", 0), (None, 0)])
def test_hints_are_none_to_three(tmp_path: Path, kept: object, hints: int) -> None:
    """There are three hints, whatever number somebody wrote there."""
    path = tmp_path / "progress.json"
    path.write_text(json.dumps({"exercises": {"a.b": {"hints": kept}}}))
    assert Progress(path).exercise("a.b").hints == hints


@pytest.mark.parametrize("value", [{1, 2}, float("nan"), b"bytes", "\ud800", {"a": object()}])
def test_an_answer_is_json_or_a_sentence(tmp_path: Path, value: object) -> None:
    """What JSON cannot hold is refused with the exercise's name, and nothing is written."""
    progress = Progress(tmp_path / "progress.json")
    with pytest.raises(WrongUsage, match=r"The answer of a\.b cannot be kept"):
        progress.keep_answer("a.b", value)
    assert not progress.path.exists()


def test_checks_at_once_are_all_counted(tmp_path: Path) -> None:
    """A panel and a terminal that check at the same time: both attempts count."""
    path = tmp_path / "progress.json"
    threads = [threading.Thread(target=Progress(path).record_check, args=["a.b", "passed"]) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Progress(path).exercise("a.b").attempts == 16
