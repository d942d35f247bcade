"""``./workshop join`` as it is typed: what leaves is said first, and nothing is sent without a yes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.workshop_kit.classroom.conftest import LiveRoom
from workshop_kit.classroom.snapshot import disclosure
from workshop_kit.errors import Exit


@pytest.fixture
def environment(clean_environment: dict[str, str], root: Path, tmp_path: Path) -> dict[str, str]:
    """The environment that the launcher makes, for a workspace of its own."""
    return {**clean_environment, "PYTHONPATH": str(root), "WORKSHOP_WORKSPACE": str(tmp_path / "my workspace")}


def join(environment: dict[str, str], *words: str, answer: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command and give its question an answer."""
    command = [sys.executable, "-m", "workshop_kit.cli", "join", *words]
    return subprocess.run(command, input=answer, capture_output=True, text=True, env=environment, check=False)


def test_join_asks_and_leave_forgets(live_room: LiveRoom, environment: dict[str, str]) -> None:
    """Every line of what leaves comes before the question; after a no the room knows nobody."""
    code = str(live_room.server.code)
    refused = join(environment, code, answer="n\n")
    assert (refused.returncode, "Nothing was sent." in refused.stderr) == (Exit.GOOD, True)
    assert refused.stderr.startswith("\n".join(disclosure()))
    assert live_room.classroom.snapshots() == []
    joined = join(environment, code, "--name", "Ada", answer="y\n")
    assert (joined.returncode, "Joined: you are table 1." in joined.stderr) == (Exit.GOOD, True)
    assert [one.name for one in live_room.classroom.snapshots()] == ["Ada"]
    left = join(environment, "--leave")
    assert (left.returncode, left.stderr.strip()) == (Exit.GOOD, "The room has forgotten you.")
    assert live_room.classroom.snapshots() == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], Exit.WRONG_USAGE, "The code is missing."),
        (["7K2M"], Exit.WRONG_USAGE, "is no code of a live room"),
        (["--leave"], Exit.WRONG_USAGE, "This workspace is in no live room."),
    ],
    ids=str,
)
def test_a_mistake_is_one_sentence(environment: dict[str, str], words: list[str], code: Exit, said: str) -> None:
    """Before anything is said or sent."""
    found = join(environment, *words)
    assert (found.returncode, said in found.stderr) == (code, True)
    assert len(found.stderr.splitlines()) == 1
