"""The forms in which logs come: text with timestamps, the engine's records and messages, files; split anywhere."""

from __future__ import annotations

import gzip
import json
import os
import random
import struct
import threading
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workshop_kit.errors import WrongUsage
from workshop_kit.observe import logs
from workshop_kit.observe.log_store import FrameStore
from workshop_kit.observe.logs.reading import MESSAGES

STAMP = "2026-11-24T16:06:14.797497811Z"
NS = int(datetime(2026, 11, 24, 16, 6, 14, tzinfo=UTC).timestamp()) * 10**9 + 797_497_811
EVENT = '{"ts":"2026-11-24T16:06:14.5Z","level":"info","logger":"a","msg":"hello","status":200}'


def record_of(log: str, stream: str = "stdout", time: str = STAMP, **more: object) -> bytes:
    """A record as the json-file driver writes it."""
    return json.dumps({"log": log, "stream": stream, **more, "time": time}, separators=(",", ":")).encode() + b"\n"


def message(text: bytes, code: int = 1) -> bytes:
    """A message as the engine sends it."""
    return struct.pack(">BxxxI", code, len(text)) + text


def test_the_types_of_the_columns() -> None:
    """Times to the nanosecond in UTC, numbers, booleans, categories; an absent value is empty, not a wrong type."""
    more = EVENT.replace("}", ',"ms":0.5,"ok":true,"extra":{"a":[1,2]}}')
    frame = logs.read_json_file(record_of(EVENT + "\n") + record_of(more + "\n", "stderr"))
    kinds = frame.dtypes.astype(str).to_dict()
    assert kinds["ts"] == kinds["received"] == "datetime64[ns, UTC]"
    assert (kinds["stream"], kinds["level"], kinds["reason"]) == ("category", "category", "category")
    assert (kinds["status"], kinds["ms"], kinds["ok"]) == ("int64[pyarrow]", "double[pyarrow]", "bool[pyarrow]")
    assert frame["received"].astype("int64").tolist() == [NS, NS]
    assert frame["stream"].tolist() == ["stdout", "stderr"]
    assert frame.attrs["skew_seconds"] == (0.297497811, 0.297497811)
    assert frame.attrs["json_columns"] == ["extra"]
    assert logs.record(frame, 1)["extra"] == {"a": [1, 2]}


def test_a_line_without_a_time_has_the_engines() -> None:
    """A traceback's lines stay beside the record they belong to."""
    frame = logs.read_json_file(record_of("Traceback (most recent call last):\n") + record_of("  File\n"))
    assert (frame["ts"] == frame["received"]).all()
    assert frame["raw"].tolist() == ["Traceback (most recent call last):", "  File"]
    assert frame.attrs["reasons"] == {"plain text": 2}


@pytest.mark.parametrize("size", [0, 1, 16_383, 16_384, 16_385, 32_768, 1_048_576])
def test_pieces_are_joined_in_every_form(size: int) -> None:
    """A long line is one row with all its text, also between the other stream's lines; an empty one is a row."""
    text = "x" * size + "\n"
    pieces = [text[start : start + 16_384] for start in range(0, len(text), 16_384)]
    other = record_of("other\n", "stderr", "2026-11-24T16:06:15Z")
    frame = logs.read_json_file(b"".join(record_of(piece) + other for piece in pieces))
    assert frame.loc[frame["stream"] == "stdout", "raw"].tolist() == [text[:-1]]
    assert (frame["raw"] == "other").sum() == len(pieces)
    assert frame.attrs["pieces_joined"] == len(pieces) - 1
    stamped = "".join(f"{STAMP} {piece}" for piece in pieces).encode()
    assert logs.read_stamped(stamped)["raw"].tolist() == [text[:-1]]
    stream = b"".join(message(f"{STAMP} {piece}".encode()) + message(b"no stamp\n", 2) for piece in pieces)
    with logs.Reader(MESSAGES) as reader:
        for start in range(0, len(stream), 10_007):
            reader.feed(stream[start : start + 10_007])
        reader.end()
        frame = reader.frame()
    assert frame.loc[frame["stream"] == "stdout", "raw"].tolist() == [text[:-1]]
    assert (frame["raw"] == "no stamp").sum() == len(pieces)


def test_a_run_that_stopped_inside_a_line_is_not_joined_with_the_next() -> None:
    """The next run's first message has another time, and the last one was not full."""
    first, second = record_of("no end"), record_of("start\n", time="2026-11-24T17:00:00Z")
    assert logs.read_json_file(first + second)["raw"].tolist() == ["no end", "start"]
    assert logs.read_json_file(second + first)["raw"].tolist() == ["start", "no end"]


def test_what_is_no_record_is_kept() -> None:
    """A file cut off by a crash, NULs after a power cut, a record with more in it than the engine writes."""
    odd = [
        b'{"log":"cut',
        b"\x00" * 30,
        b"",
        b"[]",
        record_of("x\n", time="today")[:-1],
        record_of("x\n", color=1)[:-1],
    ]
    odd += [
        b'{"log":"a\\n","log":"b\\n","stream":"stdout","time":"2026-11-24T16:06:14Z"}',
        record_of("x\n", "std")[:-1],
    ]
    odd += [b'{"log":"a","x":"b","stream":"stdout","time":"2026-11-24T16:06:14Z"}']
    odd += [
        b'{"log":"a\\","stream":"stdout","time":"2026-11-24T16:06:14Z"}',
        b'{"log":","stream":"stdout","time":"2026-11-24T16:06:14Z"}',
    ]
    odd += [b'{"log":"a\\n","stream":"stdout","time":"2026-13-24T16:06:14Z"}']
    for usual in (1, 200):  # among many usual ones the engine's records are told by their shape
        frame = logs.read_json_file(record_of("fine\n") * usual + b"\n".join(odd))
        assert frame["raw"].tolist() == [*["fine"] * usual, *(one.decode() for one in odd)]
        assert frame.attrs["reasons"] == {"plain text": usual, "not a record of the engine's": len(odd)}


TEXTS = st.text(max_size=20) | st.sampled_from(
    ['","stream":"stdout","time":"', "\\", '"', '{"n":1}', "\x00", "\u2028", "<&>"]
)
DIGITS = st.integers(0, 10**9 - 1).map(lambda n: f".{n:09d}".rstrip("0").rstrip("."))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(TEXTS, st.sampled_from(["stdout", "stderr"]), DIGITS), min_size=1, max_size=40), st.booleans()
)
def test_records_are_read_whatever_they_hold(records: list[tuple[str, str, str]], ascii_only: bool) -> None:
    """Any text, either stream, any number of digits in the time: the line, its stream and its time."""
    whole = [(text.replace("\n", " ").encode("utf-8", "replace").decode(), *more) for text, *more in records]
    lines = [
        json.dumps(
            {"log": f"{text}\n", "stream": name, "time": f"2026-11-24T16:06:14{digits}Z"},
            ensure_ascii=ascii_only,
            separators=(",", ":"),
        )
        for text, name, digits in whole
    ]
    frame = logs.read_json_file("\n".join(lines).encode())
    assert frame["stream"].tolist() == [name for _, name, _ in whole]
    expected = [(NS // 10**9) * 10**9 + int((digits[1:] or "0").ljust(9, "0")) for _, _, digits in whole]
    assert frame["received"].astype("int64").tolist() == expected
    for row, (text, _, _) in enumerate(whole):
        if frame["reason"].isna().iloc[row]:
            assert logs.record(frame, row) == json.loads(text)
        else:
            assert frame["raw"].iloc[row] == text.removesuffix("\r")


def test_labels_are_a_column() -> None:
    """What the engine adds to each line when it is told to."""
    frame = logs.read_json_file(record_of(EVENT + "\n", attrs={"service": "a"}) + record_of("x\n"))
    assert frame["attrs"].iloc[0] == '{"service":"a"}'
    assert frame["attrs"].isna().tolist() == [False, True]
    assert frame["status"].iloc[0] == 200


def test_line_ends_and_foreign_bytes_are_counted() -> None:
    """CRLF is one line end; a lone CR, U+2028 and a form feed are text; what is not UTF-8 is replaced."""
    frame = logs.read_lines("a\r\nb\rc\u2028d\x0ce\n".encode() + b'\xff\n{"a":"\xc3"}\r\n')
    assert frame["raw"].tolist()[:3] == ["a", "b\rc\u2028d\x0ce", "\ufffd"]
    assert logs.record(frame, 3) == {"a": "\ufffd"}
    assert (frame.attrs["crlf"], frame.attrs["replacements"]) == (2, 2)


def test_values_that_do_not_fit_are_kept() -> None:
    """A column has the type of most of its values, wherever they stand; the others are in ``rest`` as they were."""
    usual = [{"v": n, "f": n / 2} for n in range(20)]
    odd = ['{"v":"n/a"}', '{"v":123456789012345678901234567890}', '{"f":9007199254740993}', '{"v":[1e2]}', '{"v":true}']
    plain = [json.dumps(one) for one in usual]
    for texts in ([*odd, *plain], [*plain, *odd], [*plain[:10], *odd, *plain[10:]]):
        frame = logs.read_lines("\n".join(texts).encode())
        assert str(frame["v"].dtype) == "int64[pyarrow]"
        assert str(frame["f"].dtype) == "double[pyarrow]"
        assert frame["rest"].dropna().tolist() == odd
        assert frame["v"].dropna().tolist() == list(range(20))


def test_a_field_that_comes_late_is_a_column_of_the_same_type() -> None:
    """Also blocks later, and when it was something else before it was frequent."""
    filler = json.dumps({"msg": "x" * 1_000}) + "\n"
    early, late = '{"n":"one"}\n', '{"n":1}\n{"n":2}\n{"n":2.5}\n'
    far = filler * 40_000  # more than a block
    for data in (early + far + late, late + far + early, early + late + far):
        frame = logs.read_lines(data.encode())
        assert str(frame["n"].dtype) == "double[pyarrow]"
        assert sorted(frame["n"].dropna()) == [1.0, 2.0, 2.5]
        assert frame["rest"].dropna().tolist() == ['{"n":"one"}']


@pytest.mark.parametrize("value", ["false", "1", "0.5", '{"a":1}', "null"])
def test_a_category_by_name_is_one_only_if_it_is_text(value: str) -> None:
    """A field called ``out`` that holds something else has the type of what it holds."""
    frame = logs.read_lines(f'{{"out":{value}}}\n'.encode())
    assert logs.record(frame, 0) == {key: one for key, one in {"out": json.loads(value)}.items() if one is not None}


def test_many_fields_go_to_rest() -> None:
    """The most frequent ones are columns; nobody's made-up names fill the memory."""
    lines = [json.dumps({f"k{n}": n, "often": 1}) for n in range(1_000)]
    frame = logs.read_lines("\n".join(lines).encode())
    assert len(frame.columns) < 80
    assert frame["often"].sum() == 1_000
    assert [logs.record(frame, n)[f"k{n}"] for n in (0, 500, 999)] == [0, 500, 999]


def test_files_are_told_apart(tmp_path: Path) -> None:
    """By their first line; gzipped or not; one without a proper end up to there."""
    contents = {
        logs.FORMATS[0]: record_of(EVENT + "\n"),
        logs.FORMATS[1]: f"{STAMP} {EVENT}\n".encode(),
        logs.FORMATS[2]: EVENT.encode(),
    }
    for number, (kind, data) in enumerate(contents.items()):
        path = tmp_path / f"{number}.log"
        path.write_bytes(data)
        packed = tmp_path / f"{number}.gz"
        packed.write_bytes(gzip.compress(data))
        assert logs.kind_of(data) == kind
        for one in (path, packed):
            frame = logs.read_file(one)
            assert frame["msg"].tolist() == ["hello"]
            assert frame["received"].isna().all() == (kind == logs.FORMATS[2])
    many = os.urandom(100_000).hex().encode() + b"\n" + b"last\n"
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"first\n" + many)[:50_000])
    assert logs.read_file(tmp_path / "cut.gz")["raw"].iloc[0] == "first"
    (tmp_path / "empty").touch()
    assert len(logs.read_file(tmp_path / "empty")) == 0


def packed_lines(many: int) -> bytes:
    """Numbered events, each with a text that hardly packs; gzipped."""
    chance = random.Random(13)
    texts = (json.dumps({"n": n, "ts": STAMP, "text": chance.randbytes(20).hex()}) for n in range(many))
    return gzip.compress("".join(f"{one}\n" for one in texts).encode(), mtime=0)


def test_a_damaged_file_is_read_up_to_the_damage(tmp_path: Path) -> None:
    """All that stands before it is kept, to the byte, and a gap says that more was there."""
    path, whole = tmp_path / "damaged.gz", packed_lines(5_000)
    path.write_bytes(whole[: len(whole) * 3 // 4] + bytes(100) + whole[len(whole) * 3 // 4 + 100 :])
    frame = logs.read_file(path)
    assert frame["n"].iloc[:3_700].tolist() == list(range(3_700))
    assert len(frame.attrs["gaps"]) == 1
    path.write_bytes(whole + whole[:10] + b"\xff" * 50)  # a header, and a block of a kind that there is not
    frame = logs.read_file(path)
    assert frame["n"].dropna().tolist() == list(range(5_000))
    (gap,) = frame.attrs["gaps"]
    assert (gap.after_ns, "damaged.gz is damaged" in gap.why) == (NS, True)


def test_a_cut_file_is_said_to_be_cut_and_a_whole_one_is_not(tmp_path: Path) -> None:
    """Also where no line has a time; several members and what fills up a block are no damage."""
    path, whole = tmp_path / "some.gz", packed_lines(2_000)
    for data, why in ((whole[:-1], ["cut"]), (whole[:9], ["cut"]), (whole, []), (whole + whole + bytes(512), [])):
        path.write_bytes(data)
        said = [gap.why for gap in logs.read_file(path).attrs["gaps"]]
        assert [word in one for word, one in zip(why, said, strict=True)] == [True] * len(why)
    path.write_bytes(gzip.compress(b"plain\n")[:-1])
    frame = logs.read_file(path)
    assert frame["raw"].tolist() == ["plain"]
    with FrameStore(frame) as store:
        assert len(store.gaps()) == 1


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    """Which file, and what to do; an unknown kind names the known ones."""
    with pytest.raises(WrongUsage, match=r"gone\.log cannot be read") as caught:
        logs.read_file(tmp_path / "gone.log")
    assert caught.value.next_step
    with pytest.raises(WrongUsage, match="no kind of log"):
        logs.read_file(tmp_path / "gone.log", "syslog")


@pytest.mark.parametrize("name", ["read_lines", "read_stamped", "read_json_file"])
def test_text_instead_of_bytes_is_one_sentence(name: str) -> None:
    """Which reader, what it was given, and how to give it bytes."""
    with pytest.raises(WrongUsage, match=f"`{name}` reads bytes, and this is a str") as caught:
        getattr(logs, name)("one line\n")
    assert "encode" in caught.value.next_step
    assert len(getattr(logs, name)(bytearray(b"one line\n"))) == 1


def test_a_pipe_is_followed_to_its_end() -> None:
    """Lines split anywhere, an endless one cut and counted, the last one without its end; and soon, not when full."""
    source, sink = os.pipe()
    frames: list[pd.DataFrame] = []
    came = threading.Event()

    def listen() -> None:
        with os.fdopen(source, "rb") as file:
            for frame in logs.follow_pipe(file, every_seconds=0.05, max_line_bytes=1_000_000):
                frames.append(frame)
                came.set()

    listener = threading.Thread(target=listen)
    listener.start()
    os.write(sink, EVENT.encode() + b"\nhal")
    assert came.wait(20)
    assert [len(frame) for frame in frames] == [1]
    with os.fdopen(sink, "wb") as file:
        file.write(b"f\n" + b"x" * 5_000_000 + b"\nend")
    listener.join(20)
    assert [text for frame in frames for text in frame["raw"].dropna()] == ["half", "x" * 1_000_000, "end"]
    assert sum(frame.attrs["cut_bytes"] for frame in frames) == 4_000_000


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T09:00:00+09:00", 0),
        ("1969-12-31T23:30:00.000000001-00:30", 1),
        ("1970-01-01t00:00:00.5z", 500_000_000),
        ("1970-01-01 00:00:00-00:00", 0),
        ("2024-02-29T00:00:00Z", 1_709_164_800 * 10**9),
        ("2262-04-11T23:47:16.854775807Z", 2**63 - 1),
        ("1970-01-01T23:59:59.123456789Z", 86_399_123_456_789),
    ],
)
def test_times_are_exact(text: str, ns: int) -> None:
    """RFC 3339, to the nanosecond, from either end of what 64 bits hold; nothing is left over."""
    for company in ("", '{"ts":"2026-01-01T00:00:00Z"}\n' * 3):
        frame = logs.read_lines(f'{{"ts":"{text}"}}\n{company}'.encode())
        assert frame["ts"].astype("int64").iloc[0] == ns
        assert frame["rest"].isna().all()


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "2026-11-24", "2026-11-24T10:00:00", "2026-11-24T10:00Z", "2026-11-24T10:00:00+0900",
        "2026-11-24T10:00:00+09", "2026-02-30T00:00:00Z", "2025-02-29T00:00:00Z", "2026-11-24T24:00:00Z",
        "2026-11-24T10:60:00Z", "2026-11-24T10:00:61Z", "2026-11-24T10:00:00.Z", "2026-11-24T10:00:00,5Z",
        "2026-11-24T10:00:00+24:00", "2026-11-24T10:00:00+09:60", "1500-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
        "２026-11-24T10:00:00Z", " 2026-11-24T10:00:00Z", "2026-11-24T10:00:00Z ", "20261124T100000Z", "1764000000",
    ],
)  # fmt: skip
def test_what_is_no_time_is_kept(text: str) -> None:
    """No time is made up for it: the engine's stands there, and the text in ``rest``."""
    for company in (b"", record_of('{"ts":"2026-01-01T00:00:00Z"}\n') * 3):
        frame = logs.read_json_file(record_of(json.dumps({"ts": text}) + "\n") + company)
        assert frame["ts"].astype("int64").iloc[0] == NS
        assert json.loads(frame["rest"].iloc[0]) == {"ts": text}


@pytest.mark.parametrize(
    ("text", "ns"), [("1970-01-01T00:00:60Z", 60 * 10**9), ("1970-01-01T00:00:00.1234567891Z", 123_456_789)]
)
def test_times_finer_than_a_column_are_there_and_kept(text: str, ns: int) -> None:
    """A leap second, and digits below the nanosecond."""
    frame = logs.read_lines(json.dumps({"ts": text}).encode())
    assert frame["ts"].astype("int64").iloc[0] == ns
    assert json.loads(frame["rest"].iloc[0]) == {"ts": text}


def test_nothing_of_a_line_acts_on_a_screen() -> None:
    """Control bytes, ANSI, direction marks and halves of characters are written out; markup is escaped."""
    hostile = "a\x1b[31mb\x9b1m\r\n\x00\u202ec\u200b\u2066\ufeff\ud800\U000e0041<script>&\"'"
    shown = logs.visible(hostile)
    assert shown == "a\\x1b[31mb\\x9b1m\\r\\n\\x00\\u202ec\\u200b\\u2066\\ufeff\\ud800\\U000e0041<script>&\"'"
    assert "<" not in logs.as_html(hostile)
    assert logs.as_html('"') == "&quot;"
    assert logs.visible("日本語 é ✓ 😀") == "日本語 é ✓ 😀"
    assert logs.visible("x" * 10, limit=3) == "xxx…"


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            TEXTS, st.sampled_from([None, {}, {"service": "a"}, {"service": "b", "é": '"}'}]), st.booleans(), DIGITS
        ),
        min_size=1,
        max_size=40,
    )
)
def test_labels_are_told_wherever_they_stand(records: list[tuple[str, dict[str, str] | None, bool, str]]) -> None:
    """Before the time, as the engine writes them, or after it, as the collector does; each line has its own."""
    lines = []
    for text, labels, early, digits in records:
        attrs = {} if labels is None else {"attrs": labels}
        time = {"time": f"2026-11-24T16:06:14{digits}Z"}
        record = {"log": "x" + text.replace("\n", " ") + "\n", "stream": "stdout"} | (
            attrs | time if early else time | attrs
        )
        lines.append(json.dumps(record, separators=(",", ":"), ensure_ascii=early))
    frame = logs.read_json_file("\n".join(lines).encode())
    found = frame["attrs"].tolist() if "attrs" in frame else [None] * len(records)
    assert [None if pd.isna(one) else json.loads(str(one)) for one in found] == [labels for _, labels, _, _ in records]
    assert (frame["stream"] == "stdout").all()
    assert frame.attrs["malformed"] == len(records)
