"""Find a lesson or an exercise by its name or by a beginning of it: the one lookup of the command line."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from workshop_kit.errors import WrongUsage

LESSON = re.compile(r"\d\d_\w+")
MORE = re.compile(r"\d\d[a-z]_\w+")
"""A lesson's first notebook, and a further one with what there may be no time for (``02b_configuration_more``).

Other notebooks of a workspace (a copy of a lesson, say) are found by their whole name only."""


def resolve(kind: str, word: str, names: Collection[str], separator: str, advice: str) -> str:
    """Return the name that ``word`` means: whole, one of its two parts around ``separator``, or a beginning of either.

    The case of letters does not count. Raises WrongUsage: with ``advice`` where nothing fits, else with what fits.

    >>> resolve("lesson", "02", ["01_container", "02_configuration"], "_", "")
    '02_configuration'
    """
    typed = word.strip().lower()
    tests: tuple[Callable[[str], bool], ...] = (
        lambda name: name == typed,
        lambda name: typed in name.split(separator, 1),
        lambda name: any(part.startswith(typed) for part in (name, *name.split(separator, 1)[1:])),
    )
    for test in tests if typed else ():
        found = [name for name in names if test(name.lower())]
        if len(found) == 1:
            return found[0]
        if found:
            raise WrongUsage(f"{word!r} fits more than one {kind}: {', '.join(found[:-1])} and {found[-1]}.")
    raise WrongUsage(f"There is no {kind} {word!r}.", advice)


def find_lesson(word: str, notebooks: Path) -> str:
    """Return the name of a lesson of the folder ``notebooks``: for ``02_configuration`` also ``02`` or ``conf``.

    Raises WrongUsage.
    """
    known = list(lesson_names(notebooks))
    stem = word.removesuffix(".ipynb")
    if stem in known:
        return stem
    pattern = MORE if re.match(r"\d\d[a-z]", stem) else LESSON
    lessons = [name for name in known if pattern.fullmatch(name)]
    return resolve("lesson", stem, lessons, "_", f"Choose from: {', '.join(known)}.")


def lesson_names(notebooks: Path) -> Iterator[str]:
    """Yield the names of the notebooks in order. Raises WrongUsage where there is none."""
    paths = sorted(notebooks.glob("*.ipynb"))
    if not paths:
        raise WrongUsage(f"There is no lesson in {notebooks}.", "Get the repository afresh: it brings the notebooks.")
    yield from (path.stem for path in paths)
