"""Check the list of exercises: every table of exercises.toml, and its exercises against their solutions and answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from workshop_kit.errors import WorkshopError
from workshop_kit.files import read_document
from workshop_kit.guidelines import Principle, principles
from workshop_kit.workspace import steps
from workshop_kit.workspace.course import FILE, Course, load_course
from workshop_kit.workspace.exercise_list import Exercise, ExerciseDocument


def require_sound(root: Path) -> None:
    """Raise WorkshopError with a sentence for every problem: in exercises.toml, or between it and ``solutions/``."""
    document = read_document(root / FILE)
    try:
        exercises = ExerciseDocument.model_validate(document).exercise
    except ValidationError as error:
        problems = [_problem_sentence(problem["loc"], problem["msg"], document) for problem in error.errors()]
    else:  # only a complete list can be compared with the sources
        problems = [
            *_unknown_names(exercises, load_course(root)),
            *_missing_answers(exercises, root),
        ]

    if problems:
        raise WorkshopError(" ".join(problems), f"Correct {FILE}, or the file in solutions/.")


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


def _cited_name(guideline: Principle) -> str:
    """Return the name by which exercises cite a guideline: ``factor 7, Disposability``, ``Process Disposability``."""
    if guideline.id.startswith("F"):
        return f"factor {guideline.id.removeprefix('F')}, {guideline.name}"
    return guideline.name


def _unknown_names(exercises: Sequence[Exercise], course: Course) -> Iterator[str]:
    """Yield a sentence for every id that is registered twice, and for unknown lessons, prefixes and guidelines."""
    counts = Counter(exercise.id for exercise in exercises)
    yield from (f"{name} is registered {count} times." for name, count in counts.items() if count > 1)

    known_names = {_cited_name(principle) for principle in principles()}
    for exercise in exercises:
        lesson = course.lesson(exercise.lesson)
        if lesson is None:
            yield f"{exercise.id}: there is no lesson {exercise.lesson}."
        elif not exercise.id.startswith(f"{lesson.prefix}."):
            yield f"{exercise.id}: an id of {lesson.name} begins with `{lesson.prefix}.`."

        unknown_names = set(exercise.guidelines) - known_names
        yield from (f"{exercise.id}: there is no guideline {name!r}." for name in sorted(unknown_names))


def _missing_answers(exercises: Sequence[Exercise], root: Path) -> Iterator[str]:
    """Yield a sentence for every solution, alternative or cheat whose file is missing, and for unknown exercises."""
    ids = {exercise.id for exercise in exercises}
    for exercise in exercises:
        for name in (exercise.file or steps.CELL, *exercise.more_files):
            if not (root / exercise.solution / name).is_file():
                yield f"{exercise.id}: there is no {exercise.solution}/{name}."
        yield from (
            f"{exercise.id} builds on {name}, which is unknown." for name in exercise.builds_on if name not in ids
        )
        for name in (*exercise.alternatives, *exercise.cheats):
            if not (root / exercise.answers / name).exists():
                yield f"{exercise.id}: there is no {exercise.answers}/{name}."
