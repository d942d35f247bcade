"""Numbers in README and docs that another file knows: the page says what that file says."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from workshop_kit.engine.images import ENOUGH_DISK_BYTES
from workshop_kit.host import ENOUGH_BYTES, GIB
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import load_course
from workshop_room.timetable import timetable

PAGES = (
    "README.md",
    "container_audit/README.md",
    "notebooks/*.toml",
    "CONTRIBUTING.md",
    "docs/*.md",
    "deploy/*/README.md",
    "notebooks/*.ipynb",
    "notebooks/*.notes.md",
)
COURSE = load_course(CHECKOUT)


def hours(text: str) -> float:
    """Minutes of a time in words: ``9 hours 50``, ``3½ hours``, ``90 minutes``."""
    match = re.fullmatch(r"(\d+)(½?) (hours|minutes)(?: (\d+))?", text)
    assert match is not None, text
    whole, half, unit, minutes = match.groups()
    if unit == "minutes":
        return float(whole)
    return float(whole) * 60 + (30 if half else 0) + float(minutes or 0)


@dataclass(frozen=True)
class Fact:
    """A number that pages name: ``pattern`` finds it, and ``value`` is what the other file says."""

    name: str
    pattern: str
    value: float
    read: Callable[[str], float] = float


def requires_python() -> float:
    """The minor version of Python that pyproject.toml requires."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    return float(project["requires-python"].removeprefix(">=3."))


def total_minutes(track: str) -> float:
    """The minutes of a track's timetable."""
    return sum(block.minutes for block in timetable(COURSE, track, "09:00"))


FACTS = (
    *(
        Fact(f"minutes of {lesson}", rf"`{lesson}` · (\d+) min\b", float(COURSE.minutes(lesson, "full")))
        for lesson in COURSE.names("full")
    ),
    Fact("hours of full", r"`full` takes ([\w½ ]+),", total_minutes("full"), hours),
    Fact("hours of half-day", r"`half-day` (\d+½? hours)", total_minutes("half-day"), hours),
    Fact("minutes of 90min", r"`90min` (\d+ minutes)", total_minutes("90min"), hours),
    Fact("Python", r"\bPython 3\.(\d+) or newer", requires_python()),
    Fact("disk", r"(\d+) GiB of disk and \d+ GiB of memory", ENOUGH_DISK_BYTES / GIB),
    Fact("memory that lessons want", r"(?:lessons want|of disk and) (\d+) GiB", ENOUGH_BYTES / GIB),
)


def texts() -> Iterator[tuple[str, str]]:
    """Every page, with its text."""
    for pattern in PAGES:
        for path in sorted(CHECKOUT.glob(pattern)):
            yield path.relative_to(CHECKOUT).as_posix(), path.read_text()


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.name)
def test_pages_say_what_the_other_file_says(fact: Fact) -> None:
    """And some page says it: a fact that no page names any more is taken out of the table."""
    matches = [(name, match) for name, text in texts() for match in re.finditer(fact.pattern, text)]
    assert matches
    assert [(name, match[0]) for name, match in matches if fact.read(match[1]) != fact.value] == []
