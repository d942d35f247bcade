"""docs/teaching.md fits the registry: every exercise that can be graded has its week, and the minutes add up."""

from __future__ import annotations

import re
from collections import Counter

from workshop_kit.host import GIB, MIB
from workshop_kit.paths import CHECKOUT
from workshop_kit.trials.service_trial import CLOSED_FILE_BYTES, CLOSED_MEMORY_BYTES, CLOSED_PIDS
from workshop_kit.workspace import registry
from workshop_kit.workspace.course import load_course, notebook_cells
from workshop_room.grading import handed_in_files
from workshop_room.grading.build_cgroup import MEMORY_BYTES, MOST_TASKS
from workshop_room.grading.disk_watch import MOST_DISK_BYTES
from workshop_room.grading.grader import gradable
from workshop_room.grading.process_judge import MOST_MEMORY_BYTES

PAGE = (CHECKOUT / "docs" / "teaching.md").read_text()
WEEKS = re.findall(r"^\| (\d) \| (.+?) \| (\d+) \| (.*?) \| (.*?) ?\|$", PAGE, re.MULTILINE)


def exercises_in(column: int) -> Counter[str]:
    """How often each exercise stands in a column of the table of weeks."""
    return Counter(name for week in WEEKS for name in re.findall(r"`(\w+\.\w+)`", week[column]))


def test_the_weeks_have_every_exercise_once_and_all_minutes() -> None:
    """Those that count are to be handed in, the others are more; a week is not longer than a class."""
    exercises = gradable(registry.load(CHECKOUT))
    wanted = exercises_in(3)
    more = exercises_in(4)
    assert wanted == Counter(exercise.id for exercise in exercises if exercise.weight == "core")
    assert more == Counter(exercise.id for exercise in exercises if exercise.weight != "core")
    minutes = [int(week[2]) for week in WEEKS]
    assert sum(minutes) == load_course(CHECKOUT).tracks["full"].minutes
    assert max(minutes) <= 90


def test_an_exercise_is_handed_in_in_the_week_of_its_lesson() -> None:
    """No exercise stands before its lesson."""
    lessons = {exercise.id: exercise.lesson for exercise in registry.load(CHECKOUT)}
    for _, in_class, _, core, more in WEEKS:
        for name in re.findall(r"`(\w+\.\w+)`", core + more):
            assert f"`{lessons[name]}`" in in_class


def test_a_lesson_is_cut_at_one_of_its_headings() -> None:
    """The words in italics stand in the notebook."""
    cuts = [cut for week in WEEKS for cut in re.findall(r"`(\w+)` (?:up to|from) \*(.+?)\*", week[1])]
    assert cuts
    for lesson, heading in cuts:
        cells = notebook_cells(CHECKOUT / "notebooks" / f"{lesson}.ipynb")
        assert any(re.match(rf"## {re.escape(heading)}[:\n]", cell["source"]) for cell in cells), heading


def test_the_page_names_the_limits_that_hold() -> None:
    """The numbers are those of the code."""
    assert f"At most {handed_in_files.MAX_FILES} with {handed_in_files.MAX_FILE_BYTES / 1e6:g} MB each" in PAGE
    assert f"{handed_in_files.MAX_BYTES / 1e6:g} MB in all" in PAGE
    assert f"{MEMORY_BYTES // GIB} GiB and {MOST_TASKS} processes" in PAGE
    assert f"up to {CLOSED_MEMORY_BYTES // MIB} MiB without swap, one core and {CLOSED_PIDS} processes" in PAGE
    assert f"filled {MOST_DISK_BYTES // GIB} GiB of the disk" in PAGE
    assert f"more than {MOST_MEMORY_BYTES // GIB} GiB of memory" in PAGE
    assert f"no file above {CLOSED_FILE_BYTES // MIB} MiB" in PAGE
    named = set(re.findall(r"`(\w+\.\w+)`", PAGE.partition("are not graded**")[2].partition("\n")[0]))
    without_file = [exercise for exercise in registry.load(CHECKOUT) if exercise.file is None]
    in_notebooks = {exercise.id for exercise in without_file if exercise.lesson != "05_game_day"}
    assert named == in_notebooks
