"""The files of one exercise: the marked source, the starter made from it, and the participant's text."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workshop_kit.errors import NotReady, WorkshopError
from workshop_kit.files import MAX_NOTEBOOK_BYTES, parse_json, read_small_text
from workshop_kit.trials.result import Result
from workshop_kit.workspace import regions, solutions
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.workspace.merge import cell_text, notebook_bytes
from workshop_kit.workspace.regions import Region
from workshop_kit.workspace.registry import Exercise
from workshop_kit.workspace.solutions import TOOLS, Source, same_code
from workshop_kit.workspace.track_notebook import unfold

LEFT_OUT = (".git", "__pycache__", ".ipynb_checkpoints", ".venv")
"""Parts of a participant's folders that a check does not copy."""
PLACE = re.compile(r"(?P<file>[\w.-]+), line (?P<line>\d+)")
SHORTEST = 8
"""A shorter line (``return``, ``else:``) tells nothing of a solution."""
HIDDEN = "(a line of the reference)"


@dataclass(frozen=True)
class StandIn:
    """The reference of one exercise in a check's copy of a file: its lines, counted from ``first_line``.

    It stands there for an exercise that the participant has not begun. What a check says of such a line must not look
    as if the participant had written it, and must not show the solution of an exercise that is still to come.
    """

    exercise: str
    file: str
    first_line: int
    lines: tuple[str, ...]

    def has(self, file: str, line: int) -> bool:
        """Return whether a line of a file is one of these."""
        return file == self.file and self.first_line <= line < self.first_line + len(self.lines)


@dataclass(frozen=True)
class ServiceCopy:
    """A check's copy of ``my_service/``: the names of its files that lack markers, and the references put into it."""

    unmarked_files: tuple[str, ...] = ()
    stand_ins: tuple[StandIn, ...] = ()


class Unreadable(WorkshopError):
    """The participant's text cannot be judged: it is missing, not text, or its markers are damaged."""


@dataclass(frozen=True)
class ExerciseFiles:
    """The texts of one exercise. ``root`` is the checkout, ``folder`` the participant's workspace."""

    root: Path
    folder: Path
    exercise: Exercise

    @property
    def source_text(self) -> str:
        """The marked source with starter and solution, at the stage of the participant's file.

        If that stage lacks the exercise, it is the last stage that has it.
        """
        source = self._source
        file_stage = solutions.stages_in(self.folder).get(self.exercise.path)
        if file_stage is not None and self.exercise.id in regions.ids(source.at(file_stage)):
            return source.at(file_stage)
        return source.with_region(self.exercise.id)

    @property
    def _source(self) -> Source:
        """The source of the exercise's file, with all its stages."""
        exercise = self.exercise
        service_source = solutions.source_of(self.root, exercise.path) if exercise.in_service else None
        if service_source is not None:
            return service_source

        text = (self.root / "solutions" / exercise.lesson / exercise.source).read_text()
        return Source(exercise.lesson, exercise.source, text)

    @property
    def solution(self) -> str:
        """The region when solved."""
        return regions.region_of(regions.solved(self.source_text), self.exercise.id)

    @property
    def starter(self) -> str:
        """The region that a participant begins with."""
        return regions.region_of(regions.starter(self.source_text), self.exercise.id)

    @property
    def shown_name(self) -> str:
        """The participant's file for messages, with the workspace's name: the checkout has files of the same names."""
        return f"{self.folder.name}/{self.exercise.path}"

    def read_text(self) -> str:
        """Return the text of the participant's file, of a notebook with all its cells unfolded. Raises Unreadable."""
        step = f"Run `./workshop reset {self.exercise.id}` to get it back."
        if self.exercise.in_service and self.exercise.path not in solutions.stages_in(self.folder):
            step = f"It comes with lesson {self.exercise.page}: run that lesson's cells from the first one on."

        path = self.folder / self.exercise.path
        try:
            if self.exercise.file:
                return read_small_text(path)
            notebook = read_small_text(path, max_bytes=MAX_NOTEBOOK_BYTES)
            return unfold(notebook.encode()).decode()
        except FileNotFoundError:
            raise Unreadable(f"{self.shown_name} cannot be read (No such file or directory).", step) from None
        except NotReady as error:
            raise Unreadable(error.what.replace(str(path), self.shown_name), step) from error

    def text_for_check(self) -> str:
        """Return the participant's file for a check: this region is theirs, all others are solved.

        Raises Unreadable with the line when the markers of the participant's file are damaged.
        """
        ids = regions.ids(self.source_text)
        try:
            return solutions.solve_others(self.read_text(), self._source, ids, [self.exercise.id])
        except regions.MarkerError as error:
            error_with_file = error.in_file(self.shown_name)
            raise Unreadable(error_with_file.what, error_with_file.next_step) from error

    def copy_service(self, target: Path, exercises: Iterable[Exercise]) -> ServiceCopy:
        """Copy ``my_service/`` to ``target``, and solve in the copy the ``exercises`` that are not begun.

        A file with missing markers stays as the participant has it. Raises Unreadable when the folder cannot be copied,
        or when this exercise's file is missing, not text, or too large.
        """
        self.read_text()  # only for its Unreadable
        copy_folder(self.folder / MY_SERVICE, target)
        return self._solve_copy(target, self._begun_ids(exercises))

    def _solve_copy(self, copy: Path, begun_ids: Collection[str]) -> ServiceCopy:
        """Put the references of all exercises that are not begun into a copy of ``my_service/``."""
        unmarked_files: list[str] = []
        stand_ins: list[StandIn] = []
        own_files = {part.file for part in self.exercise.parts}
        file_stages = solutions.stages_in(self.folder)

        for source in solutions.service_sources(self.root):
            path = copy / source.file
            if source.file == TOOLS or not path.is_file() or path.is_symlink():
                continue

            stage = file_stages.get(source.path, source.stages[-1])
            expected_ids = regions.ids(source.at(stage))
            try:
                own_text = path.read_bytes().decode()
                text = solutions.solve_others(own_text, source, expected_ids, begun_ids)
                path.write_bytes(text.encode())
                stand_ins += _stand_ins(source.file, text, begun_ids)
            except (regions.MarkerError, UnicodeDecodeError):
                if source.file in own_files:
                    unmarked_files.append(source.file)

        return ServiceCopy(tuple(unmarked_files), tuple(stand_ins))

    def _begun_ids(self, exercises: Iterable[Exercise]) -> set[str]:
        """Return the id of this exercise, and of those of ``exercises`` whose regions the participant has changed."""
        own_id = self.exercise.id
        begun_ids = {own_id}
        for exercise in exercises:
            if not exercise.in_service or exercise.id == own_id:
                continue
            files_of_parts = [replace(self, exercise=part) for part in exercise.parts]
            if any(files.is_changed() for files in files_of_parts):
                begun_ids.add(exercise.id)

        return begun_ids

    def text_of(self, names: Iterable[str]) -> str:
        """Return the texts of the participant's files of these names in ``my_service/``, in one text."""
        folder = self.folder / MY_SERVICE
        contents = [(folder / name).read_bytes() for name in sorted(set(names))]
        return "\n".join(content.decode(errors="replace") for content in contents)

    def region(self) -> str | None:
        """Return the text of the participant's region or notebook cell; None where it cannot be found."""
        try:
            if self.exercise.file:
                return regions.region_of(self.read_text(), self.exercise.id)
            notebook = parse_json(self.read_text())
            return cell_text(_find_cell(notebook, self.exercise.cell))
        except (WorkshopError, ValueError, LookupError, TypeError, StopIteration):
            return None

    def place(self, name: str) -> str:
        """Return what to edit: the lines of the file ``name`` (``lines 34–43 of config.py``), and the other files.

        Where the file has no region, all of it is to edit.
        """
        place = name
        with contextlib.suppress(WorkshopError):
            region = regions.find(self.read_text(), self.exercise.id)
            place = f"{_line_range(region)} of {name}"
        return ", ".join([place, *self.exercise.more_files])

    def is_changed(self) -> bool:
        """Return whether the participant has a region of the exercise, and has changed it."""
        return self.region() is not None and not self.is_untouched()

    def is_untouched(self) -> bool:
        """Return whether the region is the starter, at any stage of the file; False without a region."""
        mine = self.region()
        if mine is None:
            return False
        if self.exercise.file is None:
            return same_code(mine, self.starter)
        return self._source.is_starter(self.exercise.id, mine)  # a lesson may change the file before the exercise

    def text_with_body(self, body: str) -> str:
        """Return the participant's file with ``body`` in the exercise's place.

        If the file is damaged, return a fresh file with ``body``; the caller makes a copy of the damaged one.
        Raises Unreadable where a later step of the lessons has replaced the exercise's lines.
        """
        if self.is_replaced():
            raise Unreadable(
                f"{self.shown_name} has grown past {self.exercise.id}: a later step replaced its lines.",
                f"`./workshop goto {self.exercise.lesson}` brings the lesson back to its start.",
            )
        try:
            return self._put_into(self.read_text(), body)
        except (WorkshopError, ValueError, LookupError, TypeError, StopIteration):
            return self._put_into(self._fresh_text(), body)

    def _fresh_text(self) -> str:
        """Return the file as participants get it."""
        if self.exercise.file:
            return regions.starter(self.source_text)
        return (self.root / self.exercise.path).read_text()

    def is_replaced(self) -> bool:
        """Return whether the file has grown past the stages that have the exercise."""
        file_stage = solutions.stages_in(self.folder).get(self.exercise.path)
        if not self.exercise.in_service or file_stage is None:
            return False

        source = self._source
        stages = source.stages_of(self.exercise.id)
        has_region = self.exercise.id in regions.ids(source.at(file_stage))
        return bool(stages) and file_stage > stages[-1] and not has_region

    def _put_into(self, text: str, body: str) -> str:
        """Return the ``text`` of a file or notebook with ``body`` in the exercise's region or cell."""
        if self.exercise.file:
            return regions.replace(text, self.exercise.id, body)

        notebook = parse_json(text)
        cell = _find_cell(notebook, self.exercise.cell)
        cell["source"] = body.rstrip("\n").splitlines(keepends=True)
        return notebook_bytes(notebook).decode()


def copy_folder(folder: Path, target: Path) -> None:
    """Copy a participant's folder without the parts of `LEFT_OUT`. Raises Unreadable if it cannot be copied."""
    try:
        shutil.copytree(folder, target, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
    except shutil.Error as error:
        _source, _target, reason = error.args[0][0]
        raise Unreadable(f"{folder.name} cannot be copied: {reason}.", "Make that readable, or remove it.") from error
    except OSError as error:
        raise Unreadable(f"{folder.name} cannot be copied: {error}.", "Make that readable, or remove it.") from error


def _line_range(region: Region) -> str:
    """Return the numbers of a region's lines: ``line 34``, or ``lines 34–43``."""
    line_count = max(1, region.body.count("\n"))
    if line_count == 1:
        return f"line {region.first_line}"
    return f"lines {region.first_line}–{region.first_line + line_count - 1}"


def _stand_ins(file: str, text: str, begun_ids: Collection[str]) -> list[StandIn]:
    """Return the references that a check put into a file: the regions of exercises that are not begun."""
    solved_regions = [region for region in regions.parse(text) if region.id not in begun_ids]
    return [StandIn(region.id, file, region.first_line, tuple(region.body.splitlines())) for region in solved_regions]


def name_owners(result: Result, stand_ins: Iterable[StandIn], participant_text: str) -> Result:
    """Return the result with changed texts: a place in a reference names its exercise, and lines of one are hidden.

    ``participant_text`` is all text of the participant: a line that they have written themselves may be shown.
    """
    references = tuple(stand_ins)
    hidden_lines = _hidden_lines(references, participant_text)

    def name_exercise(place: re.Match[str]) -> str:
        return _place_with_exercise(place, references)

    def hide_references(text: str) -> str:
        for line in hidden_lines:
            text = text.replace(line, HIDDEN)
        return PLACE.sub(name_exercise, text)

    findings = []
    for finding in result.findings:
        observation = hide_references(finding.got)
        means = hide_references(finding.means)
        findings.append(replace(finding, got=observation, means=means))

    return replace(
        result,
        summary=hide_references(result.summary),
        findings=tuple(findings),
        output=hide_references(result.output),
    )


def _hidden_lines(references: Iterable[StandIn], participant_text: str) -> list[str]:
    """Return the lines of the references that the participant has not written, the longest first."""
    reference_lines = {line.strip() for reference in references for line in reference.lines}
    own_lines = {line.strip() for line in participant_text.splitlines()}
    lines = [line for line in reference_lines - own_lines if len(line) >= SHORTEST]
    return sorted(lines, key=len, reverse=True)


def _place_with_exercise(place: re.Match[str], references: Iterable[StandIn]) -> str:
    """Return the text of a place; for a line of a reference, one that names the exercise in place of the line."""
    for reference in references:
        if reference.has(place["file"], int(place["line"])):
            owner = f"in the reference of {reference.exercise}, which stands there until you begin that exercise"
            return f"{reference.file}, {owner}; your file may lack an import that it needs"
    return place[0]


def _find_cell(notebook: Mapping[str, Any], cell_id: str) -> dict[str, Any]:
    """Return the cell of that id. Raises StopIteration without one, and others where the notebook is damaged."""
    cell: dict[str, Any] = next(cell for cell in notebook["cells"] if cell.get("id") == cell_id)
    return cell
