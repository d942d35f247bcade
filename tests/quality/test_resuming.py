"""A lesson can be resumed after each rest, and shortened by each track: no cell uses a name that is not there then."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import TRACKS, load_course, notebook_cells
from workshop_kit.workspace.steps import file_cell

COURSE = load_course(CHECKOUT)
SETUP = "setup"
"""The first cell, which imports: in a new kernel it runs before those below a rest."""
KERNEL = {*dir(builtins), "display", "get_ipython"}
SHELL = re.compile(r"^[!%].*$", re.MULTILINE)
SCRIPT = "%%bash"
IN_SHELL = re.compile(r"(?<!\{)\{(\w+)[^{}]*\}(?!\})")
SECTIONS = [
    (lesson, number, section) for lesson, sections in COURSE.sections.items() for number, section in enumerate(sections)
]
RESTS = [
    pytest.param(lesson, number, id=f"{lesson}-{section.cells[0]}")
    for lesson, number, section in SECTIONS
    if section.may_follow_break
]
ON_TRACK = [(lesson, track) for track in TRACKS for lesson in COURSE.names(track)]


@dataclass
class Names:
    """The names that a cell defines, its arguments among them, and those that it uses."""

    defined: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)


def names_in(source: str) -> Names:
    """Return the names of a code cell. A file cell has none: its lines run in a container."""
    names = Names()
    if file_cell(source):
        return names
    if source.startswith(SCRIPT):  # its first line has the values that its commands get
        names.used |= set(IN_SHELL.findall(source.partition("\n")[0]))
        return names
    for command in SHELL.findall(source):
        names.used |= set(IN_SHELL.findall(command))
    for node in ast.walk(ast.parse(SHELL.sub("pass", source))):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                names.used.add(name)
            case ast.Name(id=name) | ast.arg(arg=name) | ast.ExceptHandler(name=str(name)):
                names.defined.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.defined.add(name)
            case ast.alias(name=name, asname=asname):
                names.defined.add(asname or name.partition(".")[0])
    return names


def missing_names(lesson: str, ids: Iterable[str]) -> dict[str, set[str]]:
    """Return the names that are not defined when these cells run in a new kernel, by cell."""
    cells = {
        cell["id"]: cell["source"]
        for cell in notebook_cells(CHECKOUT / "notebooks" / f"{lesson}.ipynb")
        if cell["cell_type"] == "code"
    }
    known_names = set(KERNEL)
    missing: dict[str, set[str]] = {}
    for cell in ids:
        if cell not in cells:
            continue
        names = names_in(cells[cell])
        known_names |= names.defined
        if names.used - known_names:
            missing[cell] = names.used - known_names
    return missing


@pytest.mark.parametrize(("lesson", "number"), RESTS)
def test_a_lesson_goes_on_in_a_new_kernel_after_a_rest(lesson: str, number: int) -> None:
    """The first cell and those below the rest's heading are enough, after a night, a reboot, a new kernel."""
    cells = [cell for section in COURSE.sections[lesson][number:] for cell in section.cells]
    assert missing_names(lesson, [SETUP, *cells]) == {}


@pytest.mark.parametrize(("lesson", "track"), ON_TRACK)
def test_a_track_keeps_the_cells_that_its_cells_need(lesson: str, track: str) -> None:
    """No cell of a track uses a name that only a cell defines which the track skips."""
    assert missing_names(lesson, COURSE.cells(lesson, track)) == {}
