"""Files that people edit or replace are read without a hang, and written whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workshop_kit.errors import NotReady
from workshop_kit.workspace.files import read_json_lines, read_small_text, write_json_lines


def fifo(path: Path) -> None:
    """Make a FIFO: reading it would wait for a writer."""
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (fifo, "is no regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "is no regular file"),
        (Path.mkdir, "Is a directory"),
        (lambda path: path.write_bytes(b"x" * 101), "is larger than"),
        (lambda path: path.write_bytes(b"\xff"), "is not text in UTF-8"),
    ],
)
def test_only_a_small_regular_file_is_read(tmp_path: Path, make: object, problem: str) -> None:
    """A FIFO, a device, a folder, a large file and bytes are each refused in one sentence with the path."""
    path = tmp_path / "progress.json"
    make(path)  # type: ignore[operator]
    with pytest.raises(NotReady, match=problem) as caught:
        read_small_text(path, max_bytes=100)
    assert str(path) in caught.value.what


def test_line_ends_stay_and_a_missing_file_is_the_callers_case(tmp_path: Path) -> None:
    """Text comes back to the letter; FileNotFoundError passes through."""
    (tmp_path / "a").write_bytes("ä\r\n".encode())
    assert read_small_text(tmp_path / "a") == "ä\r\n"
    with pytest.raises(FileNotFoundError):
        read_small_text(tmp_path / "b")


def test_json_lines_keep_the_newest_and_pass_over_damage(tmp_path: Path) -> None:
    """The last ``most`` records stay; lines that are no JSON object are passed over."""
    path = tmp_path / "records.jsonl"
    assert read_json_lines(path) == []
    write_json_lines(path, [{"n": number} for number in range(5)], most=2)
    path.write_bytes(path.read_bytes() + b'[1]\n{"n": \n\xff\n' + b"[" * 100_000)
    assert read_json_lines(path) == [{"n": 3}, {"n": 4}]
