"""The list of exercises: ``exercises/exercises.toml``, read and checked."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from workshop_kit.errors import WorkshopError
from workshop_kit.workspace.course import Course, FILE, MY_SERVICE, course_in, read_toml
from workshop_kit.exercises.entries import entry_problems
from workshop_kit.workspace.solutions import NOTEBOOK, Source, marked_sources
from workshop_kit.workspace.course import resolve

TRACKS = ("90min", "half-day", "full")


@dataclass(frozen=True)
class Exercise:
    """One exercise as its author registered it.

    ``id`` is ``prefix.name`` and never changes (``container.graceful``); ``lesson`` a notebook's name
    (``01_container``); ``task`` what to do, in plain text, a paragraph a line; ``minutes`` to do it and
    ``debrief_minutes`` to talk about it afterwards; ``tracks`` those that it is part of; ``guidelines`` what it serves
    (``factor 6, Logs``, ``Process Disposability``); ``hints`` three, the first diagnoses and the last nearly tells.
    ``first_hints`` are others in place of the first, each for a finding that has these words in it.
    ``file`` is what the participant edits; None for an exercise in the notebook, whose cell is
    ``exercise-<id with a dash for the dot>``. ``more_files`` have a region of the same id and are edited with it.
    ``judges`` says what the check looks at: ``service`` (builds ``my_service/``, where its files stand), ``file`` or
    ``notebook``; "" for a file below ``exercises/<lesson>/`` that is laid over the service's image.
    ``notebook`` is the lesson's second notebook (``02b_configuration_more``) where the exercise stands there.
    """

    id: str
    title: str
    lesson: str
    weight: Literal["core", "more"]
    task: str
    minutes: int
    debrief_minutes: int
    tracks: tuple[str, ...]
    guidelines: tuple[str, ...]
    hints: tuple[str, str, str]
    file: str | None = None
    first_hints: Mapping[str, str] = field(default_factory=dict)
    more_files: tuple[str, ...] = ()
    judges: Literal["service", "file", "notebook", ""] = ""
    notebook: str = ""

    @property
    def cell(self) -> str:
        """The id of the notebook cell that belongs to it: the participant's own, or the panel's."""
        return f"exercise-{self.id.replace('.', '-')}"

    @property
    def cells(self) -> tuple[str, ...]:
        """The ids of all notebook cells that it needs; one in the notebook has its panel in a cell before its own."""
        return (self.cell,) if self.file else (f"panel-{self.id.replace('.', '-')}", self.cell)

    @property
    def page(self) -> str:
        """The name of the notebook that has its cells."""
        return self.notebook or self.lesson

    @property
    def source(self) -> str:
        """The marked source that its region stands in, below ``solutions/<lesson>/``."""
        return self.file or NOTEBOOK

    @property
    def path(self) -> str:
        """What the participant edits, as a path in the workspace."""
        if self.file is None:
            return f"notebooks/{self.page}.ipynb"
        return f"{MY_SERVICE}/{self.file}" if self.judges == "service" else f"exercises/{self.lesson}/{self.file}"

    @property
    def parts(self) -> tuple[Exercise, ...]:
        """The same exercise once for each of its files, that of ``file`` first."""
        return (self, *(replace(self, file=name, more_files=()) for name in self.more_files))

    @property
    def all_minutes(self) -> int:
        """The minutes to do it and to talk about it."""
        return self.minutes + self.debrief_minutes


def load(root: Path) -> tuple[Exercise, ...]:
    """Return the exercises of the checkout ``root``, by lesson and then as they stand in exercises.toml.

    Raises WorkshopError with the first problem and how many there are.
    """
    document = read_toml(root)
    problems = _problems(document, root)
    if problems:
        more = f" ({len(problems)} problems in all)" if len(problems) > 1 else ""
        raise WorkshopError(f"{problems[0]}{more}", f"Mend {FILE}; `./workshop test` names every problem.")
    return _exercises(document)


def validate(root: Path) -> list[str]:
    """Return a sentence for every problem of the registry and of how it fits the sources, [] when there is none.

    Raises WorkshopError when exercises.toml cannot be read at all.
    """
    return _problems(read_toml(root), root)


def find(exercises: Sequence[Exercise], exercise_id: str) -> Exercise:
    """Return the exercise with this id, or with a beginning of it that no other has (``container.l``, ``lim``).

    Raises WrongUsage, naming those that fit, or the one that was probably meant.
    """
    by_id = {exercise.id: exercise for exercise in exercises}
    return by_id[resolve("exercise", exercise_id, by_id, ".", _advice(exercise_id, by_id))]


def _advice(exercise_id: str, by_id: Iterable[str]) -> str:
    lowered = exercise_id.strip().lower()
    names = {known.split(".")[1]: known for known in by_id}
    near = difflib.get_close_matches(lowered, [*by_id, *names], n=1, cutoff=0.5)
    if near:
        return f"Use `{names.get(near[0], near[0])}`, or another that `./workshop status` lists."
    return "Choose one that `./workshop status` lists."


def _exercises(document: Mapping[str, Any]) -> tuple[Exercise, ...]:
    """Return the entries, which have no problem, as exercises."""
    made = []
    for entry in document.get("exercise", []):
        fields: dict[str, Any] = {key: tuple(it) if isinstance(it, list) else it for key, it in entry.items()}
        made.append(Exercise(**fields))
    return tuple(sorted(made, key=lambda exercise: exercise.lesson))


def _problems(document: Mapping[str, Any], root: Path) -> list[str]:
    course = course_in(document)
    entries = document.get("exercise", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return [f"{FILE}: exercises are written as [[exercise]], one each."]
    found = [problem for number, entry in enumerate(entries, 1) for problem in entry_problems(entry, number, course)]
    found += _doubles(entries)
    if not found:  # only entries that can be read can be held against the sources
        found += _source_problems(_exercises(document), list(marked_sources(root)), course)
    return found


def _doubles(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    counts = Counter(str(entry.get("id")) for entry in entries if "id" in entry)
    return [
        f"{name} is registered {count} times; an id stands for one exercise."
        for name, count in counts.items()
        if count > 1
    ]


def _source_problems(exercises: Sequence[Exercise], sources: Sequence[Source], course: Course) -> Iterator[str]:
    """Yield what does not fit between entries and regions: each has the other, in the file that is named."""
    regions: dict[str, list[str]] = {}
    for source in sources:
        if course.lesson(source.lesson) is None:
            yield f"{source.name} is in no lesson; the lessons stand in {FILE}."
        try:
            names = source.ids()
        except WorkshopError as error:
            yield str(error)
            continue
        for name in names:
            regions.setdefault(name, []).append(source.name)
    for exercise in exercises:
        yield from _misplaced_regions(exercise, sources, regions.get(exercise.id, []))
    for name in sorted(set(regions) - {exercise.id for exercise in exercises}):
        yield f"{name} has a region in {regions[name][0]} and no [[exercise]] in {FILE}."


def _misplaced_regions(exercise: Exercise, sources: Sequence[Source], regions: Sequence[str]) -> Iterator[str]:
    expected = [f"solutions/{exercise.lesson}/{part.source}" for part in exercise.parts]
    for name in expected:
        if name not in {source.name for source in sources}:
            yield f"{exercise.id}: its source {name} is not there."
        elif name not in regions:
            yield f"{exercise.id}: {name} has no `# region {exercise.id}`."
    for name in regions:
        if name not in expected:
            yield f"{exercise.id}: its region stands in {name}, not in {' or '.join(expected)}."
