"""The collector's modules without an engine: records, parts, rotations, and the start from a folder."""

from __future__ import annotations

import gzip
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import EndpointConnectionError
from docker.errors import NotFound

from images.collector import checkpoint, collector, engine_api, json_files, parts, records
from images.collector.records import Identity
from images.collector.settings import Settings
from tests.examples import given, st

WHO = Identity("a" * 64, "staging", "service")
TIME = "2026-11-24T22:59:59.999999999Z"
PART = "staging~service~2026-11-24T22"


def engine_line(text: str, stream: str = "stdout", attrs: dict[str, str] | None = None) -> bytes:
    """A line as the json-file driver writes it, without its newline."""
    fields: dict[str, Any] = {"log": text, "stream": stream}
    if attrs is not None:
        fields["attrs"] = attrs
    return json.dumps(fields | {"time": TIME}, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")


@given(st.text(), st.sampled_from(["stdout", "stderr"]), st.none() | st.dictionaries(st.text(), st.text(), max_size=3))
def test_a_record_keeps_all_but_its_attributes(text: str, stream: str, attrs: dict[str, str] | None) -> None:
    """Text, stream and time do not change, whatever the line or the labels hold; attributes name the container."""
    line = engine_line(text, stream, attrs)
    record = records.parse(WHO, line)
    attributes = {"environment": "staging", "service": "service", "container": WHO.container[:12]}
    assert json.loads(record.content) == json.loads(line) | {"attrs": attributes}
    assert record.content.endswith(b"}\n")
    assert record.content.count(b"\n") == 1
    assert record.part == PART
    assert record.complete is json.loads(line)["log"].endswith("\n")


@given(st.binary().map(lambda junk: junk.replace(b"\n", b"")))
def test_what_is_no_record_is_kept_as_it_is(junk: bytes) -> None:
    """Half a line that a power cut left, or anything else: never an error, never lost."""
    record = records.parse(WHO, junk)
    assert (record.content, record.complete) == (junk + b"\n", True)


def committed(folder: Path) -> checkpoint.Checkpoint:
    """The checkpoint of a start in an empty folder, after the commit of one line."""
    first = checkpoint.Checkpoint(folder, parts.restore(folder)[0])
    first.take("c", {"offset": 5}, {PART: [b"one\n"]})
    first.commit()
    return first


def test_what_was_not_committed_is_removed_and_read_again(tmp_path: Path) -> None:
    """Parts of a later generation than the checkpoint's are gone after a start; the others stay."""
    later = tmp_path / "parts" / f"{2:012d}~{committed(tmp_path).spool}~{PART}"
    later.write_bytes(b"two")
    state, lost = parts.restore(tmp_path)
    assert not later.exists()
    assert lost is False
    assert state["positions"] == {"c": {"offset": 5}}
    assert [part.read_bytes() for part in parts.waiting_parts(tmp_path)] == [b"one\n"]


def test_a_checkpoint_that_cannot_be_read_is_said_to_be_lost(tmp_path: Path) -> None:
    """The start begins a new spool with new keys, and reports the loss."""
    first = committed(tmp_path)
    for content in (b"", b"[]", b'{"spool": "x"}'):
        (tmp_path / "checkpoint.json").write_bytes(content)
        state, lost = parts.restore(tmp_path)
        assert lost is True
        assert state["spool"] != first.spool


def test_a_part_is_uploaded_again_as_the_same_object(tmp_path: Path) -> None:
    """After a crash between upload and removal, key and bytes are the same. A failed upload waits."""
    bucket = Mock()
    first = committed(tmp_path)
    settings = Settings("session", "http://bucket", "logs", "id", "key", folder=tmp_path)
    (part,) = parts.waiting_parts(tmp_path)
    uploader = collector.Uploader(settings, bucket)
    bucket.put_object.side_effect = EndpointConnectionError(endpoint_url="http://bucket")
    assert uploader.upload() is False
    assert (uploader.generation, uploader.waiting_bytes) == (-1, 4)
    bucket.put_object.side_effect = None
    assert uploader.upload() is True
    assert (uploader.generation, uploader.waiting_bytes, parts.waiting_parts(tmp_path)) == (1, 0, [])
    part.write_bytes(b"one\n")  # as if it had died before the part was removed
    assert collector.Uploader(settings, bucket).upload() is True
    _, once, again = bucket.put_object.call_args_list
    assert once == again
    assert once.kwargs["Key"] == f"logs/staging/service/2026/11/24/22/{first.spool}-000000000001.jsonl.gz"
    assert gzip.decompress(once.kwargs["Body"]) == b"one\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A container's folder, as the engine makes it."""
    path = tmp_path / WHO.container
    path.mkdir()
    return path


def write(folder: Path, *texts: str, stream: str = "stdout") -> None:
    """Append lines to the newest file."""
    with (folder / f"{WHO.container}-json.log").open("ab") as file:
        file.writelines(engine_line(text, stream) + b"\n" for text in texts)


def rotate(folder: Path, files: int = 3) -> None:
    """Rename the files as the engine does, the newest to ``.1``; the oldest goes."""
    name = folder / f"{WHO.container}-json.log"
    for number in range(files - 1, 0, -1):
        older = name.with_name(f"{name.name}.{number - 1}") if number > 1 else name
        if older.exists():
            older.replace(name.with_name(f"{name.name}.{number}"))
    name.touch()


def log(folder: Path, position: records.Position | None = None, max_files: int = 3) -> json_files.JsonFileLog:
    """The log in a container's folder, read from a position on."""
    return json_files.JsonFileLog(folder, WHO, position and dict(position), max_files)


def texts_of(log: records.Log) -> tuple[list[str], list[str]]:
    """Everything new: lines, and the reasons of gaps."""
    lines: list[str] = []
    gaps: list[str] = []
    while not log.ended and (batch := log.read()):
        for record in batch:
            text = json.loads(record.content)["log"]
            is_gap = '"msg": "GAP"' in text
            (gaps if is_gap else lines).append(json.loads(text)["reason"] if is_gap else text)
    return lines, gaps


def test_a_log_is_read_on_from_its_position_through_rotations(folder: Path) -> None:
    """A new start reads each new line once, also in rotated files; if the position's file is gone, a GAP says so."""
    write(folder, "1\n", "2\n")
    first = log(folder)
    assert texts_of(first) == (["1\n", "2\n"], [])
    write(folder, "3\n")
    rotate(folder)
    write(folder, "4\n")
    rotate(folder)
    write(folder, "5\n")
    second = log(folder, first.position)
    assert texts_of(second) == (["3\n", "4\n", "5\n"], [])
    for _ in range(3):
        rotate(folder)
    write(folder, "late\n")
    assert texts_of(log(folder, second.position)) == (["late\n"], [json_files.ROTATED])


def test_an_open_file_is_read_to_its_end(folder: Path) -> None:
    """Also after the engine has removed it; then a GAP, since more may be lost. So after a truncation."""
    write(folder, "1\n")
    running = log(folder, max_files=2)
    assert texts_of(running) == (["1\n"], [])
    write(folder, "2\n")
    for _ in range(3):
        rotate(folder, 2)
    write(folder, "9\n", "10\n")
    assert texts_of(running) == (["2\n", "9\n", "10\n"], [json_files.ROTATED])
    (folder / f"{WHO.container}-json.log").write_bytes(b"")
    write(folder, "3\n")
    assert texts_of(running) == (["3\n"], [json_files.TRUNCATED])


@pytest.mark.parametrize("rotated", [False, True])
def test_a_log_that_is_removed_leaves_a_gap_if_a_newer_file_was_never_opened(folder: Path, rotated: bool) -> None:
    """The open file is read to its end; its last name shows whether there was a newer one."""
    write(folder, "1\n")
    running = log(folder)
    assert texts_of(running) == (["1\n"], [])
    write(folder, "2\n")
    if rotated:
        rotate(folder)
        write(folder, "3\n")
    shutil.rmtree(folder)
    assert texts_of(running) == (["2\n"], [json_files.ROTATED] if rotated else [])
    assert running.ended


def test_the_pieces_of_a_line_wait_for_the_last_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Incomplete lines of both streams are held, and half a record; a new start reads their pieces again."""
    running = log(folder)
    half = engine_line("b\n", "stderr") + b"\n"
    write(folder, "whole\n", "a" * 9)
    write(folder, "b" * 9, stream="stderr")
    assert texts_of(running)[0] == ["whole\n"]
    write(folder, "a\n")
    with (folder / f"{WHO.container}-json.log").open("ab") as file:
        file.write(half[:20])
        file.flush()
        assert texts_of(running)[0] == []
        assert texts_of(log(folder, running.position))[0] == []
        file.write(half[20:])
    pieces = ["a" * 9, "b" * 9, "a\n", "b\n"]
    assert texts_of(log(folder, running.position))[0] == pieces
    assert texts_of(running)[0] == pieces
    monkeypatch.setattr(records, "HOLD_SECONDS", 0)
    write(folder, "who goes there? ")
    assert texts_of(running)[0] == ["who goes there? "]


def received(position: records.Position | None, *log_lines: str) -> tuple[list[str], list[str], records.Position]:
    """Read the stdout of a container that is gone afterwards, over the API; return lines, gaps and position."""
    engine = Mock()
    container = {"Id": WHO.container, "Config": {"Tty": False}, "State": {"Running": True}}
    engine.inspect_container.side_effect = [container, NotFound("gone")]
    engine.logs.side_effect = lambda _, *, stdout, **__: [line.encode() for line in log_lines] if stdout else []
    log = engine_api.EngineLog(engine, WHO, position and dict(position))
    lines, gaps = texts_of(log)
    assert texts_of(log) == ([], [])
    assert log.ended
    return lines, gaps, log.position


def test_a_log_over_the_api_is_read_on_from_its_position(monkeypatch: pytest.MonkeyPatch) -> None:
    """Records of the same time come once each. If the record at the position was rotated away, a GAP says so."""
    monkeypatch.setattr(engine_api, "ASK_SECONDS", 0)
    first, second, third = (f"2026-11-24T22:00:0{second}.000000000Z" for second in (1, 2, 3))
    known_lines = (f"{second} 2\n", f"{second} 3\n")
    lines, gaps, position = received(None, f"{first} 1\n", *known_lines)
    assert (lines, gaps) == (["1\n", "2\n", "3\n"], [])
    assert received(position, *known_lines, f"{second} 4\n", f"{third} 5\n")[:2] == (["4\n", "5\n"], [])
    assert received(position, f"{third} 5\n")[:2] == (["5\n"], [engine_api.ROTATED])


@pytest.mark.parametrize("zone", ["Z", "+09:00", "-01:30"])
def test_times_over_the_api_are_collected_in_utc(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Podman writes times in its machine's zone: the bucket's hours, and the next request, are in UTC."""
    monkeypatch.setattr(engine_api, "ASK_SECONDS", 0)
    position = received(None, f"2026-11-24T23:00:00.123456789{zone} 1\n")[2]
    instant = datetime.fromisoformat(f"2026-11-24T23:00:00{zone}").astimezone(UTC)
    assert position["stdout"] == [f"{instant:%Y-%m-%dT%H:%M:%S}.123456789Z", 1]
