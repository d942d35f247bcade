"""The collector's own modules, without an engine: records, parts, rotations, and what a start makes of a folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from images.collector import batches, checkpoint, records, spool, tail
from images.collector.records import Identity

WHO = Identity("a" * 64, "staging", "service")
TIME = "2026-11-24T22:59:59.999999999Z"


def engine_line(text: str, stream: str = "stdout", attrs: dict[str, str] | None = None, time: str = TIME) -> bytes:
    """A line as the json-file driver writes it, without its newline."""
    fields: dict[str, Any] = {"log": text, "stream": stream}
    if attrs is not None:
        fields["attrs"] = attrs
    return json.dumps(fields | {"time": time}, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")


@given(st.text(), st.sampled_from(["stdout", "stderr"]), st.none() | st.dictionaries(st.text(), st.text(), max_size=3))
def test_a_record_keeps_all_but_its_attributes(text: str, stream: str, attrs: dict[str, str] | None) -> None:
    """Whatever is in a line or in its labels: text, stream and time come out as they went in, with whose it is."""
    line = engine_line(text, stream, attrs)
    found = records.cut(line, WHO.attributes)
    assert found is not None
    expected = json.loads(line) | {
        "attrs": {"environment": "staging", "service": "service", "container": WHO.container[:12]}
    }
    assert json.loads(found.text) == expected
    assert found.text.endswith(b"}\n")
    assert found.text.count(b"\n") == 1
    assert found.hour == "2026-11-24T22"
    assert found.open is not json.loads(line)["log"].endswith("\n")


@given(st.binary().map(lambda junk: junk.replace(b"\n", b"")))
def test_what_is_no_record_is_kept_as_it_is(junk: bytes) -> None:
    """Half a line that a power cut left, or anything else: never an error, never lost."""
    found = batches.sort([junk], WHO, whole=True)
    assert found.used == 1
    assert [line for lines in found.lines.values() for line in lines] == [junk + b"\n"]


def test_a_line_in_pieces_waits_for_its_last_piece() -> None:
    """With both streams in the middle of a line, only what came before is taken; then all of it."""
    begun = [engine_line("whole\n"), engine_line("a" * 9), engine_line("b" * 9, "stderr"), engine_line("a\n")]
    assert batches.sort(begun, WHO, whole=True).used == 1
    assert batches.sort(begun, WHO, whole=False).used == 4
    assert batches.sort([*begun, engine_line("b\n", "stderr")], WHO, whole=True).used == 5


@pytest.mark.parametrize(
    ("labels", "service"),
    [
        ({"com.docker.compose.service": "redis", "workshop.service": "other"}, "redis"),
        ({"workshop.service": "numbers"}, "numbers"),
        ({}, "eager_hopper"),
        ({"workshop.service": "../../etc"}, "_.._etc"),
        ({"workshop.service": "a~b/c d"}, "a_b_c_d"),
        ({"workshop.service": "…"}, "_"),
    ],
)
def test_a_service_is_named_by_its_labels(labels: dict[str, str], service: str) -> None:
    """Compose's label, else the kit's, else the container's name; whatever it holds, it is one folder."""
    assert records.identity("c" * 64, "/eager_hopper", labels).service == service


def keeper_in(folder: Path) -> checkpoint.Keeper:
    """A keeper that goes on where the folder says."""
    return checkpoint.Keeper(folder, spool.opened(folder).checkpoint)


def test_what_was_not_committed_is_removed_and_read_again(tmp_path: Path) -> None:
    """Parts of a later generation than the checkpoint's are gone after a start; the others stay."""
    keeper = keeper_in(tmp_path)
    keeper.take("c", {"offset": 5}, {"staging~service~2026-11-24T22": [b"one\n"]})
    keeper.commit()
    later = tmp_path / "parts" / f"{2:012d}~{keeper.spool}~staging~service~2026-11-24T22"
    later.write_bytes(b"two")
    start = spool.opened(tmp_path)
    assert not later.exists()
    assert start.lost is False
    assert start.checkpoint["positions"] == {"c": {"offset": 5}}
    assert [part.path.read_bytes() for part in spool.waiting(tmp_path)] == [b"one\n"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"spool": "x"}'])
def test_a_checkpoint_that_cannot_be_read_is_said_to_be_lost(tmp_path: Path, content: bytes) -> None:
    """A new start begins a spool of its own, whose keys meet no old one, and says that it had to."""
    keeper = keeper_in(tmp_path)
    keeper.commit()
    (tmp_path / "checkpoint.json").write_bytes(content)
    start = spool.opened(tmp_path)
    assert start.lost is True
    assert start.checkpoint["spool"] != keeper.spool


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A container's folder, as the engine makes it."""
    path = tmp_path / WHO.container
    path.mkdir()
    return path


def write(folder: Path, *texts: str, end: bytes = b"\n") -> None:
    """Append lines to the newest file."""
    with (folder / f"{WHO.container}-json.log").open("ab") as file:
        file.writelines(engine_line(text) + end for text in texts)


def rotate(folder: Path, files: int = 3) -> None:
    """Rename the files as the engine does, the newest to ``.1``; the oldest goes."""
    name = folder / f"{WHO.container}-json.log"
    for number in range(files - 1, 0, -1):
        older = name.with_name(f"{name.name}.{number - 1}") if number > 1 else name
        if older.exists():
            older.replace(name.with_name(f"{name.name}.{number}"))
    name.touch()


def texts_of(one: tail.Tail) -> tuple[list[str], list[str], Any]:
    """Everything new: lines, reasons of gaps, and the last position."""
    lines: list[str] = []
    gaps: list[str] = []
    position = None
    while (batch := one.read()) is not None:
        position = batch.position
        for part in batch.lines.values():
            for record in map(json.loads, part):
                is_gap = '"msg": "GAP"' in record["log"]
                (gaps if is_gap else lines).append(json.loads(record["log"])["reason"] if is_gap else record["log"])
        if batch.ended:
            break
    return lines, gaps, position


def test_a_tail_goes_on_from_its_position_through_rotations(folder: Path) -> None:
    """Stopped anywhere, a new tail with the old position reads what is new: through rotated files, each line once."""
    write(folder, "1\n", "2\n")
    lines, _, position = texts_of(tail.Tail(folder, WHO, None, 3))
    assert lines == ["1\n", "2\n"]
    write(folder, "3\n")
    rotate(folder)
    write(folder, "4\n")
    rotate(folder)
    write(folder, "5\n")
    lines, gaps, position = texts_of(tail.Tail(folder, WHO, position, 3))
    assert (lines, gaps) == (["3\n", "4\n", "5\n"], [])
    rotate(folder)
    rotate(folder)
    rotate(folder)
    write(folder, "late\n")
    lines, gaps, _ = texts_of(tail.Tail(folder, WHO, position, 3))
    assert (lines, gaps) == (["late\n"], [tail.OUTRAN])


def test_a_running_tail_holds_files_that_lose_their_name(folder: Path) -> None:
    """What was open is read to its end, also after the engine has removed it; then a GAP, since more may be gone."""
    write(folder, "1\n")
    running = tail.Tail(folder, WHO, None, 2)
    assert texts_of(running)[:2] == (["1\n"], [])
    write(folder, "2\n")
    for _ in range(3):
        rotate(folder, 2)
    write(folder, "9\n")
    lines, gaps, _ = texts_of(running)
    assert lines == ["2\n", "9\n"]
    assert gaps == [tail.OUTRAN]


def test_half_a_line_waits_for_its_other_half(folder: Path) -> None:
    """The engine may be in the middle of writing: nothing of a line is taken before its newline is there."""
    running = tail.Tail(folder, WHO, None, 3)
    write(folder, "whole\n")
    with (folder / f"{WHO.container}-json.log").open("ab") as file:
        line = engine_line("later\n") + b"\n"
        file.write(line[:20])
        file.flush()
        assert texts_of(running)[0] == ["whole\n"]
        file.write(line[20:])
    assert texts_of(running)[0] == ["later\n"]


@pytest.mark.parametrize("rotated", [False, True])
def test_a_log_that_is_removed_leaves_a_gap_if_a_newer_file_was_never_opened(folder: Path, rotated: bool) -> None:
    """As while the buffer is full: what was held is read, and its last name tells that there was a newer one."""
    write(folder, "1\n")
    running = tail.Tail(folder, WHO, None, 3)
    assert texts_of(running)[:2] == (["1\n"], [])
    write(folder, "2\n")
    if rotated:
        rotate(folder)
        write(folder, "3\n")
    shutil.rmtree(folder)
    lines, gaps, _ = texts_of(running)
    assert (lines, gaps) == (["2\n"], [tail.UNSEEN] if rotated else [])
