"""The files of predictions: what is refused, in one sentence, and that every lesson's file is complete."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.lessons.questions import SUFFIX, find, load, load_all

LESSON = "01_container"
FOUR = """
[stop]
question = "You stop it. What happens?"
right = "killed"
[stop.options]
at-once = { text = "It ends at once.", reason = "No signal reaches it." }
terminated = { text = "It ends with 143.", reason = "The kernel drops the signal." }
killed = { text = "It is killed.", reason = "The shell forwards nothing." }
refused = { text = "It refuses.", reason = "Nobody asks it." }
"""
REFUSED = "refused = "


def write(folder: Path, text: str) -> Path:
    """Write the lesson's file and return its folder."""
    (folder / f"{LESSON}{SUFFIX}").write_text(text)
    return folder


def test_a_prediction_is_found_by_its_id(tmp_path: Path) -> None:
    """Options come in the order in which they are written."""
    question = find("stop", LESSON, write(tmp_path, FOUR))
    assert [*question.options] == ["at-once", "terminated", "killed", "refused"]
    assert question.options["killed"].reason == "The shell forwards nothing."
    assert [*load_all(tmp_path)] == ["01_container.stop"]


def test_an_unknown_id_names_the_one_that_was_meant(tmp_path: Path) -> None:
    """A slip is answered with its neighbor, anything else with all there are."""
    folder = write(tmp_path, FOUR)
    with pytest.raises(WrongUsage, match=r"has no prediction 'stopp'\. Did you mean 'stop'\?"):
        find("stopp", LESSON, folder)
    with pytest.raises(WrongUsage, match=r"has no prediction 'memory'\. Use one of: stop\."):
        find("memory", LESSON, folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\n".join(line for line in FOUR.splitlines() if not line.startswith(REFUSED)), "stop: a prediction has 4 opt"),
        (FOUR.replace(', reason = "Nobody asks it."', ""), r"stop\.options\.refused\.reason: Field required\."),
        (FOUR.replace("Nobody asks it.", ""), r"stop\.options\.refused\.reason: String should have at least 1"),
        (FOUR.replace('"killed"', '"late"'), "stop: `right` is 'late', which is none of its options"),
        (FOUR.replace("question", "title"), r"stop\.question: Field required \(2 problems in all\)"),
        (f"{FOUR}{FOUR}", "is not TOML: Cannot declare"),
    ],
)
def test_a_file_that_is_not_complete_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    """It names the file, the place and what is wrong there."""
    with pytest.raises(WorkshopError, match=f"^{re.escape(LESSON + SUFFIX)}.*{said}") as error:
        load(LESSON, write(tmp_path, text))
    assert "\n" not in str(error.value)


def test_a_lesson_without_a_file_says_which_is_missing(tmp_path: Path) -> None:
    """The path of the file to write."""
    with pytest.raises(WorkshopError, match=rf"Write .*{re.escape(LESSON + SUFFIX)}"):
        load(LESSON, tmp_path)


def test_every_prediction_of_the_lessons_is_in_its_file(root: Path) -> None:
    """The cells name an id and nothing else, and every id in a file is named; reasons are short."""
    known = load_all(root / "notebooks")
    named = {
        f"{path.stem}.{name}"
        for path in (root / "notebooks").glob("*.ipynb")
        for cell in json.loads(path.read_text())["cells"]
        for name in re.findall(r'w\.predict\("([\w-]+)"\)', "".join(cell["source"]))
    }
    calls = sum(path.read_text().count("w.predict(") for path in (root / "notebooks").glob("*.ipynb"))
    assert named == set(known)
    assert len(named) == calls > 0
    reasons = [option.reason for question in known.values() for option in question.options.values()]
    assert max(len(reason.split()) for reason in reasons) <= 20
