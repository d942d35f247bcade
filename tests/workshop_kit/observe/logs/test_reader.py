"""The log reader makes a row of every line, whatever its bytes, and loses nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workshop_kit.observe.log_frames import read_lines
from workshop_kit.observe import logs

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)
KEYS = st.sampled_from(["level", "msg", "n", "N", "raw", "a/b", "~", "", "日"])
PIECES = st.sampled_from(
    [b"{", b"}", b'{"', b'":', b",", b'"', b"\\", b"\\u", b"\n", b"\r\n", b"\r", b"\x00", b"nan", b'{"a":1}', b"[]",
     b'{"a":"x"}', b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"2026-11-24T16:06:14.797497811Z ", b'{"log":"',
     b'{"log":"x\\n","stream":"stdout","time":"2026-11-24T16:06:14.797Z"}', b'{"a":1,"a":2}', b"1e999"]
)  # fmt: skip
BYTES = st.lists(PIECES | st.binary(max_size=8), max_size=40).map(b"".join)
COMPANY = ["", '{"v":"x"}', '{"v":1}', '{"v":{"a":1}}']  # the field's type on the other lines

INVALID = [
    b"", b"01", b"+1", b".5", b"1.", b"0x10", b"NaN", b"-Infinity", b"True", b"None", b"'a'", b'"a', b'"\\x41"',
    b'"\\u12"', b'"\t"', b'"\x00"', b"[1,]", b"[1 2]", b"[nan]", b'{"a":1,}', b"{a:1}", b'{"a":1} x', b"1//", b"\xff",
]  # fmt: skip
NO_OBJECTS = [b"", b" ", b"42", b"null", b'"x"', b"[1]", b"{", b"{}{}", b'{"v":1', b"plain", b'\xef\xbb\xbf{"v":1}']


def lines_of(data: bytes) -> list[bytes]:
    """Return the lines of some data: only a newline ends one."""
    found = data.split(b"\n")
    return found[:-1] if found[-1] == b"" else found


@settings(max_examples=30)
@given(BYTES)
def test_every_line_of_arbitrary_bytes_is_a_row(data: bytes) -> None:
    """The text is in ``raw``, or its fields are columns; nothing raises."""
    frame, lines = read_lines(data), lines_of(data)
    assert len(frame) == len(lines)
    assert frame.attrs["malformed"] == frame["raw"].notna().sum() == frame["reason"].notna().sum()
    for row, line in enumerate(lines):
        ended = row < len(lines) - 1 or data.endswith(b"\n")
        text = (line[:-1] if ended and line.endswith(b"\r") else line).decode("utf-8", "replace")
        if frame["reason"].notna().iloc[row]:
            assert frame["raw"].iloc[row] == text
        else:
            found = logs.record(frame, row)
            assert found == {key: value for key, value in json.loads(text).items() if value is not None}
    assert len(logs.read_json_file(data)) == len(lines)


@settings(max_examples=30)
@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=5), max_size=20))
def test_record_returns_the_object_that_was_written(records: list[dict[str, object]]) -> None:
    """Any keys and values, also of several types in one field."""
    texts = [json.dumps(one, ensure_ascii=False).encode("utf-8", "replace") for one in records]
    frame = read_lines(b"".join(text + b"\n" for text in texts))
    for row, text in enumerate(texts):
        found = {key: value for key, value in logs.record(frame, row).items() if value is not None}
        assert found == {key: value for key, value in json.loads(text).items() if value is not None}


@pytest.mark.parametrize("company", COMPANY)
def test_an_invalid_line_is_kept_as_text_with_a_reason(company: str) -> None:
    """It gives no field; its text is complete."""
    cases = [*(b'{"v":' + value + b"}" for value in INVALID), *NO_OBJECTS]
    frame = read_lines(b"".join(case + b"\n" + company.encode() + b"\n" for case in cases))
    for number, case in enumerate(cases):
        assert frame["raw"].iloc[2 * number] == case.decode("utf-8", "replace"), case
        assert frame["reason"].notna().iloc[2 * number], case
        assert logs.record(frame, 2 * number) == {}, case


@pytest.mark.parametrize("depth", [100, 253, 300, 500, 985, 1_500, 100_000])
@pytest.mark.parametrize("pair", [("[", "]"), ('{"a":', "}")], ids=["arrays", "objects"])
def test_deep_nesting_never_raises(pair: tuple[str, str], depth: int) -> None:
    """The line is a row with its value or its text; other lines do not change."""
    opening, closing = pair
    line = f'{{"v":{opening * depth}1{closing * depth}}}'
    for company in COMPANY:
        frame = read_lines(f"{company}\n{line}\n{company}\n{line} \n".encode())
        assert len(frame) == 4
        for row in (1, 3):
            text = frame["raw"].iloc[row]
            assert (
                text == (line, line + " ")[row // 2] if frame["reason"].notna().iloc[row] else logs.record(frame, row)
            )
            assert depth > 200 or logs.record(frame, row) == json.loads(line)


@pytest.mark.parametrize(
    "line",
    ['{"a":1,"a":2}', '{"a":1,"a" :2}', '{"a" :1,"a":2}', '{"a":1,"a"\t:2}', '{"a":"x","b":"\\":","a":"y"}',
     '{"a":{"b":1,"b":2},"c":1}', '{"a":[{"b":1,"b":2}]}'],
)  # fmt: skip
def test_a_duplicate_key_is_a_reason_to_keep_the_text(line: str) -> None:
    """The last value counts, and the text has both."""
    frame = read_lines(line.encode())
    assert (frame["raw"][0], frame["reason"][0]) == (line, "duplicate keys")
    assert logs.record(frame, 0) == json.loads(line)


def test_a_large_number_keeps_its_digits() -> None:
    """A number that no column can hold goes to ``rest``, or stays in a nested value, as written."""
    numbers = ["18446744073709551616", "9007199254740993", "-9223372036854775809", "1" * 30, "1" * 5_000, "1e400"]
    for company in COMPANY:
        for number in numbers:
            lines = [f'{{"v":{number}}}', f'{{"n":{{"v":[{number}]}}}}', company, '{"v":1.5}']
            frame = read_lines("\n".join(lines).encode())
            assert frame["reason"][:2].isna().all()
            assert str(logs.record(frame, 0)["v"]) == number
            assert number in frame["n"][1]


def test_fields_beyond_the_limit_go_to_rest() -> None:
    """A program with unlimited field names gets 64 columns, and every value is kept."""
    texts = [json.dumps({"msg": "m", f"name{n}": n, "big": 10**30}) for n in range(300)]
    frame = read_lines("\n".join(texts).encode())
    assert len(frame.columns) < 80
    assert read_lines("\n".join([*texts, '{"msg":"m"}']).encode())["rest"].isna().iloc[-1]
    for row in (0, 150, 299):
        assert logs.record(frame, row) == json.loads(texts[row])
