"""The join code: what comes back, and which typing errors are found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workshop_kit.classroom.join_code import FIRST_PORT, LENGTH, PORTS, SECRETS, SYMBOLS, JoinCode
from workshop_kit.errors import WrongUsage

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


@pytest.mark.parametrize("typed", ["", "7K2M", "7K2M-Q9FD-30XAB", "7K2M-Q9FD-30X!", "ÄÄÄÄ-ÄÄÄÄ-ÄÄÄÄ", "\ud800" * 12])
def test_other_text_is_one_sentence(typed: str) -> None:
    """Too short, too long, with symbols that no code has."""
    with pytest.raises(WrongUsage, match="Compare it with the screen"):
        JoinCode.read(typed)
