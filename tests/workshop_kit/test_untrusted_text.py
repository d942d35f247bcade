"""Text and files of others: read without a hang, and shown without acting."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.examples import given, st
from workshop_kit import untrusted_text
from workshop_kit.errors import NotReady, WorkshopError
from workshop_kit.files import read_small_text

HOSTILE = "<script>planted()</script>\x1b[2J\x07\r\n\u202e\u2028\x9b31m"


@given(st.text())
def test_nothing_acts_on_a_screen(text: str) -> None:
    """Any text at all ends without control characters, halves and line ends; `in_lines` keeps newlines."""
    acting = {"Cc", "Cs", "Zl", "Zp"}
    assert not {unicodedata.category(character) for character in untrusted_text.visible(text)} & acting
    assert "\u202e" not in untrusted_text.visible(text)
    assert untrusted_text.in_lines(text).count("\n") == text.count("\n")


def test_an_error_shows_no_control_characters_of_a_container() -> None:
    """The sentence and the last lines may quote a log; line ends between the lines stay."""
    error = WorkshopError(f"It said {HOSTILE}", output=f"one\n{HOSTILE}")
    for text in (str(error), error.output, "".join(error._render_traceback_())):
        assert "\x1b" not in text
    assert error.output.startswith("one\n<script>")


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
