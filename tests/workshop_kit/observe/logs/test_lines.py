"""A row for every line, whatever its bytes: of the engine's records, its messages, and a program's output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from tests.examples import given, settings, st
from tests.workshop_kit.observe.log_frames import read_lines
from workshop_kit.observe import logs
from workshop_kit.observe.logs import lines

STAMP = "2026-11-24T16:06:14.797497811Z"
NS = int(datetime(2026, 11, 24, 16, 6, 14, tzinfo=UTC).timestamp()) * 10**9 + 797_497_811
EVENT = '{"ts":"2026-11-24T16:06:14.5Z","level":"info","logger":"a","msg":"hello","status":200}'
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


def record_of(log: str, stream: str = "stdout", time: str = STAMP, **more: object) -> bytes:
    """A record as the json-file driver writes it."""
    return json.dumps({"log": log, "stream": stream, **more, "time": time}, separators=(",", ":")).encode() + b"\n"


def message(text: str, stream: int = 1) -> bytes:
    """A message as the engine's answer has it."""
    data = text.encode()
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


def test_columns_have_typed_values() -> None:
    """Times to the nanosecond in UTC, numbers, booleans, categories; an absent value is empty, not a wrong type."""
    more = EVENT.replace("}", ',"ms":0.5,"ok":true,"extra":{"a":[1,2]}}')
    frame = logs.read_json_file(record_of(EVENT + "\n") + record_of(more + "\n", "stderr"))
    kinds = frame.dtypes.astype(str).to_dict()
    assert kinds["ts"] == kinds["received"] == "datetime64[ns, UTC]"
    assert (kinds["stream"], kinds["level"], kinds["reason"]) == ("category", "category", "category")
    assert (kinds["status"], kinds["ms"], kinds["ok"]) == ("int64[pyarrow]", "double[pyarrow]", "bool[pyarrow]")
    assert frame["received"].astype("int64").tolist() == [NS, NS]
    assert frame["stream"].tolist() == ["stdout", "stderr"]
    assert frame.attrs["json_columns"] == ["extra"]
    assert logs.fields_of_line(frame, 1)["extra"] == {"a": [1, 2]}


@pytest.mark.parametrize("size", [0, 16_384, 1_048_576])
def test_the_parts_of_a_long_line_are_joined(size: int) -> None:
    """Also between lines of the other stream; an empty line is a row."""
    text = "x" * size + "\n"
    pieces = [text[start : start + 16_384] for start in range(0, len(text), 16_384)]
    other_record = record_of("other\n", "stderr", "2026-11-24T16:06:15Z")
    frame = logs.read_json_file(b"".join(record_of(piece) + other_record for piece in pieces))
    assert frame.loc[frame["stream"] == "stdout", "raw"].tolist() == [text[:-1]]
    assert (frame["raw"] == "other").sum() == len(pieces)
    headed = b"".join(message(f"{STAMP} {piece}") + message(f"{STAMP} other\n", 2) for piece in pieces)
    for step in (1_000_003, 7_000):  # the answer comes split anywhere
        chunks = [headed[at : at + step] for at in range(0, len(headed), step)]
        assembled = list(lines.assemble(lines.messages(chunks)))
        assert [line.text for line in assembled if line.stream == "stdout"] == [text[:-1]]
        assert [line.text for line in assembled if line.stream == "stderr"] == ["other"] * len(pieces)
    stamped = "".join(f"{STAMP} {piece}" for piece in pieces).replace("\n", "\r\n").encode()
    assert list(lines.assemble(lines.terminal_messages([stamped]))) == [lines.Line(text[:-1], STAMP, "stdout")]


def test_an_unfinished_line_is_not_joined_with_the_next_run() -> None:
    """The next run's first message has another time, and the last one was not full."""
    first = record_of("no end")
    second = record_of("start\n", time="2026-11-24T17:00:00Z")
    assert logs.read_json_file(first + second)["raw"].tolist() == ["no end", "start"]
    assert logs.read_json_file(second + first)["raw"].tolist() == ["start", "no end"]


def test_a_line_that_is_no_record_is_kept() -> None:
    """A file cut off by a crash, NULs after a power cut, a record with more in it than the engine writes."""
    deep = record_of("x\n", attrs=json.loads("[" * 300 + "]" * 300))[:-1]
    odd = [b'{"log":"cut', b"\x00" * 30, b"", b"[]", record_of("x\n", time="today")[:-1], record_of("x\n", "std")[:-1]]
    odd += [deep, record_of("x\n", attrs={}, more=1)[:-1]]
    frame = logs.read_json_file(record_of("fine\n") + b"\n".join(odd))
    assert frame["raw"].tolist() == ["fine", *(line.decode() for line in odd)]
    assert frame["reason"].tolist() == ["plain text", *["not a record of the engine's"] * len(odd)]


def test_a_line_above_the_limit_is_cut_with_a_reason() -> None:
    """The next line is whole."""
    assembler = lines.LineAssembler(max_line_bytes=20_000)

    def fed() -> Iterator[lines.Line]:
        for text in (b"x" * 16_384, b"x" * 16_384, b"x\n", b"next\n"):
            yield from assembler.feed("stdout", STAMP, text)

    cut, following = fed()
    assert (cut.text, cut.reason) == ("x" * 20_000, lines.TOO_LONG)
    assert (following.text, following.reason) == ("next", None)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T09:00:00+09:00", 0),
        ("2262-04-11T23:47:16.854775807Z", 2**63 - 1),
        ("now", None),
        ("2026-11-24T10:00:00", None),
        ("2026-02-30T00:00:00Z", None),
    ],
)
def test_times_are_exact(text: str, ns: int | None) -> None:
    """RFC 3339, to the nanosecond; another text goes to ``rest``, and ``ts`` is the engine's time."""
    for company in (b"", record_of('{"ts":"2026-01-01T00:00:00Z"}\n') * 3):
        frame = logs.read_json_file(record_of(json.dumps({"ts": text}) + "\n") + company)
        assert frame["ts"].astype("int64").iloc[0] == (NS if ns is None else ns)
        assert json.loads(frame["rest"].fillna("null").iloc[0]) == (None if ns is not None else {"ts": text})


@settings(max_examples=30)
@given(BYTES)
def test_every_line_of_arbitrary_bytes_is_a_row(data: bytes) -> None:
    """The text is in ``raw``, or its fields are columns; nothing raises."""
    frame = read_lines(data)
    written = data.removesuffix(b"\n").split(b"\n") if data else []
    assert len(frame) == len(written)
    assert frame["raw"].notna().sum() == frame["reason"].notna().sum()
    for row, line in enumerate(written):
        ended = row < len(written) - 1 or data.endswith(b"\n")
        text = (line[:-1] if ended and line.endswith(b"\r") else line).decode("utf-8", "replace")
        if frame["reason"].notna().iloc[row]:
            assert frame["raw"].iloc[row] == text
        else:
            fields = logs.fields_of_line(frame, row)
            assert fields == {key: value for key, value in json.loads(text).items() if value is not None}
    assert len(logs.read_json_file(data)) == len(written)


@settings(max_examples=30)
@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=5), max_size=20))
def test_record_returns_the_object_that_was_written(records: list[dict[str, object]]) -> None:
    """Any keys and values, also of several types in one field."""
    texts = [json.dumps(record, ensure_ascii=False).encode("utf-8", "replace") for record in records]
    frame = read_lines(b"".join(text + b"\n" for text in texts))
    for row, text in enumerate(texts):
        fields = {key: value for key, value in logs.fields_of_line(frame, row).items() if value is not None}
        assert fields == {key: value for key, value in json.loads(text).items() if value is not None}


@pytest.mark.parametrize("depth", [100, 253, 985, 1_022, 1_023, 1_024, 100_000])
@pytest.mark.parametrize("pair", [("[", "]"), ('{"a":', "}")], ids=["arrays", "objects"])
def test_deep_nesting_never_raises(pair: tuple[str, str], depth: int) -> None:
    """The line is a row with its value or its text; other lines do not change."""
    opening, closing = pair
    line = f'{{"v":{opening * depth}1{closing * depth}}}'
    for company in COMPANY:
        frame = read_lines(f"{company}\n{line}\n".encode())
        assert len(frame) == 2
        fields = logs.fields_of_line(frame, 1)
        assert fields if frame["reason"].isna()[1] else frame["raw"][1] == line
        assert depth > 200 or fields == json.loads(line)
        assert depth < 1_000 or frame["reason"][1] == "nested too deep"


@pytest.mark.parametrize("line", ['{"a":1,"a" :2}', '{"a":"x","b":"\\":","a":"y"}', '{"a":[{"b":1,"b":2}]}'])
def test_a_duplicate_key_is_a_reason_to_keep_the_text(line: str) -> None:
    """The last value counts, and the text has both."""
    frame = read_lines(line.encode())
    assert (frame["raw"][0], frame["reason"][0]) == (line, "duplicate keys")
    assert logs.fields_of_line(frame, 0) == json.loads(line)


def test_a_large_number_keeps_its_digits() -> None:
    """A number that no column can hold goes to ``rest``, or stays in a nested value, as written."""
    numbers = ["18446744073709551616", "9007199254740993", "-9223372036854775809", "1" * 30, "1" * 5_000, "1e400"]
    for company in COMPANY:
        for number in numbers:
            texts = [f'{{"v":{number}}}', f'{{"n":{{"v":[{number}]}}}}', company, '{"v":1.5}']
            frame = read_lines("\n".join(texts).encode())
            assert frame["reason"][:2].isna().all()
            assert str(logs.fields_of_line(frame, 0)["v"]) == number
            assert number in frame["n"][1]


@pytest.mark.parametrize("zeros", [1, 149, 150, 5_000])
@pytest.mark.parametrize("number", ["{}", "-{}", "{}1", "[{}]", '1.5,"b":{}'])
def test_a_number_that_begins_with_a_zero_is_no_json(number: str, zeros: int) -> None:
    """However long it is: the line is kept as a text, and ends no reader."""
    line = f'{{"a":{number.format("0" + "0" * zeros)}}}'
    frame = read_lines(line.encode())
    assert (frame["raw"][0], frame["reason"][0]) == (line, "invalid JSON")


def test_a_new_key_in_every_line_makes_few_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each array has the length of its block: thousands of them would cost many times the CPU."""
    array = pa.array
    lengths: list[int] = []

    def counted(values: Any, *arguments: Any, **options: Any) -> Any:
        lengths.append(len(values))
        return array(values, *arguments, **options)

    monkeypatch.setattr(pa, "array", counted)
    texts = [json.dumps({"msg": "m", "status": n, f"key{n}": n, "n": [n], "big": 10**30}) for n in range(3_000)]
    frame = read_lines("\n".join(texts).encode())
    assert len(lengths) < 500
    assert len(frame.columns) < 80
    assert frame["status"].tolist() == list(range(3_000))
    for row in (0, 127, 128, 1_999, 2_000, 2_999):
        assert logs.fields_of_line(frame, row) == json.loads(texts[row])


def test_fields_beyond_the_limit_go_to_rest() -> None:
    """A program with unlimited field names gets 64 columns, and every value is kept."""
    texts = [json.dumps({"msg": "m", f"name{n}": n, "big": 10**30}) for n in range(300)]
    frame = read_lines("\n".join(texts).encode())
    assert len(frame.columns) < 80
    assert read_lines("\n".join([*texts, '{"msg":"m"}']).encode())["rest"].isna().iloc[-1]
    for row in (0, 150, 299):
        assert logs.fields_of_line(frame, row) == json.loads(texts[row])
