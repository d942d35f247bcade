"""What waits between the socket and the parser: in order, whole, bounded, and gone at the end."""

from __future__ import annotations

import queue
import random
import tempfile
import threading
import time
import tracemalloc
from pathlib import Path

import pytest

from tests.workshop_kit.observe.conftest import open_files
from workshop_kit.observe.logs.moments import Pace, moments
from workshop_kit.observe.logs.skips import file_bytes
from workshop_kit.observe.logs.spool import Spool


def test_bytes_come_out_as_they_went_in() -> None:
    """Through memory and a file that wraps around many times, whichever thread is faster at the moment."""
    dice = random.Random(1)
    pieces = [dice.randbytes(dice.randrange(1, 3_000)) for _ in range(3_000)]
    spool = Spool(memory_bytes=10_000, disk_bytes=20_000)

    def put() -> None:
        for piece in pieces:
            assert spool.put(piece)
        spool.end()

    thread = threading.Thread(target=put, daemon=True)
    thread.start()
    found = bytearray()
    while data := spool.get(10):
        memory, disk = spool.held_bytes
        assert memory <= 10_000
        assert disk <= 20_000
        found += data
        if dice.random() < 0.05:
            time.sleep(0.002)
    thread.join(10)
    assert bytes(found) == b"".join(pieces)
    spool.close()


def test_memory_stays_flat_while_nobody_takes_anything() -> None:
    """Fifty megabytes wait, at most one of them in memory."""
    spool = Spool(memory_bytes=1_000_000)
    tracemalloc.start()
    for number in range(50):
        spool.put(bytes([number]) * 1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(spool.held_bytes) == 50_000_000
    assert peak < 5_000_000
    spool.close()


def test_the_file_has_no_name_and_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody sees it in the folder; closed, its bytes are free."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    spool = Spool(memory_bytes=1)
    spool.put(b"a")
    assert open_files(tmp_path) == []  # what fits into memory needs no file
    spool.put(b"b")
    assert len(open_files(tmp_path)) == 1
    assert list(tmp_path.iterdir()) == []
    spool.close()
    assert open_files(tmp_path) == []


def test_a_full_spool_waits_and_a_closed_one_says_so() -> None:
    """Who puts is held up while there is no room, and let go when there will be none."""
    spool = Spool(memory_bytes=1, disk_bytes=1)
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(spool.put(b"four")), daemon=True)
    spool.put(b"one")
    thread.start()
    thread.join(0.2)
    assert thread.is_alive()
    spool.close()
    thread.join(10)
    assert answers == [False]
    assert not spool.put(b"more")


def test_a_full_disk_holds_up_but_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no file can be made, memory alone has to do."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    spool = Spool(memory_bytes=3)
    threading.Thread(target=lambda: [spool.put(one) for one in (b"one", b"two", b"six")], daemon=True).start()
    assert [spool.get(10), spool.get(10), spool.get(10)] == [b"one", b"two", b"six"]
    with pytest.raises(queue.Empty):
        spool.get(0.01)


@pytest.mark.parametrize(
    ("log_config", "expected"),
    [
        ({"Type": "json-file", "Config": {}}, None),
        ({"Type": "json-file", "Config": {"max-size": "-1"}}, None),
        ({"Type": "json-file", "Config": {"max-size": "50m"}}, 52_428_800),
        ({"Type": "json-file", "Config": {"max-size": "1.5kb"}}, 1_536),
        ({"Type": "json-file", "Config": {"max-size": "1000"}}, 1_000),
        ({"Type": "local", "Config": None}, 20_971_520),
    ],
)
def test_when_the_engine_begins_a_new_file(log_config: dict[str, object], expected: int | None) -> None:
    """The size is read as the engine reads it; json-file has one file unless told otherwise, local has several."""
    assert file_bytes(log_config) == expected


def test_the_pace_is_that_of_the_fastest_stretch() -> None:
    """After a silence a hundred bytes each nanosecond: a thousand lines take half a microsecond at least."""
    lines = [f"2026-11-24T00:00:00.{0 if not n else 1:01d}{n:08d}Z {'x' * 68}\n".encode() for n in range(1_000)]
    found = moments(b"".join(lines) + b"2026-", terminal=True)
    assert len(found.ends) == 1_000
    assert found.ends[-1] == 100_000
    pace = Pace(50_000)
    pace.take(found)
    assert pace.least_ns(100_000) == pytest.approx(500, rel=0.01)
