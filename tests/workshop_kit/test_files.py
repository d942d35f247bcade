"""Files that people edit or replace are read without a hang, and written whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from workshop_kit.errors import NotReady
from workshop_kit.files import read_small_text


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (os.mkfifo, "is no regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "is no regular file"),
        (Path.mkdir, "Is a directory"),
        (lambda path: path.write_bytes(b"x" * 101), "is larger than"),
        (lambda path: path.write_bytes(b"\xff"), "is not text in UTF-8"),
    ],
)
def test_only_a_small_regular_file_is_read(tmp_path: Path, make: Callable[[Path], object], problem: str) -> None:
    """A FIFO, a device, a folder, a large file and bytes are each refused in one sentence with the path."""
    path = tmp_path / "progress.json"
    make(path)
    with pytest.raises(NotReady, match=problem) as caught:
        read_small_text(path, max_bytes=100)
    assert str(path) in caught.value.what
