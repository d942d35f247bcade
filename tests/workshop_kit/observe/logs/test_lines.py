"""A row for every line, whatever its bytes: of the engine's records, its messages, and a program's output."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from tests.examples import given, settings, st
from tests.workshop_kit.observe.log_frames import read_lines
from workshop_kit.observe import logs
from workshop_kit.observe.logs import lines
from workshop_kit.observe.logs.lines import parse_fields

STAMP = "2026-11-24T16:06:14.797497811Z"
NS = int(datetime(2026, 11, 24, 16, 6, 14, tzinfo=UTC).timestamp()) * 10**9 + 797_497_811
EVENT = '{"ts":"2026-11-24T16:06:14.5Z","level":"info","logger":"a","msg":"hello","status":200}'
PIECES = st.sampled_from(
    [b"{", b"}", b'{"', b'":', b",", b'"', b"\\", b"\\u", b"\n", b"\r\n", b"\r", b"\x00", b"nan", b'{"a":1}', b"[]",
     b'{"a":"x"}', b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"2026-11-24T16:06:14.797497811Z ", b'{"log":"',
     b'{"log":"x\\n","stream":"stdout","time":"2026-11-24T16:06:14.797Z"}', b'{"a":1,"a":2}', b"1e999"]
)  # fmt: skip
BYTES = st.lists(PIECES | st.binary(max_size=8), max_size=40).map(b"".join)


def record_of(log: str, stream: str = "stdout", time: str = STAMP, **more: object) -> bytes:
    """A record as the json-file driver writes it."""
    return json.dumps({"log": log, "stream": stream, **more, "time": time}, separators=(",", ":")).encode() + b"\n"


def message(text: str, stream: int = 1) -> bytes:
    """A message as the engine's answer has it."""
    data = text.encode()
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


def test_columns_have_typed_values() -> None:
    """Times to the nanosecond in UTC, numbers, booleans; a missing value is empty, not a wrong type."""
    more = EVENT.replace("}", ',"ms":0.5,"ok":true,"extra":{"a":[1,2]}}')
    frame = logs.read_json_file(record_of(EVENT + "\n") + record_of(more + "\n", "stderr", attrs={"service": "web"}))
    kinds = frame.dtypes.astype(str).to_dict()
    assert kinds["ts"] == kinds["received"] == "datetime64[ns, UTC]"
    assert (kinds["status"], kinds["ms"], kinds["ok"]) == ("Int64", "Float64", "boolean")
    assert frame["received"].astype("int64").tolist() == [NS, NS]
    assert frame["stream"].tolist() == ["stdout", "stderr"]
    assert (frame["extra"][1], frame["labels"][1]) == ({"a": [1, 2]}, {"service": "web"})
    assert frame["reason"].isna().all()


@pytest.mark.parametrize("size", [0, 16_384, 20_000_000])
def test_the_parts_of_a_long_line_are_joined(size: int) -> None:
    """Also between lines of the other stream; an empty line is a row."""
    text = "x" * size + "\n"
    pieces = [text[start : start + 16_384] for start in range(0, len(text), 16_384)]
    other_record = record_of("other\n", "stderr", "2026-11-24T16:06:15Z")
    frame = logs.read_json_file(b"".join(record_of(piece) + other_record for piece in pieces))
    assert frame.loc[frame["stream"] == "stdout", "raw"].tolist() == [text[:-1]]
    assert (frame["raw"] == "other").sum() == len(pieces)
    headed = b"".join(message(f"{STAMP} {piece}") + message(f"{STAMP} other\n", 2) for piece in pieces)
    chunks = [headed[at : at + 70_000] for at in range(0, len(headed), 70_000)]  # the answer comes split anywhere
    assembled = list(lines.assemble(lines.messages(chunks)))
    assert [line.text for line in assembled if line.stream == "stdout"] == [text[:-1]]
    assert [line.text for line in assembled if line.stream == "stderr"] == ["other"] * len(pieces)


def test_an_unfinished_line_is_not_joined_with_the_next_run() -> None:
    """The next run's first message has another time, and the last one was not full."""
    first = record_of("no end")
    second = record_of("start\n", time="2026-11-24T17:00:00Z")
    assert logs.read_json_file(first + second)["raw"].tolist() == ["no end", "start"]
    assert logs.read_json_file(second + first)["raw"].tolist() == ["start", "no end"]


def test_a_line_that_is_no_record_is_kept() -> None:
    """A file cut off by a crash, NULs after a power cut, a record with another time or stream."""
    deep = b"[" * 2_000
    odd = [b'{"log":"cut', b"\x00" * 30, b"", b"[]", record_of("x\n", time="today")[:-1], record_of("x\n", "std")[:-1]]
    odd += [deep, record_of("x\n", attrs=[1])[:-1]]
    frame = logs.read_json_file(record_of("fine\n") + b"\n".join(odd))
    assert frame["raw"].tolist() == ["fine", *(line.decode() for line in odd)]
    assert frame["reason"].tolist() == ["plain text", *[lines.FOREIGN] * len(odd)]


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T09:00:00+09:00", 0),
        ("now", None),
        ("2026-11-24T10:00:00", None),
        ("2026-02-30T00:00:00Z", None),
        ("9999-11-24T10:00:00Z", None),
        (1_700_000_000, None),
    ],
)
def test_times_are_exact(text: object, ns: int | None) -> None:
    """RFC 3339 is the line's time; with anything else it has the engine's."""
    frame = logs.read_json_file(record_of(json.dumps({"ts": text}) + "\n"))
    assert frame["ts"].astype("int64").iloc[0] == (NS if ns is None else ns)


@settings(max_examples=30)
@given(BYTES)
def test_every_line_of_arbitrary_bytes_is_a_row(data: bytes) -> None:
    """Its text is in ``raw``; it is JSON or has a reason; nothing raises."""
    frame = read_lines(data)
    written = data.removesuffix(b"\n").split(b"\n") if data else []
    assert len(frame) == len(written)
    for row, line in enumerate(written):
        ended = row < len(written) - 1 or data.endswith(b"\n")
        text = (line[:-1] if ended and line.endswith(b"\r") else line).decode("utf-8", "replace")
        assert frame["raw"].iloc[row] == text
        if frame["reason"].isna().iloc[row]:
            assert parse_fields(text).fields == json.loads(text)
    assert len(logs.read_json_file(data)) == len(written)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "empty"),
        ("Traceback (most recent call last):", "plain text"),
        ("[INFO] ready", "plain text"),
        ("\x00" * 40, "plain text"),
        ("\ufeff{}", "plain text"),
        ("null", "JSON, not an object"),
        ("[1]", "JSON, not an object"),
        ('{"a":"b', "JSON cut short"),
        ('{"a":"\t"}', "invalid JSON"),
        ("{'a':1}", "invalid JSON"),
        ('{"a":1,}', "invalid JSON"),
        ('{"a":01}', "invalid JSON"),
        ('{"a":"\\ud800"}', "invalid JSON"),
        ('{"a":-Infinity}', "NaN or Infinity"),
        ('{"a":1,"a" :2}', "duplicate keys"),
        ('{"a":[{"b":1,"b":2}]}', "duplicate keys"),
        ('{"v":' + "[" * 2_000 + "]" * 2_000 + "}", "nested too deep"),
        ('{"v":' * 100_000 + "1" + "}" * 100_000, "nested too deep"),
    ],
)
def test_an_odd_line_has_a_reason(line: str, reason: str) -> None:
    """As a row of its own; the lines beside it do not change."""
    frame = read_lines(f"{EVENT}\n{line}\n{EVENT}\n".encode())
    assert frame["raw"].tolist() == [EVENT, line, EVENT]
    assert frame["reason"].fillna("").tolist() == ["", reason, ""]
    assert frame["status"].fillna(0).tolist() == [200, 0, 200]


def test_values_of_any_size_and_type_share_a_column() -> None:
    """A number of 150 digits keeps them; deep values and the largest float raise nothing."""
    deep = "[" * 900 + "]" * 900
    values = ["1" * 150, "9007199254740993", "1e400", "1.5", "true", '"text"', "null", '{"a":1}', deep]
    for value in values:
        company = [f'{{"v":{other}}}' for other in (value, *values)]
        frame = read_lines("\n".join(company).encode())
        assert frame["reason"].isna().all()
        assert str(frame["v"][1]).startswith("1" * 150)
        assert str(frame["v"][2]) == "9007199254740993"
        assert frame["raw"].tolist() == company


def test_a_new_key_in_every_line_makes_few_columns() -> None:
    """The most frequent fields become columns; every value is in the text."""
    texts = [json.dumps({"msg": "m", "status": n, f"key{n}": n}) for n in range(3_000)]
    frame = read_lines("\n".join(texts).encode())
    assert len(frame.columns) < 80
    assert frame["status"].tolist() == list(range(3_000))
    assert frame["raw"].tolist() == texts
