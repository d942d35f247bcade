"""The list of exercises: ``exercises/exercises.toml``, read and checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from workshop_kit.errors import WorkshopError, did_you_mean
from workshop_kit.files import read_document
from workshop_kit.guidelines import principles
from workshop_kit.workspace.course import FILE, MY_SERVICE, Course, load_course, resolve
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


class Entry(BaseModel):
    """A table that authors write, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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
    guidelines: Annotated[tuple[str, ...], Field(min_length=1)]
    """The factors and principles that it serves."""
    hints: tuple[Text, Text, Text]
    """What is wrong with the starter, where to look, and nearly the solution."""
    file: FileName | None = None
    """The file to edit; none for an exercise in the notebook, in the cell exercise-ID with a dash for the dot."""
    alternatives: tuple[FileName, ...] = ()
    """Right answers in other styles: files or folders in solutions/<lesson>/answers/<id>/, which its check passes."""
    cheats: Mapping[FileName, Text] = {}
    """Answers that only please the check, in the same folder, each with the key, or a part of the sentence, of the
    finding by which it fails."""
    more_files: tuple[FileName, ...] = ()
    """Further files with a region of the same id."""
    in_service: bool = False
    """true: its files are in my_service/, which the check builds; else they are in exercises/, or in the notebook."""
    notebook: str = ""
    """The lesson's second notebook (02b_configuration_more) if the exercise is in that one."""

    @property
    def cell(self) -> str:
        """The id of its cell: for an exercise in the notebook the participant's own, for one in a file the panel's."""
        return f"exercise-{self.id.replace('.', '-')}"

    @property
    def cells(self) -> tuple[str, ...]:
        """The ids of all its cells; an exercise in the notebook has its panel in a cell above the participant's own."""
        if self.file:
            return (self.cell,)
        panel_cell = f"panel-{self.id.replace('.', '-')}"
        return panel_cell, self.cell

    @property
    def page(self) -> str:
        """The name of the notebook that its cells are in."""
        return self.notebook or self.lesson

    @property
    def source(self) -> str:
        """The name of the marked source with its region, below ``solutions/<lesson>/``."""
        return self.file or NOTEBOOK

    @property
    def path(self) -> str:
        """The file that the participant edits, as a path in the workspace."""
        if self.file is None:
            return f"notebooks/{self.page}.ipynb"
        if self.in_service:
            return f"{MY_SERVICE}/{self.file}"
        return f"exercises/{self.lesson}/{self.file}"

    @property
    def answers(self) -> str:
        """The folder of its alternatives and cheats, as a path in the checkout."""
        return f"solutions/{self.lesson}/{ANSWERS}/{self.id}"

    @property
    def parts(self) -> tuple[Exercise, ...]:
        """The exercise itself, and a copy of it for each of its further files, which has that file as its ``file``."""
        copies = [self.model_copy(update={"file": name, "more_files": ()}) for name in self.more_files]
        return (self, *copies)

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

    Raises WorkshopError with a sentence for every problem: in the file, or between it and the marked sources.
    """
    document = read_document(root / FILE)
    try:
        exercises = Registry.model_validate(document).exercise
    except ValidationError as error:
        problems = [_problem_sentence(problem["loc"], problem["msg"], document) for problem in error.errors()]
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
    """Return the exercise that ``exercise_id`` means: its id, or a beginning that fits no other (``container.l``).

    The name behind the dot, or its beginning, will do (``lim``). Raises WrongUsage with the ids that fit, or the
    nearest one.
    """
    exercises_by_id = {exercise.id: exercise for exercise in exercises}
    question = did_you_mean(exercise_id.lower(), exercises_by_id)
    advice = f"{question} Choose one that `./workshop status` lists.".lstrip()
    full_id = resolve("exercise", exercise_id, exercises_by_id, ".", advice)
    return exercises_by_id[full_id]


def _problem_sentence(place: tuple[int | str, ...], problem: str, document: Mapping[str, Any]) -> str:
    """Return a sentence for a problem that pydantic found at ``place``: with the exercise's id if it is in one."""
    name = FILE
    field = place
    if place[0] == "exercise" and len(place) > 2:
        index = int(place[1])
        name = document["exercise"][index].get("id", f"{FILE}, exercise {index + 1}")
        field = place[2:]

    dotted_field = ".".join(map(str, field))
    return f"{name}: `{dotted_field}`: {problem}."


def _unknown_names(exercises: Sequence[Exercise], course: Course) -> Iterator[str]:
    """Yield a sentence for every id that is registered twice, and for unknown lessons, prefixes, tracks, guidelines."""
    counts = Counter(exercise.id for exercise in exercises)
    yield from (f"{name} is registered {count} times." for name, count in counts.items() if count > 1)

    for exercise in exercises:
        lesson = course.lesson(exercise.lesson)
        if lesson is None:
            yield f"{exercise.id}: there is no lesson {exercise.lesson}."
        elif not exercise.id.startswith(f"{lesson.prefix}."):
            yield f"{exercise.id}: an id of {lesson.name} begins with `{lesson.prefix}.`."

        names = {*exercise.tracks, *exercise.guidelines}
        unknown_names = names - {*course.tracks, *GUIDELINES}
        yield from (f"{exercise.id}: there is no track or guideline {name!r}." for name in sorted(unknown_names))


def _misplaced_regions(exercises: Sequence[Exercise], root: Path) -> Iterator[str]:
    """Yield a sentence for every exercise without its regions and every region without its exercise."""
    marked = {(name, source.name) for source in marked_sources(root) for name in source.ids()}
    registered = _registered_regions(exercises, root)

    missing = sorted(registered - marked)
    yield from (f"{name}: {file} has no `# region {name}`." for name, file in missing)
    unregistered = sorted(marked - registered)
    yield from (f"{name} has a region in {file}, and no [[exercise]] for it." for name, file in unregistered)


def _registered_regions(exercises: Sequence[Exercise], root: Path) -> set[tuple[str, str]]:
    """Return each exercise's id with the path of each marked source that must have its region."""
    source_names = {source.file: source.name for source in service_sources(root)}
    registered: set[tuple[str, str]] = set()
    for exercise in exercises:
        for part in exercise.parts:
            source_name = f"solutions/{exercise.lesson}/{part.source}"
            if exercise.in_service:  # the source may be in an earlier lesson's folder
                source_name = source_names.get(part.source, source_name)
            registered.add((exercise.id, source_name))
    return registered


def _missing_answers(exercises: Sequence[Exercise], root: Path) -> Iterator[str]:
    """Yield a sentence for every alternative or cheat whose file or folder is missing."""
    for exercise in exercises:
        for name in (*exercise.alternatives, *exercise.cheats):
            if not (root / exercise.answers / name).exists():
                yield f"{exercise.id}: there is no {exercise.answers}/{name}."
