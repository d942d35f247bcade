"""Whatever a value is, the line is one line of valid JSON, and the value is in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workshop_app import json_line

ACTS_ON_A_TERMINAL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.datetimes()
    | st.complex_numbers(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.tuples(inner)
        | st.frozensets(st.text())
    ),
    max_leaves=20,
)
SURROGATES = st.text(st.characters(codec=None, categories=["Cs", "L", "Cc", "Cf"]))


def encoded(value: Any) -> Any:
    """The value, written and read again by a strict reader; the line holds nothing that acts on a terminal."""
    line = json_line.encode({"value": value})
    assert line.endswith(b"}\n")
    assert not ACTS_ON_A_TERMINAL.search(line[:-1].decode())
    return orjson.loads(line)["value"]


@given(st.dictionaries(st.text(), VALUES | SURROGATES))
def test_any_fields_are_one_line(fields: dict[str, Any]) -> None:
    """Never an exception, never a second line; every field is there."""
    line = json_line.encode(fields)
    assert line.count(b"\n") == 1
    assert len(orjson.loads(line)) == len(fields)


@given(st.text())
def test_text_comes_back_as_it_was(text: str) -> None:
    """What is escaped is the same text for whoever reads JSON."""
    assert encoded(text) == text


class Color(Enum):
    """An enumeration."""

    RED = "red"


class Silent:
    """Cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError


@dataclass
class Login:
    """Hides its password as dataclasses do."""

    user: str
    password: str = field(repr=False)


def circular() -> list[Any]:
    """A list that contains itself, twice."""
    found: list[Any] = []
    found += [found, found]
    return found


def deep() -> Any:
    """A hundred thousand lists in each other."""
    found: Any = []
    for _ in range(100_000):
        found = [found]
    return found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2**63, 2**63),
        ({"big": -(2**60)}, {"big": -(2**60)}),
        (float("nan"), None),
        ([float("inf"), 2**64, 1.5][::2], [None, 1.5]),
        ("\udce9", "\\udce9"),
        (b"caf\xe9", "caf\\xe9"),
        ({1: 2, None: "\ud800"}, {"1": 2, "None": "\\ud800"}),
        (Color.RED, "red"),
        ({"not text": Color.RED, 1: 1}, {"not text": "red", "1": 1}),
        (Silent(), "<Silent: its repr raised RuntimeError>"),
        ([2**70, Silent()], [2**70, "<Silent: its repr raised RuntimeError>"]),
        (circular(), ["<list: contains itself>"] * 2),
    ],
    ids=range(12),
)
def test_odd_values(value: Any, expected: Any) -> None:
    """Each as it is, or in a few words."""
    line = json_line.encode({"value": value})
    import json  # orjson reads no integers past 64 bits

    assert json.loads(line)["value"] == expected


def test_an_integer_of_any_length() -> None:
    """Python refuses to print the long ones; the line is not lost for that."""
    assert encoded(10**5000) == hex(10**5000)


def test_nesting_without_end() -> None:
    """Cut at a depth that any reader takes."""
    assert b"nested past 64 levels" in json_line.encode({"value": deep()})


def test_what_a_dataclass_hides_stays_hidden() -> None:
    """Its fields are not taken apart behind its back."""
    shown = encoded(Login("tea", "canary-5e1f09"))
    assert "tea" in shown
    assert "canary" not in shown
