"""Whatever a value is, the line is one line of valid JSON, and the value is in it."""

from __future__ import annotations

import re
from enum import Enum
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workshop_app import json_line

ACTS_ON_A_TERMINAL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
SURROGATES = st.text(st.characters(codec=None, categories=["Cs", "L", "Cc", "Cf"]))


@given(st.dictionaries(st.text(), st.text() | SURROGATES))
def test_any_fields_are_one_line(fields: dict[str, Any]) -> None:
    """Never an exception, never a second line; every field is there."""
    line = json_line.encode(fields)
    assert line.count(b"\n") == 1
    assert not ACTS_ON_A_TERMINAL.search(line[:-1].decode())
    assert len(orjson.loads(line)) == len(fields)


class Color(Enum):
    """An enumeration."""

    RED = "red"


class Silent:
    """Cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError


def circular() -> list[Any]:
    """A list that contains itself, twice."""
    found: list[Any] = []
    found += [found, found]
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
