"""The predictions of a lesson, in a file beside its notebook: ``notebooks/NN_lesson.predictions.toml``.

A table for each prediction; the table's name is its id. ``right`` is the key of the option that usually happens::

    [shell-form-stop]
    question = "You stop the container. What happens?"
    right = "killed"
    [shell-form-stop.options]
    at-once = { text = "It ends at once.", reason = "It would, if the signal reached it." }
    ...
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from workshop_kit.errors import WorkshopError, WrongUsage

SUFFIX = ".predictions.toml"
OPTIONS = 4

Sentence = Annotated[str, Field(min_length=1)]


class Option(BaseModel):
    """One answer, and the sentence that says why it is so, or not; the sentence is shown after the experiment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: Sentence
    reason: Sentence


class Question(BaseModel):
    """A prediction as its author wrote it; ``options`` maps short keys to answers, in the order shown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: Sentence
    right: str
    options: Mapping[str, Option]

    @model_validator(mode="after")
    def _has_four_options_and_the_right_one(self) -> Self:
        if len(self.options) != OPTIONS:
            raise ValueError(f"a prediction has {OPTIONS} options, not {len(self.options)}")
        if self.right not in self.options:
            raise ValueError(f"`right` is {self.right!r}, which is none of its options ({', '.join(self.options)})")
        return self


LESSON = TypeAdapter(dict[str, Question])


def load(lesson: str, folder: Path) -> dict[str, Question]:
    """Return the predictions of a lesson, by id. Raises WorkshopError for a file that is not there, or not complete."""
    path = folder / f"{lesson}{SUFFIX}"
    try:
        return LESSON.validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise WorkshopError(
            f"{lesson} has no predictions: {path.name} cannot be read.", f"Write {path} as its neighbors are written."
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise WorkshopError(f"{path.name} is not TOML: {error}.", "Mend that line.") from error
    except ValidationError as error:
        raise WorkshopError(
            f"{path.name}: {_first_problem(error)}.",
            "Give it four options with text and reason, and name the right one.",
        ) from error


def load_all(folder: Path) -> dict[str, Question]:
    """Return the predictions of all lessons, by the id under which progress keeps a guess (``lesson.id``)."""
    lessons = [path.name.removesuffix(SUFFIX) for path in sorted(folder.glob(f"*{SUFFIX}"))]
    return {f"{lesson}.{name}": one for lesson in lessons for name, one in load(lesson, folder).items()}


def find(identifier: str, lesson: str, folder: Path) -> Question:
    """Return one prediction of a lesson. Raises WrongUsage for an unknown id, with the one that was probably meant."""
    known = load(lesson, folder)
    if identifier not in known:
        near = difflib.get_close_matches(identifier, known, n=1)
        advice = f"Did you mean {near[0]!r}?" if near else f"Use one of: {', '.join(known)}."
        raise WrongUsage(f"{lesson}{SUFFIX} has no prediction {identifier!r}.", advice)
    return known[identifier]


def _first_problem(error: ValidationError) -> str:
    """Return what is wrong first, with its place: ``stop.options.killed.reason: Field required``."""
    first, *more = error.errors()
    where = ".".join(str(part) for part in first["loc"])
    also = f" ({len(more) + 1} problems in all)" if more else ""
    return f"{where}: {first['msg'].removeprefix('Value error, ')}{also}"
