"""The list of exercises: ``exercises/exercises.toml``, read and checked."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails

from workshop_kit.audit.catalog import principles
from workshop_kit.errors import WorkshopError
from workshop_kit.workspace.course import FILE, MY_SERVICE, Course, course_in, read_toml, resolve
from workshop_kit.workspace.regions import ID
from workshop_kit.workspace.solutions import NOTEBOOK, Source, marked_sources

GUIDELINES = tuple(
    f"factor {one.id.removeprefix('F')}, {one.name}" if one.id.startswith("F") else one.name for one in principles()
)
"""The names that exercises cite: ``factor 7, Disposability`` (the number with its name), ``Process Disposability``."""


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text


def _relative_path(name: str) -> str:
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or str(path) != name:
        raise ValueError(f"is {name!r}; write a path below the lesson's folder")
    if name == NOTEBOOK:
        raise ValueError(f"is {NOTEBOOK}; leave it out for an exercise in the notebook")
    return name


Text = Annotated[str, AfterValidator(_not_blank)]
Name = Annotated[str, AfterValidator(_relative_path)]


class Exercise(BaseModel):
    """One exercise as its author registered it.

    ``id`` is ``prefix.name`` and never changes (``container.graceful``); ``lesson`` a notebook's name
    (``01_container``); ``task`` the instructions in plain text, a paragraph a line; ``minutes`` to do it and
    ``debrief_minutes`` to talk about it; ``tracks`` those that have it; ``guidelines`` the principles that it serves;
    ``hints`` three, from a diagnosis to nearly the solution. ``first_hints`` replace the first hint for a finding
    that contains their key. ``file`` is the file to edit; None for an exercise in the notebook, in the cell
    ``exercise-<id with a dash for the dot>``. ``more_files`` have a region of the same id.
    ``judges`` says what the check looks at: ``service`` (builds ``my_service/``, where its files are), ``file`` or
    ``notebook``; "" for a file below ``exercises/<lesson>/`` that is copied over the service's image.
    ``notebook`` is the lesson's second notebook (``02b_configuration_more``) if the exercise is in that one.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    id: str
    title: Text
    lesson: str
    weight: Literal["core", "more"]
    task: Text
    minutes: Annotated[int, Field(ge=1)]
    debrief_minutes: Annotated[int, Field(ge=0)]
    tracks: Annotated[tuple[str, ...], Field(min_length=1)]
    guidelines: Annotated[tuple[str, ...], Field(min_length=1)]
    hints: tuple[Text, Text, Text]
    file: Name | None = None
    first_hints: Mapping[Text, Text] = {}
    more_files: tuple[Name, ...] = ()
    judges: Literal["service", "file", "notebook", ""] = ""
    notebook: str = ""

    @property
    def cell(self) -> str:
        """The id of the notebook cell that belongs to it: the participant's own, or the panel's."""
        return f"exercise-{self.id.replace('.', '-')}"

    @property
    def cells(self) -> tuple[str, ...]:
        """The ids of all its notebook cells; an exercise in the notebook has its panel in a cell before its own."""
        return (self.cell,) if self.file else (f"panel-{self.id.replace('.', '-')}", self.cell)

    @property
    def page(self) -> str:
        """The name of the notebook that has its cells."""
        return self.notebook or self.lesson

    @property
    def source(self) -> str:
        """The marked source with its region, below ``solutions/<lesson>/``."""
        return self.file or NOTEBOOK

    @property
    def path(self) -> str:
        """The file that the participant edits, as a path in the workspace."""
        if self.file is None:
            return f"notebooks/{self.page}.ipynb"
        return f"{MY_SERVICE}/{self.file}" if self.judges == "service" else f"exercises/{self.lesson}/{self.file}"

    @property
    def parts(self) -> tuple[Exercise, ...]:
        """The same exercise once for each of its files, that of ``file`` first."""
        return (self, *(self.model_copy(update={"file": name, "more_files": ()}) for name in self.more_files))

    @property
    def all_minutes(self) -> int:
        """The minutes to do it and to talk about it."""
        return self.minutes + self.debrief_minutes

    @field_validator("id")
    @classmethod
    def _id(cls, value: str) -> str:
        if not re.fullmatch(ID, value):
            raise ValueError(f"is {value!r}; write `prefix.name` in small letters")
        return value

    @field_validator("lesson")
    @classmethod
    def _lesson(cls, value: str, info: ValidationInfo) -> str:
        course: Course | None = info.context
        if course is None:
            return value
        lesson, exercise_id = course.lesson(value), info.data.get("id")
        if lesson is None:
            raise ValueError(f"is {value!r}; it is one of {', '.join(one.name for one in course.lessons)}")
        if not lesson.prefix:
            raise ValueError(f"is {value}, which has no exercises")
        if exercise_id is not None and not exercise_id.startswith(f"{lesson.prefix}."):
            raise ValueError(f"is {value}, where an id begins with `{lesson.prefix}.`")
        return value

    @field_validator("tracks", "guidelines")
    @classmethod
    def _known(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        course: Course | None = info.context
        if course is None:
            return value
        known = tuple(course.tracks) if info.field_name == "tracks" else GUIDELINES
        for name in value:
            if name not in known:
                raise ValueError(f"names {name!r}; known are {', '.join(known)}")
        if len(set(value)) < len(value):
            raise ValueError("names one twice")
        return value


def load(root: Path) -> tuple[Exercise, ...]:
    """Return the exercises of the checkout ``root``, by lesson and then in the order of exercises.toml.

    Raises WorkshopError with the first problem and how many there are.
    """
    exercises, problems = _read(root)
    if problems:
        more = f" ({len(problems)} problems in all)" if len(problems) > 1 else ""
        raise WorkshopError(f"{problems[0]}{more}", f"Mend {FILE}; `./workshop test` names every problem.")
    return exercises


def validate(root: Path) -> list[str]:
    """Return a sentence for every problem of the registry and of its match with the sources, [] without any.

    Raises WorkshopError when exercises.toml cannot be read at all.
    """
    return _read(root)[1]


def find(exercises: Sequence[Exercise], exercise_id: str) -> Exercise:
    """Return the exercise with this id, or with a beginning of it that no other has (``container.l``, ``lim``).

    Raises WrongUsage with the ids that fit, or the nearest one.
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


def _read(root: Path) -> tuple[tuple[Exercise, ...], list[str]]:
    """Return the exercises that can be read, and a sentence for every problem."""
    document = read_toml(root)
    course, entries = course_in(document), document.get("exercise", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return (), [f"{FILE}: exercises are written as [[exercise]], one each."]
    exercises, problems = [], []
    for number, entry in enumerate(entries, 1):
        values = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
        try:
            exercises.append(Exercise.model_validate(values, context=course))
        except ValidationError as error:
            name = entry.get("id") or f"{FILE}, exercise {number}"
            problems += [f"{name}: {_sentence(one)}." for one in error.errors()]
    counts = Counter(str(entry["id"]) for entry in entries if "id" in entry)
    problems += [
        f"{name} is registered {n} times; an id stands for one exercise." for name, n in counts.items() if n > 1
    ]
    found = tuple(sorted(exercises, key=lambda exercise: exercise.lesson))
    if not problems:  # only a complete list can be compared with the sources
        problems = list(_source_problems(found, list(marked_sources(root)), course))
    return found, problems


def _sentence(error: ErrorDetails) -> str:
    """Return a problem of one field as a clause: "`hints`, number 3, is missing"."""
    field, *inside = error["loc"]
    place = f"`{field}`"
    if inside and inside[0] != "[key]":
        place += f", number {inside[0] + 1}," if isinstance(inside[0], int) else f" for {inside[0]!r}"
    match error["type"]:
        case "missing":
            return f"{place} is missing"
        case "extra_forbidden":
            return f"{place} is no field of an exercise; they are {', '.join(Exercise.model_fields)}"
        case "value_error":
            return f"{place} {error['ctx']['error']}"
    return f"{place} is {error['input']!r}; {error['msg'][0].lower()}{error['msg'][1:]}"


def _source_problems(exercises: Sequence[Exercise], sources: Sequence[Source], course: Course) -> Iterator[str]:
    """Yield a sentence for every entry without its regions and every region without its entry."""
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
