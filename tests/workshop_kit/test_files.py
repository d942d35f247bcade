"""Files that people edit: what cannot be used is refused in a sentence that names it; a copy goes with its process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from workshop_kit.errors import NotReady
from workshop_kit.files import read_document, read_small_text, write_atomically
from workshop_kit.patience import wait_for


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (os.mkfifo, "is no regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "is no regular file"),
        (Path.mkdir, "is a folder where"),
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


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("stages.json", "{", "line 1 column 2"),
        ("stages.json", "[" * 100_000, "too many levels"),
        ("exercises.toml", "a =", "line 1, column 4|at end of document"),
        ("exercises.toml", "a = " + "[" * 100_000, "too many levels"),
    ],
)
def test_a_damaged_document_is_refused(tmp_path: Path, name: str, text: str, problem: str) -> None:
    """JSON and TOML take one path, however deep they are nested."""
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(NotReady, match=f"^{path} cannot be used: .*({problem})"):
        read_document(path)


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    """The sentence names the file that was to be written, not the temporary one."""
    path = tmp_path / "seed"
    path.mkdir()
    with pytest.raises(NotReady, match=f"^{path} is a folder where"):
        write_atomically(path, b"5")


MAKE_COPY = """
import time
from pathlib import Path
from workshop_kit.files import TemporaryCopy

with TemporaryCopy() as folder:
    Path(folder, "settings.env").write_text("PASSWORD=canary")
    print(folder, flush=True)
    time.sleep(600)
"""


def test_a_copy_goes_with_a_killed_process(root: Path) -> None:
    """Nothing of it is left among temporary files."""
    with subprocess.Popen([sys.executable, "-c", MAKE_COPY], cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        assert (folder / "settings.env").is_file()
        process.kill()
    assert wait_for(lambda: not folder.exists(), 60)
