"""The join code and ``./workshop join``: typing errors are found, and nothing is sent without a yes."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workshop_kit.classroom.conftest import LiveRoom
from tests.workshop_kit.conftest import Cli
from workshop_kit.classroom.protocol import FIRST_PORT, LENGTH, PORTS, SECRETS, SYMBOLS, JoinCode, disclosure
from workshop_kit.errors import Exit, WrongUsage

codes = st.builds(
    JoinCode,
    st.ip_addresses(v=4).map(str),
    st.integers(FIRST_PORT, FIRST_PORT + PORTS - 1),
    st.integers(0, SECRETS - 1),
)


@given(codes)
def test_a_code_says_address_port_and_secret(code: JoinCode) -> None:
    """As it is shown, in small letters, without dashes, and with O, I and L for the digits they look like."""
    shown = str(code)
    assert len(shown) == LENGTH + 2
    for typed in (shown, shown.lower(), f" {code.token} ", shown.replace("0", "o").replace("1", "l")):
        assert JoinCode.read(typed) == code


@given(codes, st.integers(0, LENGTH - 1), st.sampled_from(SYMBOLS))
def test_one_wrong_symbol_is_found(code: JoinCode, place: int, symbol: str) -> None:
    """Before anything is sent anywhere."""
    typed = code.token[:place] + symbol + code.token[place + 1 :]
    if typed != code.token:
        with pytest.raises(WrongUsage, match="is no code of a live room"):
            JoinCode.read(typed)


def test_join_asks_and_leave_forgets(
    live_room: LiveRoom, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Every line of what leaves comes before the question; after a no the room knows nobody."""

    def join(*words: str, answer: str = "") -> tuple[int, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
        said = cli("join", *words, WORKSHOP_WORKSPACE=str(tmp_path / "my workspace"))
        return said.returncode, said.stderr

    room = str(live_room.server.code)
    code, said = join(room, answer="n\n")
    assert (code, "Nothing was sent." in said) == (Exit.GOOD, True)
    assert said.startswith("\n".join(disclosure()))
    assert live_room.classroom.snapshots() == []
    code, said = join(room, "--name", "Ada", answer="y\n")
    assert (code, "Joined: you are table 1." in said) == (Exit.GOOD, True)
    assert [one.name for one in live_room.classroom.snapshots()] == ["Ada"]
    code, said = join("--leave")
    assert (code, said.strip()) == (Exit.GOOD, "The room has forgotten you.")
    assert live_room.classroom.snapshots() == []
