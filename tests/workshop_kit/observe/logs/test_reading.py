"""Whatever the bytes: as many rows as lines, and nothing lost."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workshop_kit.observe import logs
from workshop_kit.observe.logs.judging import judge

KEYS = st.sampled_from(["ts", "level", "msg", "n", "N", "status", "extra", "raw", "a/b", "~", "", "日"]) | st.text(
    max_size=3
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)
RECORDS = st.dictionaries(KEYS, VALUES, max_size=5)
PIECES = st.sampled_from(
    [b"{", b"}", b'{"', b'":', b",", b'"', b"\\", b"\\u", b"\n", b"\r\n", b"\r", b"\x00", b"nan", b"1",
    b'{"a":1}', b"[]",
     b'{"a":"x"}', b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"2026-11-24T16:06:14.797497811Z ", b'"stream":"stdout"',
     b'{"log":"x\\n","stream":"stdout","time":"2026-11-24T16:06:14.797Z"}', b'{"log":"', b'{"a":1,"a":2}', b"1e999"]
)  # fmt: skip
BYTES = st.lists(PIECES | st.binary(max_size=8), max_size=40).map(b"".join)


def lines_of(data: bytes) -> list[bytes]:
    """The lines of some data, by the only rule there is: a newline ends one."""
    found = data.split(b"\n")
    return found[:-1] if found[-1] == b"" else found


def bare(line: bytes, ended: bool) -> str:
    """A line's text: without the CR of a CRLF, with U+FFFD for what is not UTF-8."""
    return (line[:-1] if ended and line.endswith(b"\r") else line).decode("utf-8", "replace")


@settings(max_examples=120, deadline=None)
@given(BYTES)
def test_arbitrary_bytes_are_rows(data: bytes) -> None:
    """Never an exception; a row a line; the line's text in ``raw``, or its fields."""
    frame = logs.read_lines(data)
    lines = lines_of(data)
    assert len(frame) == len(lines) == frame.attrs["lines"]
    assert frame.attrs["malformed"] == frame["raw"].notna().sum() == frame["reason"].notna().sum()
    for row, line in enumerate(lines):
        text = bare(line, row < len(lines) - 1 or data.endswith(b"\n"))
        if frame["reason"].notna().iloc[row]:
            assert frame["raw"].iloc[row] == text
        else:
            found = logs.record(frame, row)
            assert found == {key: value for key, value in json.loads(text).items() if value is not None}


@settings(max_examples=60, deadline=None)
@given(BYTES)
def test_arbitrary_bytes_are_rows_whatever_they_are_taken_for(data: bytes) -> None:
    """As text with timestamps, too; as the engine's records no more rows than lines, and what is none is kept."""
    assert len(logs.read_stamped(data)) == len(lines_of(data))
    frame = logs.read_json_file(data)
    assert len(frame) + frame.attrs["pieces_joined"] == len(lines_of(data))


@settings(max_examples=120, deadline=None)
@given(st.lists(RECORDS, max_size=30))
def test_objects_come_back_as_they_went(records: list[dict[str, object]]) -> None:
    """Whatever keys and values, mixed in one field or not: ``record`` gives what was written."""
    texts = [json.dumps(one, ensure_ascii=number % 2 == 0) for number, one in enumerate(records)]
    data = "".join(text + "\n" for text in texts).encode("utf-8", "replace")
    frame = logs.read_lines(data)
    for row, text in enumerate(lines_of(data)):
        expected = json.loads(text)
        if frame["reason"].notna().iloc[row]:  # half a surrogate
            assert judge(text.decode()).reason
            continue
        found = logs.record(frame, row)
        if "ts" in found and "ts" not in json.loads(
            frame["rest"].iloc[row] if frame["rest"].notna().iloc[row] else "{}"
        ):
            continue  # generated text that is a time: has its own tests
        assert found == {key: value for key, value in expected.items() if value is not None or key in found}


@settings(max_examples=40, deadline=None)
@given(st.lists(RECORDS, min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_types_do_not_depend_on_the_order(records: list[dict[str, object]], random: object) -> None:
    """The same lines in any order: the same columns of the same types."""
    shuffled = list(records)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, two = (
        logs.read_lines("".join(json.dumps(record) + "\n" for record in some).encode()) for some in (records, shuffled)
    )
    assert dict(one.dtypes.astype(str)) == dict(two.dtypes.astype(str))


@pytest.mark.parametrize("data", [b"", b"\n", b"a", b"a\n", b"\r\n", b"\n\n", b"a\nb"])
def test_what_counts_as_a_line(data: bytes) -> None:
    """A newline ends a line, and only a newline; a last line may lack it."""
    assert len(logs.read_lines(data)) == len(lines_of(data))
