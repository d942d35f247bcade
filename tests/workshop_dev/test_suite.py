"""``./workshop test``: a failure of one group stays the result, and what failed beside others runs once more, alone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from workshop_dev import suite
from workshop_dev.suite import DEFAULT, LONG, Group

PASSES_ALONE = """
import pathlib, pytest

@pytest.mark.parametrize("word", ["a@b c"])
@pytest.mark.xdist_group("a group")
def test_busy(word):
    is_first = not pathlib.Path("ran").exists()
    pathlib.Path("ran").touch()
    assert not is_first, "too slow"
"""
NEVER_PASSES = "def test_wrong(): assert 1 == 2"
NO_PYTHON = "def test_("
SIX = "\n".join(f"def test_{number}(): assert False" for number in range(6))


def test_all_groups_run_after_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The groups behind a failed one run, too; the exit code is that of the first failure."""
    started: list[str] = []

    def run_group(group: suite.Group, *_: object) -> int:
        started.append(group.name)
        return {"long": 2, "alone": 1}.get(group.name, 0)

    monkeypatch.setattr(suite, "run_group", run_group)
    assert suite.run_all(tmp_path, tmp_path, [], {}) == 2
    assert started == [group.name for group in (DEFAULT, *LONG)]


@pytest.mark.parametrize(
    ("source", "is_good", "is_repeated"),
    [(PASSES_ALONE, True, True), (NEVER_PASSES, False, True), (NO_PYTHON, False, False), (SIX, False, False)],
    ids=["passes alone", "never passes", "cannot be collected", "too many"],
)
def test_what_failed_beside_others_runs_once_more(
    tmp_path: Path,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    source: str,
    is_good: bool,
    is_repeated: bool,
) -> None:
    """What passes then is named with its failure, and the run is good; all else still fails it."""
    (tmp_path / "test_one.py").write_text(source)
    monkeypatch.setenv("PYTHONPATH", str(root))
    monkeypatch.setattr(suite, "cores", lambda: 2)
    code = suite.run_group(Group("two workers", "not long"), Path(sys.executable), tmp_path, ["-q"], {})
    out, err = capfd.readouterr()
    assert (code == 0) is is_good
    assert ("once more, alone" in out + err) is is_repeated
    if is_good:
        _, _, named = (out + err).partition("PASSED ALONE")
        assert "test_one.py::test_busy[a@b c], at a load of" in named
        assert "too slow" in named
