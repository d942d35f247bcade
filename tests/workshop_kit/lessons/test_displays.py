"""What a lesson's cells show, without a page: predictions, errors as sentences."""

from __future__ import annotations

import errno
import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError, BuildError
from IPython.core.interactiveshell import InteractiveShell
from requests import Response

from workshop_kit.engine import reach
from workshop_kit.errors import WrongUsage
from workshop_kit.exercises.progress import Progress
from workshop_kit.lessons import first_cell
from workshop_kit.lessons.error_display import sentence_for
from workshop_kit.lessons.predictions import Prediction, load_all_questions
from workshop_kit.paths import CHECKOUT

NAME = "00_start.database-gone"
QUESTION = load_all_questions(CHECKOUT / "notebooks")[NAME]


def test_an_unusual_result_and_a_missing_guess_are_said(tmp_path: Path) -> None:
    """What was measured counts, and the reasons are for what usually happens; no guess stays no guess."""
    progress = Progress(tmp_path / "progress.json")
    unusual = next(key for key in QUESTION.options if key != QUESTION.right)
    shown = Prediction(NAME, QUESTION, progress).reveal(unusual)
    assert "You did not guess" in shown.text
    assert f"What happened: {QUESTION.options[unusual].text}\n" in shown.text
    assert f"Usually: {QUESTION.options[QUESTION.right].text}" in shown.text
    assert f"→ {QUESTION.options[unusual].text}\n" in shown.text
    marked = re.findall(r'<tr class="wk-marked">.*?</tr>', shown.html)
    assert len(marked) == 1
    assert QUESTION.options[unusual].text in unescape(marked[0])
    assert not progress.path.exists()
    with pytest.raises(WrongUsage, match=r"'elsewhere' is no option of prediction .* Use one of: "):
        Prediction(NAME, QUESTION, progress).reveal("elsewhere")


def test_a_first_cell_shows_that_it_loads_its_libraries(capsys: pytest.CaptureFixture[str]) -> None:
    """Once in a kernel, before the cell runs."""
    shell: Any = InteractiveShell()  # type: ignore[no-untyped-call]
    first_cell.load_ipython_extension(shell)
    for _ in range(2):
        shell.run_cell("from workshop_kit.lessons.lesson import lesson; print('ran')")
    assert capsys.readouterr().out == "Libraries: pandas\nran\nran\n"


def test_a_guess_for_an_option_that_is_gone_can_be_made_again(tmp_path: Path) -> None:
    """An update may rename the keys of options: the stored one counts as no guess, and the next click replaces it."""
    progress = Progress(tmp_path / "progress.json")
    progress.lock_guess(NAME, "a-former-key")
    guess = Prediction(NAME, QUESTION, progress)
    assert guess.choice is None
    for key in QUESTION.options:
        guess.handle_message(None, {"lock": key}, None)
    assert guess.choice == next(iter(QUESTION.options))


def test_every_prediction_of_the_lessons_is_in_its_file(root: Path) -> None:
    """The cells name an id and nothing else, and every id in a file is named; reasons are short.

    The short notebook has none of its own: it names those of the lessons.
    """
    questions = load_all_questions(root / "notebooks")
    named: set[str] = set()
    calls = 0
    for path in (root / "notebooks").glob("[0-9]*.ipynb"):
        calls += path.read_text().count("w.predict(")
        for cell in json.loads(path.read_text())["cells"]:
            names = re.findall(r'w\.predict\("([\w-]+)"\)', "".join(cell["source"]))
            named.update(f"{path.stem}.{name}" for name in names)

    assert named == set(questions)
    assert len(named) == calls > 0
    reasons = [option.reason for question in questions.values() for option in question.options.values()]
    assert max(len(reason.split()) for reason in reasons) <= 20


def test_a_full_disk_is_a_sentence_and_other_errors_are_not() -> None:
    """Errors that the participant can fix become a sentence; a missing file of the own code keeps its traceback."""
    full = sentence_for(OSError(errno.ENOSPC, "No space left on device"), None)
    assert full is not None
    assert "is full. Free some space" in str(full)
    assert sentence_for(FileNotFoundError(errno.ENOENT, "no such file", "mine.txt"), None) is None


def test_a_failed_build_names_its_reason_and_shows_the_last_lines() -> None:
    """The client's explanation comes first; without one, the builder's own words."""
    error = BuildError('process "pip install" did not\ncomplete', [])
    error.add_note("#8 ERROR: no such file")
    plain = sentence_for(error, None)
    assert str(plain).startswith('The build failed: process "pip install" did not complete. Change the file, then')
    error.add_note("There is no wheel of flask.")
    explained = sentence_for(error, None)
    assert explained is not None
    assert (explained.what, explained.output) == ("There is no wheel of flask.", "#8 ERROR: no such file")


def test_an_engine_that_cannot_pause_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rootless engine on cgroup v1, which answers: the cell names the reason, and where its cost is told."""
    monkeypatch.setattr(reach, "connect", lambda **_: None)
    message = "OCI runtime pause failed: cannot toggle freezer: cgroups not configured for container: unknown"
    assert "./workshop doctor says what this costs" in str(sentence_for(APIError("500", Response(), message), None))
