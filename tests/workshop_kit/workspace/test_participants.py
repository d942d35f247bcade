"""Participants of many habits go through the whole course: every file can be read, and nothing of theirs is lost."""

from __future__ import annotations

import ast
import functools
import itertools
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.paths import CHECKOUT
from workshop_kit.trials.result import Verdict
from workshop_kit.workspace import exercise_list, file_cell, steps
from workshop_kit.workspace.definitions import names_in, split
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.imports import is_import
from workshop_kit.workspace.merge import Cell, Merged, is_same_in, merge_file
from workshop_kit.workspace.steps import LessonStep, later_names, with_solution

Edit = Callable[[str], str]
STEPS = steps.load(CHECKOUT)
EXERCISES = {exercise.id: exercise for exercise in exercise_list.load(CHECKOUT)}
MOST_ANSWERS = max(len(exercise.alternatives) for exercise in EXERCISES.values())
RUFF = Path(sys.executable).with_name("ruff")
OWN = "own_"
"""What the participants write has this in its name."""
FUNCTION = f"\n\ndef {OWN}function():\n    return 1\n"
IMPORT = f"import colorsys as {OWN}colors\n"


def ruff(*arguments: str) -> Edit:
    """Return an editor that gives each file to ruff when it is saved."""

    @functools.cache
    def edit(text: str) -> str:
        command = [str(RUFF), *arguments, "--isolated", "--quiet", "--stdin-filename=a.py", "-"]
        process = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        return str(process.stdout)

    return edit


def own_import(text: str) -> str:
    """Have an import of one's own below the docstring."""
    if OWN in text:
        return text
    first = ast.parse(text).body[0]
    place = first.end_lineno or 0 if isinstance(first, ast.Expr) else 0
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:place], "\n" if place else "", IMPORT, *lines[place:]])


def own_field(text: str) -> str:
    """Have a field in each class, and a counter beside the others."""
    if OWN in text:
        return text
    text = re.sub(r'(?m)^(class .*:\n(?:    """.*"""\n\n?)?)(?=    \w+:)', rf"\1    {OWN}field: int = 1\n", text)
    return re.sub(r"(?m)^(?=\w+ = Counter\()", f'{OWN}counter = Counter("{OWN}events", "Mine.")\n', text, count=1)


EDITS: dict[str, Edit] = {
    "nothing": lambda text: text,
    "own field and counter": own_field,
    "own comment below each def": lambda text: re.sub(
        rf"(?m)^( *)((?:async )?def .*:\n)(?! *# {OWN})", rf"\1\2\1    # {OWN}comment\n", text
    ),
    "own import": own_import,
    "own function at the end": lambda text: text if OWN in text else text + FUNCTION,
    "CRLF": lambda text: text.replace("\r\n", "\n").replace("\n", "\r\n"),
    "formatter": ruff("format", "--line-length=79", "--config=format.quote-style='single'"),
    "no unused imports": ruff("check", "--select=F401", "--fix"),
}


def answer_to(step: LessonStep, number: int | None) -> LessonStep:
    """Return the step with another right answer to its exercise, if there are any; None: the reference."""
    exercise = EXERCISES.get(step.exercise)  # None for an open definition
    if number is None or exercise is None or not exercise.alternatives:
        return step
    name = exercise.alternatives[number % len(exercise.alternatives)]
    changes = steps.answer(exercise, CHECKOUT / exercise.answers / name)
    return LessonStep(step.lesson, step.cell, changes, step.exercise, step.removes)


def walk(edit: Edit, *, solves: bool = True, answer: int | None = None) -> dict[str, dict[str, Merged]]:
    """Return the files after each lesson; raises if one cannot be read, or if what was lost is not named."""
    files: dict[str, Merged] = {}
    lessons: dict[str, dict[str, Merged]] = {}
    for shown_step in STEPS:
        if shown_step.exercise and not solves:
            continue
        step = answer_to(shown_step, answer) if shown_step.exercise else shown_step
        for change in step.changes:
            path = change.path
            file = files.get(path, Merged())
            if step.exercise:
                text = with_solution(change, file.text, file.record.text, step.removes)
                merged = replace(file, text=text)
            else:
                assert not later_names(STEPS, step, file.record)
                merged = merge_file(Cell(change, change, step.name), file.text or None, file.record)
                require_nothing_lost(path, file.text, merged)
            split(path, merged.text)
            text = edit(merged.text) if path.endswith(".py") else merged.text
            files[path] = replace(merged, text=text)
        lessons[step.lesson] = dict(files)
    return lessons


def require_nothing_lost(path: str, before: str, merged: Merged) -> None:
    """Require that each definition with something of the participant's has it still, or is named."""
    after = split(path, merged.text)
    for name, text in split(path, before).items():
        if OWN in text:
            assert OWN in after.get(name, "") or name in merged.replaced, (path, name)


def require_names(lessons: dict[str, dict[str, Merged]], folder: Path) -> None:
    """Require that no module uses a name that it does not have, after each lesson."""
    for lesson, files in lessons.items():
        for path, file in files.items():
            target = folder / lesson / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(file.text)
    options = ["--isolated", "--no-cache", "--select=F821,F811,E9", "--output-format=concise"]
    command = [str(RUFF), "check", *options, "."]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("habit", EDITS)
def test_habits(habit: str, tmp_path: Path) -> None:
    """What they write is there at the end; the service is the reference's where they write nothing of their own."""
    lessons = walk(EDITS[habit])
    require_names(lessons, tmp_path)
    final = {path: file.text for path, file in lessons[STEPS[-1].lesson].items()}
    modules = {path: text for path, text in final.items() if path.endswith(".py")}
    if habit == "nothing":
        assert final == {path: file.text for path, file in steps.files_after(STEPS).items()}
    elif habit.startswith("own f"):
        assert any(OWN in text for text in modules.values())
    elif habit.startswith("own"):
        assert all(OWN in text for text in modules.values() if "def " in text)
    elif habit == "CRLF":
        assert {path: text.replace("\r\n", "\n") for path, text in final.items()} == {
            path: file.text for path, file in steps.files_after(STEPS).items()
        }


def test_answers_stay() -> None:
    """No later cell replaces one."""
    final = walk(EDITS["nothing"])[STEPS[-1].lesson]
    replaced: set[str] = set()
    solved_steps = [step for step in STEPS if step.exercise]
    for change in itertools.chain.from_iterable(step.changes for step in solved_steps):
        answers = [name for name in names_in(change.path, change.text) if not is_import(name)]
        text = final[change.path].text
        replaced |= {name for name in answers if not is_same_in(change.path, text, change.text, [name])}
    assert not replaced


@pytest.mark.parametrize("number", range(MOST_ANSWERS))
def test_other_right_answers(number: int, tmp_path: Path) -> None:
    """They go through the course as the reference does."""
    require_names(walk(EDITS["own function at the end"], answer=number), tmp_path)


def test_none_solved(tmp_path: Path) -> None:
    """What they see is what was shipped."""
    lessons = walk(EDITS["nothing"], solves=False)
    require_names(lessons, tmp_path)
    for path, file in lessons[STEPS[-1].lesson].items():
        assert file.text == file.record.text, path


def test_a_jump(tmp_path: Path) -> None:
    """To 03, from the end of 01b: what passed stays, and the lesson's cells find the files that they grow."""
    workspace = Workspace.open(tmp_path / "mine")
    service = ExerciseService.of(workspace, lambda: pytest.fail("a jump of the files needs no engine"))
    checkpoint.arrange(service, "02_configuration")
    orders = workspace.my_service / "orders.py"
    own = orders.read_text().replace("async def recent(", "async def recent(  # own_answer\n    ")
    orders.write_text(own + FUNCTION)
    service.progress.record_check("orders.recent", Verdict.PASSED)

    checkpoint.arrange(service, "03_logging")
    assert "own_answer" in orders.read_text()
    assert any(OWN + "function" in path.read_text() for path in workspace.folder.glob("kept/*/my_service/orders.py"))
    for step in STEPS:
        if step.lesson == "03_logging" and not step.exercise:
            [change] = step.changes
            line = change.path + ("" if change.is_whole else steps.CHANGES)
            file_cell.write(workspace, step.lesson, line, change.text)
    assert "own_answer" in orders.read_text()
    texts = {path.name: Merged(path.read_text()) for path in workspace.my_service.glob("*.py")}
    require_names({"03": texts}, tmp_path / "names")
