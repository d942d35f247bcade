"""Nothing invalid is taken for JSON, nothing valid is rejected, whatever the other lines hold."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.workshop_kit.observe.logs import conformance as table
from workshop_kit.observe import logs

COMPANY = {  # what the field is on the other lines: its column's type decides which way a line takes
    "nothing": b"",
    "text": b'{"v":"x"}\n',
    "integers": b'{"v":1}\n',
    "fractions": b'{"v":0.5}\n',
    "booleans": b'{"v":true}\n',
    "objects": b'{"v":{"a":1}}\n',
    "nulls": b'{"v":null}\n',
    "others": b'{"w":1}\n',
}
MANY = 200


def line(value: bytes) -> bytes:
    """A log line with the value in it."""
    return b'{"v":' + value + b"}"


def read(cases: list[bytes], company: str, many: int = 3) -> Any:
    """The frame of the cases, each followed by usual lines, and the rows of the cases."""
    usual = COMPANY[company] * many
    data = b"".join(case + b"\n" + usual for case in cases)
    frame = logs.read_lines(data)
    assert len(frame) == data.count(b"\n") == frame.attrs["lines"]
    step = 1 + usual.count(b"\n")
    return frame, [number * step for number in range(len(cases))]


def test_the_table_is_long() -> None:
    """At least a hundred cases, no case twice."""
    cases = [*map(line, (*table.ACCEPT_VALUES, *table.REJECT_VALUES, *table.EITHER_VALUES))]
    cases += [*table.ACCEPT_LINES, *table.REJECT_LINES]
    assert len(cases) == len(set(cases)) > 250


@pytest.mark.parametrize("company", COMPANY)
def test_what_is_valid_is_accepted_and_complete(company: str) -> None:
    """Every field with its value, in its column or in ``rest``; no reason, no raw text."""
    cases = [*map(line, table.ACCEPT_VALUES), *table.ACCEPT_LINES]
    frame, rows = read(cases, company)
    for case, row in zip(cases, rows, strict=True):
        expected = {key: value for key, value in json.loads(case).items() if value is not None}
        assert frame["raw"].isna().iloc[row], case
        assert frame["reason"].isna().iloc[row], case
        found = logs.record(frame, row)
        if "ts" in found and not isinstance(found["ts"], (str, int)):
            found["ts"] = found["ts"].isoformat()
        assert {key: value for key, value in found.items() if value is not None} == expected, case


@pytest.mark.parametrize("company", COMPANY)
def test_what_is_invalid_is_kept_as_text(company: str) -> None:
    """No field is taken from it; the text is there to the last character, and a reason."""
    cases = [*map(line, table.REJECT_VALUES), *table.REJECT_LINES]
    frame, rows = read(cases, company)
    for case, row in zip(cases, rows, strict=True):
        text = case.decode("utf-8", "replace").removesuffix("\r")
        assert frame["raw"].iloc[row] == text, case
        assert frame["reason"].notna().iloc[row], case
        assert logs.record(frame, row) == {}, case


@pytest.mark.parametrize("company", COMPANY)
def test_what_may_be_either_is_kept_one_way_or_the_other(company: str) -> None:
    """Fields or text, never neither."""
    cases = [*map(line, table.EITHER_VALUES)]
    frame, rows = read(cases, company)
    for case, row in zip(cases, rows, strict=True):
        text = case.decode("utf-8", "replace")
        assert frame["raw"].iloc[row] == text if frame["reason"].notna().iloc[row] else "v" in logs.record(frame, row)


@pytest.mark.parametrize("company", ["text", "fractions", "objects"])
def test_a_rare_line_is_judged_the_same(company: str) -> None:
    """Also where it is one odd line among hundreds, which decided the types without it."""
    valid = [*map(line, table.ACCEPT_VALUES)]
    cases = [*valid, *map(line, table.REJECT_VALUES)]
    frame, rows = read(cases, company, many=MANY)
    for case, row in zip(cases, rows, strict=True):
        assert frame["reason"].isna().iloc[row] == (case in valid), case
