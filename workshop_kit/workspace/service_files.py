"""What belongs into ``my_service/``: the files that participants write, and those that a colleague brings.

Lesson 01 has a service of twelve lines. In lesson 02 it becomes the service that the stack runs: a colleague brings all
its modules. Each later lesson brings the module that it is about once more, as somebody would write it who does not
know the lesson: that is the starter of its exercises.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from pathlib import Path

from workshop_kit.workspace import regions
from workshop_kit.workspace.course import read_toml
from workshop_kit.workspace.sources import NOTEBOOK, Source, marked_sources

FIRST, COLLEAGUE = "01_container", "02_configuration"
"""The lesson that makes the folder, and the one in which the colleague's files arrive."""
PACKAGE = "workshop_app"
REQUIREMENTS = "requirements.txt"
MARK = "orders.py"
"""A file that is there once the colleague's files have arrived."""
README = "README.md"
"""What lesson 06 adds for those who get the folder: no exercise, and too long for a cell."""


def sources(root: Path) -> Iterator[Source]:
    """Yield the marked sources of the files that participants have in ``my_service/``, in the order of the lessons."""
    entries = read_toml(root).get("exercise", [])
    others = {(entry.get("lesson"), entry.get("file")) for entry in entries if entry.get("judges") != "service"}
    for source in marked_sources(root):
        if source.file != NOTEBOOK and (source.lesson, source.file) not in others:
            yield source


def colleague_files(root: Path, lesson: str) -> dict[str, str]:
    """Return the files that arrive in a lesson, as text by name: the starters of its modules, in lesson 06 a README.

    In lesson 02 all other modules come, too, those of later lessons solved. What a cell writes is not among them.
    """
    theirs = {source.file: source for source in sources(root) if source.lesson != FIRST}
    marked = {name: source for name, source in theirs.items() if source.ids() and name.endswith(".py")}
    new = {name: one for name, one in theirs.items() if one.lesson == lesson and name in {*marked, README}}
    files = {name: regions.starter(one.text) for name, one in new.items()}
    if lesson != COLLEAGUE:
        return files
    modules = {
        path.name: path.read_text()
        for path in sorted((root / PACKAGE).iterdir())
        if path.suffix in {".py", ".sql"} and path.name not in theirs
    }
    later = {name: regions.solved(one.text) for name, one in marked.items() if one.lesson > lesson}
    return {**modules, **later, **files, REQUIREMENTS: pinned(root)}


def later_names(root: Path) -> set[str]:
    """Return the names of the files that are another one from lesson 02 on, or come then."""
    return {source.file for source in sources(root) if source.lesson != FIRST} | {REQUIREMENTS}


def pinned(root: Path) -> str:
    """Return the packages of the service with their versions, a line each, as `pip freeze` prints them."""
    text = (root / PACKAGE / REQUIREMENTS).read_text()
    lines = [line.removesuffix(" \\") for line in text.splitlines() if line[:1].isalnum()]
    return "\n".join([*lines, ""])


def sources_at(root: Path, lesson: str) -> dict[str, Source]:
    """Return, by name, the source that each file of ``my_service/`` has at the start of ``lesson``."""
    first = {source.file: source for source in sources(root) if source.lesson == FIRST}
    return first | {source.file: source for source in sources(root) if source.lesson < lesson}


def files_at(root: Path, lesson: str) -> dict[str, str]:
    """Return what ``my_service/`` holds at the start of ``lesson`` when everything before it is solved."""
    files = {
        name: regions.solved(source.text) if source.lesson < lesson else regions.starter(source.text)
        for name, source in sources_at(root, lesson).items()
    }
    if lesson <= COLLEAGUE:
        return files
    theirs = colleague_files(root, COLLEAGUE)
    new = {name: text for name, text in theirs.items() if name not in files or name == REQUIREMENTS}
    return {**files, **new, **colleague_files(root, lesson)}


def files_during(root: Path, lesson: str) -> dict[str, str]:
    """Return what ``my_service/`` holds once the cells of ``lesson`` have run, and none of its exercises is solved."""
    written = {source.file: regions.starter(source.text) for source in sources(root) if source.lesson == lesson}
    return {**files_at(root, lesson), **colleague_files(root, lesson), **written}


def first_sentence(text: str) -> str:
    """Return what a file says of itself in its first line; "" where it says nothing.

    >>> first_sentence('\"\"\"Orders: what the service is for.\"\"\"')
    'Orders: what the service is for.'
    """
    first = text.partition("\n")[0]
    return first.strip('"# ') if first.startswith(('"""', "#")) else ""


def with_regions_of(mine: str, text: str, names: Collection[str]) -> str:
    """Return ``text`` with these regions as ``mine`` has them, where it has them."""
    for name in set(regions.ids(text)) & set(names):
        with contextlib.suppress(regions.MarkerError):
            text = regions.replace(text, name, regions.region_of(mine, name))
    return text
