"""The list of exercises: ``exercises/exercises.toml``, read and checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from workshop_kit.audit.catalog import principles
from workshop_kit.errors import WorkshopError, did_you_mean
from workshop_kit.workspace.course import FILE, MY_SERVICE, Course, load_course, read_toml, resolve
from workshop_kit.workspace.regions import ID
from workshop_kit.workspace.solutions import NOTEBOOK, marked_sources

GUIDELINES = tuple(
    f"factor {one.id.removeprefix('F')}, {one.name}" if one.id.startswith("F") else one.name for one in principles()
)
"""The names that exercises cite: ``factor 7, Disposability`` (the number with its name), ``Process Disposability``."""

Text = Annotated[str, StringConstraints(pattern=r"\S")]
FileName = Annotated[str, StringConstraints(pattern=r"^[\w.-]+$")]


class Exercise(BaseModel):
    """One exercise as its author registered it.

    ``id`` is ``prefix.name`` and never changes (``container.graceful``); ``lesson`` a notebook's name
    (``01_container``); ``task`` the instructions in plain text, a paragraph a line; ``minutes`` to do it and
    ``debrief_minutes`` to talk about it; ``tracks`` those that have it; ``guidelines`` the principles that it serves;
    ``hints`` three, from a diagnosis to nearly the solution. ``first_hints`` replace the first hint for a finding
    that contains their key. ``file`` is the file to edit; None for an exercise in the notebook, in the cell
    ``exercise-<id with a dash for the dot>``. ``more_files`` have a region of the same id.
    ``judges`` is ``service`` if the check builds ``my_service/``, where its files are, and ``notebook`` for an exercise
    in the notebook; "" for another file, below ``exercises/<lesson>/``.
    ``notebook`` is the lesson's second notebook (``02b_configuration_more``) if the exercise is in that one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, StringConstraints(pattern=f"^{ID}$")]
    title: Text
    lesson: str
    weight: Literal["core", "more"]
    task: Text
    minutes: Annotated[int, Field(ge=1)]
    debrief_minutes: Annotated[int, Field(ge=0)]
    tracks: Annotated[tuple[str, ...], Field(min_length=1)]
    guidelines: Annotated[tuple[str, ...], Field(min_length=1)]
    hints: tuple[Text, Text, Text]
    file: FileName | None = None
    first_hints: Mapping[Text, Text] = {}
    more_files: tuple[FileName, ...] = ()
    judges: Literal["service", "notebook", ""] = ""
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


def load(root: Path) -> tuple[Exercise, ...]:
    """Return the exercises of the checkout ``root``, by lesson and then in the order of exercises.toml.

    Raises WorkshopError with a sentence for every problem of the registry and of its match with the sources.
    """
    exercises, problems = [], []
    for number, entry in enumerate(read_toml(root).get("exercise", []), 1):
        try:
            exercises.append(Exercise.model_validate(entry))
        except ValidationError as error:
            name = entry.get("id", f"{FILE}, exercise {number}")
            problems += [f"{name}: `{'.'.join(map(str, one['loc']))}`: {one['msg']}." for one in error.errors()]
    if not problems:  # only a complete list can be compared with the sources
        problems = [*_unknown_names(exercises, load_course(root)), *_misplaced_regions(exercises, root)]
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
    found = {(name, source.name) for source in sources for name in source.ids()}
    wanted = {
        (exercise.id, f"solutions/{exercise.lesson}/{part.source}") for exercise in exercises for part in exercise.parts
    }
    yield from (f"{name}: {file} has no `# region {name}`." for name, file in sorted(wanted - found))
    yield from (f"{name} has a region in {file}, and no [[exercise]] for it." for name, file in sorted(found - wanted))
