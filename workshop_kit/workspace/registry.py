"""The list of exercises: ``exercises/exercises.toml``, read and checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from workshop_kit.errors import WorkshopError, did_you_mean
from workshop_kit.guidelines import principles
from workshop_kit.workspace.course import FILE, MY_SERVICE, Course, load_course, read_toml, resolve
from workshop_kit.workspace.regions import ID
from workshop_kit.workspace.solutions import ANSWERS, NOTEBOOK, marked_sources, service_sources

GUIDELINES = tuple(
    f"factor {guideline.id.removeprefix('F')}, {guideline.name}" if guideline.id.startswith("F") else guideline.name
    for guideline in principles()
)
"""The names that exercises cite: ``factor 7, Disposability`` (the number with its name), ``Process Disposability``."""

Text = Annotated[str, StringConstraints(pattern=r"\S")]
FileName = Annotated[str, StringConstraints(pattern=r"^[\w.-]+$")]
Minutes = Annotated[int, Field(ge=1)]
AnyMinutes = Annotated[int, Field(ge=0)]
LessonName = Annotated[str, StringConstraints(pattern=r"^\d\d[a-z]?_\w+$")]
CellId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]+$")]
Guideline = Annotated[str, Field(json_schema_extra={"enum": list(GUIDELINES)})]


class Entry(BaseModel):
    """A table that authors write, without unknown keys; the docstrings of its fields are in the schema for editors."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Exercise(Entry):
    """One exercise as its author registered it."""

    id: Annotated[str, StringConstraints(pattern=f"^{ID}$")]
    """The lesson's prefix, a dot and a name: container.graceful. Progress is kept under it, so it never changes."""
    title: Text
    lesson: str
    """The name of the lesson's notebook: 01_container."""
    weight: Literal["core", "more"]
    """A core exercise is part of the lesson's minutes; the others are optional."""
    task: Text
    """The instructions in plain text, a paragraph a line."""
    minutes: Minutes
    """The minutes to do it."""
    debrief_minutes: AnyMinutes
    """The minutes to talk about it."""
    tracks: Annotated[tuple[str, ...], Field(min_length=1)]
    """The tracks that have it."""
    guidelines: Annotated[tuple[Guideline, ...], Field(min_length=1)]
    """The factors and principles that it serves."""
    hints: tuple[Text, Text, Text]
    """What is wrong with the starter, where to look, and nearly the solution."""
    file: FileName | None = None
    """The file to edit; none for an exercise in the notebook, in the cell exercise-ID with a dash for the dot."""
    alternatives: tuple[FileName, ...] = ()
    """Right answers in other styles: files or folders in solutions/<lesson>/answers/<id>/, which its check passes."""
    cheats: Mapping[FileName, Text] = {}
    """Answers that only please the check, in the same folder, with the key of the finding by which each fails."""
    more_files: tuple[FileName, ...] = ()
    """Further files with a region of the same id."""
    in_service: bool = False
    """true: its files are in my_service/, which the check builds; else they are in exercises/, or in the notebook."""
    notebook: str = ""
    """The lesson's second notebook (02b_configuration_more) if the exercise is in that one."""

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
        return f"{MY_SERVICE}/{self.file}" if self.in_service else f"exercises/{self.lesson}/{self.file}"

    @property
    def answers(self) -> str:
        """The folder of its alternatives and cheats, as a path in the checkout."""
        return f"solutions/{self.lesson}/{ANSWERS}/{self.id}"

    @property
    def parts(self) -> tuple[Exercise, ...]:
        """The same exercise once for each of its files, that of ``file`` first."""
        return (self, *(self.model_copy(update={"file": name, "more_files": ()}) for name in self.more_files))

    @property
    def all_minutes(self) -> int:
        """The minutes to do it and to talk about it."""
        return self.minutes + self.debrief_minutes


class TrackEntry(Entry):
    """A way through the workshop."""

    minutes: Minutes
    """The sum of its lessons' minutes."""
    exercises: Minutes | None = None
    """The most core exercises that it may ask for; none: as many as fit."""
    welcome: AnyMinutes = 0
    demo: AnyMinutes = 0
    """The minutes of the instructor's demo, after the first lesson."""
    break_after: Minutes = 90
    """A break comes after so many minutes of lessons and demo at most."""
    break_minutes: AnyMinutes = 0
    lunch_minutes: AnyMinutes = 0
    buffer: AnyMinutes = 0
    wrap_up: AnyMinutes = 0
    total: AnyMinutes = 0
    """The minutes of the whole timetable."""
    second_day: LessonName | None = None
    """The lesson with which a second day begins."""


class LessonEntry(Entry):
    """A lesson, by the name of its notebook."""

    title: Text
    prefix: Annotated[str, StringConstraints(pattern=r"^[a-z]+$")] | None = None
    """The first part of its exercises' ids."""
    minutes: Mapping[str, Minutes] = {}
    """The minutes for talking, doing and debriefing on each track that has it."""
    more: bool = False
    """true: a lesson's second notebook, with what nobody has to do; minutes, if any, are those of a visit."""
    visit: str = ""
    """What a second notebook is visited for."""


class SectionEntry(Entry, extra="allow"):
    """A part of a lesson: its minutes on each track; a track that is not named skips it."""

    __pydantic_extra__: dict[str, Minutes] = Field(init=False)

    rest: bool = False
    """A break may come before it."""
    cells: Mapping[str, tuple[CellId, ...]] = {}
    """The cells that a track has of it besides the first one, where it has not all of them."""


class Registry(Entry):
    """exercises.toml: the tracks, the lessons with their sections, and the exercises."""

    tracks: Mapping[str, TrackEntry]
    lessons: Mapping[LessonName, LessonEntry]
    sections: Mapping[LessonName, Mapping[CellId, SectionEntry]] = {}
    exercise: tuple[Exercise, ...] = ()


def load(root: Path) -> tuple[Exercise, ...]:
    """Return the exercises of the checkout ``root``, by lesson and then in the order of exercises.toml.

    Raises WorkshopError with a sentence for every problem of the registry and of its match with the sources.
    """
    document = read_toml(root)
    try:
        exercises = Registry.model_validate(document).exercise
    except ValidationError as error:
        problems = [_sentence(problem["loc"], problem["msg"], document) for problem in error.errors()]
    else:  # only a complete list can be compared with the sources
        problems = [
            *_unknown_names(exercises, load_course(root)),
            *_misplaced_regions(exercises, root),
            *_missing_answers(exercises, root),
        ]

    if problems:
        raise WorkshopError(" ".join(problems), f"Correct {FILE}, or the file in solutions/.")
    return tuple(sorted(exercises, key=lambda exercise: exercise.lesson))


def find(exercises: Sequence[Exercise], exercise_id: str) -> Exercise:
    """Return the exercise with this id, or with a beginning of it that no other has (``container.l``, ``lim``).

    Raises WrongUsage with the ids that fit, or the nearest one.
    """
    by_id = {exercise.id: exercise for exercise in exercises}
    advice = f"{did_you_mean(exercise_id.lower(), by_id)} Choose one that `./workshop status` lists.".lstrip()
    return by_id[resolve("exercise", exercise_id, by_id, ".", advice)]


def _sentence(place: tuple[int | str, ...], problem: str, document: Mapping[str, Any]) -> str:
    """Return a sentence for a problem, with the id of its exercise where it has one."""
    name = FILE
    field = place
    if place[0] == "exercise" and len(place) > 2:
        name = document["exercise"][place[1]].get("id", f"{FILE}, exercise {int(place[1]) + 1}")
        field = place[2:]
    return f"{name}: `{'.'.join(map(str, field))}`: {problem}."


def _unknown_names(exercises: Sequence[Exercise], course: Course) -> Iterator[str]:
    """Yield a sentence for every id that is there twice, and every unknown lesson, prefix, track and guideline."""
    counts = Counter(exercise.id for exercise in exercises)
    yield from (f"{name} is registered {count} times." for name, count in counts.items() if count > 1)
    for exercise in exercises:
        lesson = course.lesson(exercise.lesson)
        if lesson is None:
            yield f"{exercise.id}: there is no lesson {exercise.lesson}."
        elif not exercise.id.startswith(f"{lesson.prefix}."):
            yield f"{exercise.id}: an id of {lesson.name} begins with `{lesson.prefix}.`."

        names = {*exercise.tracks, *exercise.guidelines} - {*course.tracks, *GUIDELINES}
        yield from (f"{exercise.id}: there is no track or guideline {name!r}." for name in sorted(names))


def _misplaced_regions(exercises: Sequence[Exercise], root: Path) -> Iterator[str]:
    """Yield a sentence for every exercise without its regions and every region without its exercise."""
    sources = marked_sources(root)
    marked = {(name, source.name) for source in sources for name in source.ids()}
    of_service = {source.file: source.name for source in service_sources(root)}
    registered = set()
    for exercise in exercises:
        for part in exercise.parts:
            lesson_source = f"solutions/{exercise.lesson}/{part.source}"
            source_name = of_service.get(part.source, lesson_source) if exercise.in_service else lesson_source
            registered.add((exercise.id, source_name))

    yield from (f"{name}: {file} has no `# region {name}`." for name, file in sorted(registered - marked))
    unregistered = sorted(marked - registered)
    yield from (f"{name} has a region in {file}, and no [[exercise]] for it." for name, file in unregistered)


def _missing_answers(exercises: Sequence[Exercise], root: Path) -> Iterator[str]:
    """Yield a sentence for every alternative or cheat that is not there."""
    for exercise in exercises:
        for name in (*exercise.alternatives, *exercise.cheats):
            if not (root / exercise.answers / name).exists():
                yield f"{exercise.id}: there is no {exercise.answers}/{name}."
