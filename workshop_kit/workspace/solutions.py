"""The marked sources in ``solutions/``, and the files of the participant that are made from them.

The service grows with the lessons. Each of its files has one source, with all stages of the file.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from workshop_kit.files import files_below, read_document, write_atomically
from workshop_kit.workspace import regions
from workshop_kit.workspace.course import FILE, MY_SERVICE
from workshop_kit.workspace.regions import FileStage

NOTEBOOK = "notebook.py"
"""The file of a lesson's exercises that are done in the notebook: a region becomes a cell."""
FIRST = "01_container"
"""The lesson that makes ``my_service/``."""
ANSWERS = "answers"
"""The folder of a lesson with other right answers, and with answers that only please a check."""
LATER_SERVICE_FILE = "orders.py"
"""A file that is there once the service is more than that of lesson 01."""
TOOLS = "tools.py"
"""The participant's own helpers, beside the notebooks."""
README = "README.md"
"""Lesson 06 adds it for the people who get the folder; no exercise, and too long for a cell."""
STAGES = Path(".workshop") / "stages.json"
"""The file of a workspace with the stage that each file of the participant has reached."""
LAST = 99
"""More than the cells that any notebook has for a file."""


@dataclass(frozen=True)
class Source:
    """One marked file. ``lesson`` is its folder, ``file`` the path below it (both with forward slashes)."""

    lesson: str
    file: str
    text: str

    @property
    def name(self) -> str:
        """The path of the source in the checkout."""
        return f"solutions/{self.lesson}/{self.file}"

    @property
    def path(self) -> str:
        """The path of the participant's file in the workspace."""
        return f"notebooks/{TOOLS}" if self.file == TOOLS else f"{MY_SERVICE}/{self.file}"

    @cached_property
    def stages(self) -> tuple[FileStage, ...]:
        """The stages of the file, from the one at which it appears."""
        first_stage = FileStage.parse(self.lesson)
        later_stages = [stage for stage in regions.stages(self.text) if stage > first_stage]
        return tuple(sorted({first_stage, *later_stages}))

    def at(self, stage: FileStage) -> str:
        """Return the marked text at a stage. Raises MarkerError with the file's name."""
        try:
            return regions.at_stage(self.text, stage)
        except regions.MarkerError as error:
            raise error.in_file(self.name) from error

    def stage_before(self, lesson: str) -> FileStage | None:
        """Return the stage of the file at the start of a lesson; None if the file comes later."""
        lesson_stage = FileStage.parse(lesson)
        earlier_stages = [stage for stage in self.stages if stage < lesson_stage]
        return earlier_stages[-1] if earlier_stages else None

    def ids(self) -> tuple[str, ...]:
        """Return the ids of the exercises that the file has at any stage. Raises MarkerError with the file's name."""
        exercise_ids: list[str] = []
        for stage in self.stages:
            marked_text = self.at(stage)
            try:
                exercise_ids += regions.ids(marked_text)
            except regions.MarkerError as error:
                raise error.in_file(self.name) from error

        return tuple(dict.fromkeys(exercise_ids))

    def stages_of(self, identifier: str) -> tuple[FileStage, ...]:
        """Return the stages at which the file has the region of an exercise."""
        return tuple(stage for stage in self.stages if identifier in regions.ids(self.at(stage)))

    def is_starter(self, identifier: str, body: str) -> bool:
        """Return whether the lines of an exercise are as participants get them, at any stage of the file."""
        starters = (regions.starter(self.at(stage)) for stage in self.stages_of(identifier))
        return any(same_code(body, regions.region_of(text, identifier)) for text in starters)

    def with_region(self, identifier: str) -> str:
        """Return the marked text at the last stage that has the region of an exercise, or at the last of all stages."""
        stages = self.stages_of(identifier) or self.stages
        return self.at(stages[-1])


def marked_sources(root: Path) -> Iterator[Source]:
    """Yield every file below ``root/solutions/<lesson>/`` in order, but for `ANSWERS`, caches and hidden files."""
    folder = root / "solutions"
    for path in files_below(folder):
        lesson, *file_parts = path.relative_to(folder).parts
        if file_parts[0] != ANSWERS:
            yield Source(lesson, "/".join(file_parts), path.read_bytes().decode())


def service_sources(root: Path) -> Iterator[Source]:
    """Yield the sources of the files that participants have in ``my_service/``, and of their tools."""
    entries = read_document(root / FILE).get("exercise", []) if (root / FILE).is_file() else []
    entries_outside = [entry for entry in entries if not entry.get("in_service")]
    files_outside = {(entry.get("lesson"), entry.get("file")) for entry in entries_outside}

    for source in marked_sources(root):
        if source.file != NOTEBOOK and (source.lesson, source.file) not in files_outside:
            yield source


def source_of(root: Path, path: str) -> Source | None:
    """Return the source of a participant's file, by its ``path`` in the workspace; None if no lesson brings it."""
    for candidate in sorted((root / "solutions").glob(f"*/{PurePosixPath(path).name}")):
        source = Source(candidate.parent.name, candidate.name, candidate.read_bytes().decode())
        if source.path == path:
            return source
    return None


def sources_at(root: Path, lesson: str) -> dict[Source, FileStage]:
    """Return the sources of the files that a participant has at the start of ``lesson``, each with its stage."""
    stages = {source: source.stage_before(lesson) for source in service_sources(root)}
    return {source: stage for source, stage in stages.items() if stage is not None}


def files_at(root: Path, lesson: str) -> dict[str, str]:
    """Return the files of ``my_service/`` at the start of ``lesson`` when everything before it is solved."""
    return {
        source.file: regions.solved(source.at(stage))
        for source, stage in sources_at(root, lesson).items()
        if source.file != TOOLS
    }


def stages_in(workspace: Path) -> dict[str, FileStage]:
    """Return the stage of each file of the participant, by its path in the workspace. Raises NotReady."""
    try:
        stage_texts = read_document(workspace / STAGES)
        return {name: FileStage.parse(text) for name, text in stage_texts.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError):
        return {}  # it is JSON of another shape: each file cell brings its lines once more


def record_stage(workspace: Path, path: str, stage: FileStage | None) -> None:
    """Note the stage that a file of the participant has reached; None for a file that was removed."""
    noted_stages = stages_in(workspace)
    noted_stages.pop(path, None)
    if stage is not None:
        noted_stages[path] = stage
    texts = {name: str(noted_stages[name]) for name in sorted(noted_stages)}
    write_atomically(workspace / STAGES, (json.dumps(texts, indent=1) + "\n").encode())


def solve_others(participant_text: str, source: Source, expected: Collection[str], kept_ids: Collection[str]) -> str:
    """Return a participant's file in which all ``expected`` regions but those of ``kept_ids`` hold the solution.

    Raises MarkerError where the markers of an expected region are missing.
    """
    text = participant_text
    for name in expected:
        regions.find(text, name)  # only for its MarkerError: a kept region needs its markers, too
        if name not in kept_ids:
            solved_file = regions.solved(source.with_region(name))
            text = regions.replace(text, name, regions.region_of(solved_file, name))
    return text


def keep_regions(mine: str, text: str, names: Collection[str]) -> str:
    """Return ``text`` with the regions of these ``names`` from ``mine``; one that ``mine`` lacks stays as it is."""
    result = text
    for name in set(regions.ids(text)) & set(names):
        with contextlib.suppress(regions.MarkerError):
            result = regions.replace(result, name, regions.region_of(mine, name))
    return result


def same_code(code: str, other_code: str) -> bool:
    """Return whether the two differ only in blank lines, trailing spaces, and lines that hold a ``#`` comment."""
    return _code_lines(code) == _code_lines(other_code)


def _code_lines(text: str) -> list[str]:
    """Return the lines without trailing spaces, without blank lines and those that hold only a comment."""
    lines = [line.rstrip() for line in text.split("\n")]
    filled_lines = [line for line in lines if line]
    return [line for line in filled_lines if not line.lstrip().startswith("#")]
