"""The marked sources in ``solutions/``, and the files of ``my_service/`` that are made from them.

Lesson 01 has a service of twelve lines. In lesson 02 a colleague brings all modules of the service that the stack runs.
Each later lesson brings the starter of the module that it is about.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from workshop_kit.files import files_below
from workshop_kit.workspace import regions
from workshop_kit.workspace.course import read_toml

NOTEBOOK = "notebook.py"
"""The file of a lesson's exercises that are done in the notebook: a region becomes a cell."""
FIRST, COLLEAGUE = "01_container", "02_configuration"
"""The lesson that makes ``my_service/``, and the one in which the colleague's files arrive."""
PACKAGE = "workshop_app"
ANSWERS = "answers"
"""The folder of a lesson with other right answers, and with answers that only please a check."""
REQUIREMENTS = "requirements.txt"
MARK = "orders.py"
"""A file that is there once the colleague's files have arrived."""
README = "README.md"
"""Lesson 06 adds it for the people who get the folder; no exercise, and too long for a cell."""


@dataclass(frozen=True)
class Source:
    """One marked file. ``lesson`` is its folder, ``file`` the path below it (both with forward slashes)."""

    lesson: str
    file: str
    text: str

    @property
    def name(self) -> str:
        """Its path in the checkout."""
        return f"solutions/{self.lesson}/{self.file}"

    def ids(self) -> tuple[str, ...]:
        """Return the exercises in it. Raises MarkerError with the file's name."""
        try:
            return regions.ids(self.text)
        except regions.MarkerError as error:
            raise error.in_file(self.name) from error


def marked_sources(root: Path) -> Iterator[Source]:
    """Yield every file below ``root/solutions/<lesson>/`` in order, but for `ANSWERS`, caches and hidden files."""
    for path in files_below(root / "solutions"):
        lesson, *file = path.relative_to(root / "solutions").parts
        if file[0] != ANSWERS:
            yield Source(lesson, "/".join(file), path.read_bytes().decode())


def service_sources(root: Path) -> Iterator[Source]:
    """Yield the marked sources of the files that participants have in ``my_service/``, in the order of the lessons."""
    entries = read_toml(root).get("exercise", [])
    others = {(entry.get("lesson"), entry.get("file")) for entry in entries if not entry.get("in_service")}
    for source in marked_sources(root):
        if source.file != NOTEBOOK and (source.lesson, source.file) not in others:
            yield source


def colleague_files(root: Path, lesson: str) -> dict[str, str]:
    """Return the files that arrive in a lesson, text by name: the starters of its modules, in lesson 06 a README.

    In lesson 02 all other modules come, too, those of later lessons solved. Files that cells write are not among them.
    """
    later_sources = {source.file: source for source in service_sources(root) if source.lesson != FIRST}
    marked = {name: source for name, source in later_sources.items() if source.ids() and name.endswith(".py")}
    new = {name: one for name, one in later_sources.items() if one.lesson == lesson and name in {*marked, README}}
    files = {name: regions.starter(one.text) for name, one in new.items()}
    if lesson != COLLEAGUE:
        return files
    modules = {
        path.name: path.read_text()
        for path in sorted((root / PACKAGE).iterdir())
        if path.suffix in {".py", ".sql"} and path.name not in later_sources
    }
    later = {name: regions.solved(one.text) for name, one in marked.items() if one.lesson > lesson}
    return {**modules, **later, **files, REQUIREMENTS: pinned(root)}


def later_names(root: Path) -> set[str]:
    """Return the names of the files that arrive, or are replaced, in lesson 02 or later."""
    return {source.file for source in service_sources(root) if source.lesson != FIRST} | {REQUIREMENTS}


def pinned(root: Path) -> str:
    """Return the packages of the service with their versions, a line each, as `pip freeze` prints them."""
    text = (root / PACKAGE / REQUIREMENTS).read_text()
    lines = [line.removesuffix(" \\") for line in text.splitlines() if line[:1].isalnum()]
    return "\n".join([*lines, ""])


def sources_at(root: Path, lesson: str) -> dict[str, Source]:
    """Return, by name, the source that each file of ``my_service/`` has at the start of ``lesson``."""
    return {source.file: source for source in service_sources(root) if source.lesson == FIRST or source.lesson < lesson}


def files_at(root: Path, lesson: str) -> dict[str, str]:
    """Return the files of ``my_service/`` at the start of ``lesson`` when everything before it is solved."""
    files = {
        name: regions.solved(source.text) if source.lesson < lesson else regions.starter(source.text)
        for name, source in sources_at(root, lesson).items()
    }
    if lesson <= COLLEAGUE:
        return files
    theirs = colleague_files(root, COLLEAGUE)
    new = {name: text for name, text in theirs.items() if name not in files or name == REQUIREMENTS}
    return {**files, **new, **colleague_files(root, lesson)}


def first_sentence(text: str) -> str:
    """Return the first line of a file if it is a docstring or comment; "" if not.

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
