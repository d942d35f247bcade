"""What findings say: read from ``exercises/findings/``, a file for each lesson, so that no check holds prose.

A check names a finding by a short key and passes values; texts have them in braces (``{command}``)::

    [dockerfile.stops]
    called = "docker stop: SIGTERM to process 1"
    expected = "process 1 is the service"

    [dockerfile.stops.shell]
    means = "Process 1 is a shell, which passes no signal on."
    look = "Who starts the command when CMD is not a JSON list?"
    hint = "Docker puts /bin/sh -c before a CMD that is no JSON list."

A finding with one way to fail has ``means`` and ``look`` itself; one with several has a table for each. ``hint`` takes
the place of the exercise's first hint; one beside ``called`` is for each way that has none. New checks have their
words in place (see `expect`).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from workshop_kit.errors import WorkshopError
from workshop_kit.files import read_document
from workshop_kit.paths import CHECKOUT
from workshop_kit.trials.result import Finding

FOLDER = "exercises/findings"
SUCCESS_KEY = "shown"
NAMED = 3
Text = Annotated[str, StringConstraints(pattern=r"\S")]


class Failure(BaseModel):
    """One way in which a finding fails: what it means, where to look, and the first hint for it (none: the usual)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    means: Text
    look: Text
    hint: str = ""


class Texts(BaseModel):
    """The texts of one finding. ``failures`` has a table for each way to fail; "" is the only one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    called: Text
    expected: Text
    failures: Mapping[str, Failure]
    hint: str = ""

    @classmethod
    def read(cls, table: Mapping[str, Any]) -> Texts:
        """Return the texts of a finding's table in the file. Raises ValidationError.

        A finding with several ways to fail has a table for each; one with a single way has its texts directly.
        """
        failures = {name: value for name, value in table.items() if isinstance(value, dict)}
        if failures:
            own_texts = {name: value for name, value in table.items() if name not in failures}
            return cls.model_validate({"called": "", "expected": "", **own_texts, "failures": failures})

        only_failure = {name: value for name, value in table.items() if name not in ("called", "expected")}
        called = table.get("called", "")
        expected = table.get("expected", "")
        return cls.model_validate({"called": called, "expected": expected, "failures": {"": only_failure}})


@dataclass(frozen=True)
class Findings:
    """The findings of one exercise; ``success_summary`` is one of its ``sentences``."""

    exercise: str
    sentences: Mapping[str, str]
    texts: Mapping[str, Texts]

    @property
    def success_summary(self) -> str:
        """The summary of a right answer."""
        return self.sentences.get(SUCCESS_KEY, "")

    def passed(self, key: str, observation: str, **values: Any) -> Finding:
        """Return the finding ``key`` with what came back, which was as expected."""
        texts = self.texts[key]
        return Finding(
            True,
            texts.called.format(**values),
            observation,
            texts.expected.format(**values),
            key=f"{self.exercise}.{key}",
        )

    def failed(self, key: str, observation: str, **values: Any) -> Finding:
        """Return the finding ``key``, failed, with what came back; ``stops.shell`` names one of the ways to fail."""
        name, _, way = key.partition(".")
        texts = self.texts[name]
        failure = texts.failures[way]
        return Finding(
            False,
            texts.called.format(**values),
            observation,
            texts.expected.format(**values),
            failure.means.format(**values),
            failure.look.format(**values),
            key=f"{self.exercise}.{key}",
        )

    def found(self, passed: bool, key: str, observation: str, **values: Any) -> Finding:
        """Return the finding ``key``, passed or failed; ``stops.shell`` names the way in which it may have failed."""
        if passed:
            name, _, _ = key.partition(".")
            return self.passed(name, observation, **values)
        return self.failed(key, observation, **values)

    def equals(self, key: str, observation: str, **values: Any) -> Finding:
        """Return a finding that passes if what came back is what was expected, to the letter."""
        name, _, _ = key.partition(".")
        expected = self.texts[name].expected.format(**values)
        return self.found(observation == expected, key, observation, **values)

    def has_none(self, key: str, items: Iterable[str], **values: Any) -> Finding:
        """Return a finding that passes if there are no items; it names the first three."""
        all_items = [*items]
        item_text = ", ".join(all_items[:NAMED]) or "none"
        if len(all_items) > NAMED:
            item_text += f" and {len(all_items) - NAMED} more"
        return self.found(not all_items, key, item_text, **values)

    def hint(self, key: str) -> str:
        """Return the first hint for the full key of a failed finding; "" where it has none."""
        name, _, way = key.removeprefix(f"{self.exercise}.").partition(".")
        texts = self.texts.get(name)
        if texts is None or way not in texts.failures:
            return ""
        return texts.failures[way].hint or texts.hint


def findings(exercise: str, root: Path = CHECKOUT) -> Findings:
    """Return the findings of an exercise; none for one whose file has no table for it. Raises WorkshopError."""
    prefix, _, name = exercise.partition(".")
    file_tables = _file(root, prefix)
    table = file_tables.get(name, {}) if name else file_tables
    sentences = {key: value for key, value in table.items() if isinstance(value, str)}

    try:
        texts = {key: Texts.read(value) for key, value in table.items() if key not in sentences}
    except ValidationError as error:
        first_problem = error.errors()[0]
        place = ".".join(map(str, first_problem["loc"]))
        sentence = f"{FOLDER}/{prefix}.toml, {name or prefix}: `{place}`: {first_problem['msg']}."
        raise WorkshopError(sentence, "Correct that text.") from error

    return Findings(exercise, sentences, texts)


def hint(exercise: str, key: str, root: Path = CHECKOUT) -> str:
    """Return the first hint for the full key of a finding that an exercise's check failed; "" where it has none."""
    return findings(exercise, root).hint(key)


@functools.cache
def _file(root: Path, prefix: str) -> Mapping[str, Any]:
    """Return the tables of a lesson's file; none without a file. Raises NotReady for one that is no TOML."""
    path = root / FOLDER / f"{prefix}.toml"
    tables: dict[str, Any] = read_document(path) if path.is_file() else {}
    return tables
