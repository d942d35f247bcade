"""The forms in which logs come: text with timestamps, the engine's records and messages, files; split anywhere."""

from __future__ import annotations

import gzip
import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.observe import logs

STAMP = "2026-11-24T16:06:14.797497811Z"
NS = int(datetime(2026, 11, 24, 16, 6, 14, tzinfo=UTC).timestamp()) * 10**9 + 797_497_811
EVENT = '{"ts":"2026-11-24T16:06:14.5Z","level":"info","logger":"a","msg":"hello","status":200}'


def record_of(log: str, stream: str = "stdout", time: str = STAMP, **more: object) -> bytes:
    """A record as the json-file driver writes it."""
    return json.dumps({"log": log, "stream": stream, **more, "time": time}, separators=(",", ":")).encode() + b"\n"


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


@pytest.mark.parametrize("size", [0, 16_384, 1_048_576])
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


def test_a_run_that_stopped_inside_a_line_is_not_joined_with_the_next() -> None:
    """The next run's first message has another time, and the last one was not full."""
    first, second = record_of("no end"), record_of("start\n", time="2026-11-24T17:00:00Z")
    assert logs.read_json_file(first + second)["raw"].tolist() == ["no end", "start"]
    assert logs.read_json_file(second + first)["raw"].tolist() == ["start", "no end"]


def test_what_is_no_record_is_kept() -> None:
    """A file cut off by a crash, NULs after a power cut, a record with more in it than the engine writes."""
    odd = [b'{"log":"cut', b"\x00" * 30, b"", b"[]", record_of("x\n", time="today")[:-1], record_of("x\n", "std")[:-1]]
    for usual in (1, 200):  # among many usual ones the engine's records are told by their shape
        frame = logs.read_json_file(record_of("fine\n") * usual + b"\n".join(odd))
        assert frame["raw"].tolist() == [*["fine"] * usual, *(one.decode() for one in odd)]
        assert frame.attrs["reasons"] == {"plain text": usual, "not a record of the engine's": len(odd)}


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
        ("2024-02-29T00:00:00Z", 1_709_164_800 * 10**9),
        ("2262-04-11T23:47:16.854775807Z", 2**63 - 1),
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
    ["", "now", "2026-11-24T10:00:00", "2026-02-30T00:00:00Z", "9999-12-31T23:59:59Z", "1764000000"],
)
def test_what_is_no_time_is_kept(text: str) -> None:
    """No time is made up for it: the engine's stands there, and the text in ``rest``."""
    for company in (b"", record_of('{"ts":"2026-01-01T00:00:00Z"}\n') * 3):
        frame = logs.read_json_file(record_of(json.dumps({"ts": text}) + "\n") + company)
        assert frame["ts"].astype("int64").iloc[0] == NS
        assert json.loads(frame["rest"].iloc[0]) == {"ts": text}
