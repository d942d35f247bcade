"""What this machine allows: its memory, and time limits that WORKSHOP_PATIENCE lengthens."""

from __future__ import annotations

from pathlib import Path

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.machine import PATIENCE, patient, usable_bytes


@pytest.mark.parametrize(
    ("own", "name"),
    [
        ("0::/", "memory.max"),
        ("0::/user.slice/me", "user.slice/memory.max"),
        ("11:memory:/docker/0a1b\n1:name=systemd:/docker/0a1b", "memory/memory.limit_in_bytes"),
    ],
)
def test_a_seat_says_its_own_memory(own: str, name: str, tmp_path: Path) -> None:
    """The smallest limit counts, in both versions, also one of a cgroup above; without one it is the machine's."""
    (tmp_path / "cgroup").write_text(own)
    limit = tmp_path / "tree" / name
    limit.parent.mkdir(parents=True)
    limit.write_text("max\n")
    unlimited = usable_bytes(tmp_path / "tree", tmp_path / "cgroup")
    limit.write_text("1048576\n")
    assert usable_bytes(tmp_path / "tree", tmp_path / "cgroup") == 1048576 < unlimited
    assert usable_bytes(tmp_path / "tree", tmp_path / "none") == unlimited


def test_a_limit_is_multiplied_by_a_factor(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable counts as unset; what is no factor is one sentence with the value."""
    for said, seconds in (("", 3.0), ("2.5", 7.5)):
        monkeypatch.setenv(PATIENCE, said)
        assert patient(3.0) == seconds
    for said in ("fast", "0.5", "nan", "1e9"):
        monkeypatch.setenv(PATIENCE, said)
        with pytest.raises(WrongUsage, match=f"WORKSHOP_PATIENCE is '{said}', and no number from 1 to 100"):
            patient(3.0)
