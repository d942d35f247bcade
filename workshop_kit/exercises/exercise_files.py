"""The files of one exercise: the marked source, the starter made from it, and the participant's text."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workshop_kit.errors import NotReady, WorkshopError
from workshop_kit.files import read_small_text
from workshop_kit.trials.stand_ins import StandIn
from workshop_kit.workspace import growth, regions, solutions
from workshop_kit.workspace.content import MAX_BYTES
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.workspace.merge import notebook_bytes, same_code
from workshop_kit.workspace.registry import Exercise
from workshop_kit.workspace.solutions import TOOLS, Source
from workshop_kit.workspace.track_notebook import unfold

LEFT_OUT = (".git", "__pycache__", ".ipynb_checkpoints", ".venv")
"""Parts of ``my_service/`` that a check does not copy."""


@dataclass(frozen=True)
class ServiceCopy:
    """A check's copy of ``my_service/``: the files that stayed whole, and the references in it."""

    whole: tuple[str, ...] = ()
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
        """The marked source with starter and solution: as the participant's file is, or when the lesson asks for it."""
        source = self._source
        reached = growth.stages(self.folder).get(self.exercise.path)
        if reached is not None and self.exercise.id in regions.ids(source.at(reached)):
            return source.at(reached)
        return source.with_region(self.exercise.id)

    @property
    def _source(self) -> Source:
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
        """The participant's file for messages: the checkout has folders of the same names."""
        return f"{self.folder.name}/{self.exercise.path}"

    def mine(self) -> str:
        """Return the participant's file, a notebook with nothing folded. Raises Unreadable."""
        step = f"Run `./workshop reset {self.exercise.id}` to get it back."
        if self.exercise.in_service and self.exercise.path not in growth.stages(self.folder):
            step = f"It comes with lesson {self.exercise.page}: run that lesson's cells from the first one on."

        path = self.folder / self.exercise.path
        try:
            if self.exercise.file:
                return read_small_text(path)
            return unfold(read_small_text(path, max_bytes=MAX_BYTES).encode()).decode()
        except FileNotFoundError:
            raise Unreadable(f"{self.shown_name} cannot be read (No such file or directory).", step) from None
        except NotReady as error:
            raise Unreadable(error.what.replace(str(path), self.shown_name), step) from error

    def composed(self) -> str:
        """Return the participant's file for a check: this region is theirs, all others are solved.

        Raises Unreadable with the line when the markers of the participant's file are damaged.
        """
        try:
            return regions.others_solved(self.mine(), self.source_text, self.exercise.id)
        except regions.MarkerError as damaged:
            where = damaged.in_file(self.shown_name)
            raise Unreadable(where.what, where.next_step) from damaged

    def copy_service(self, target: Path, exercises: Iterable[Exercise]) -> ServiceCopy:
        """Copy ``my_service/`` to ``target``, and solve there what the participant has not begun of ``exercises``.

        A file with missing markers stays whole. Raises Unreadable when the folder cannot be copied, or this exercise's
        file is missing, not text, or too large.
        """
        self.mine()
        try:
            ignored = shutil.ignore_patterns(*LEFT_OUT)
            shutil.copytree(self.folder / MY_SERVICE, target, symlinks=True, ignore=ignored)
        except (OSError, shutil.Error) as error:
            raise Unreadable(f"{MY_SERVICE} cannot be copied: {error}.", "Remove what is no plain file.") from error

        begun_exercises = self._begun_exercises(exercises)
        whole_files: list[str] = []
        stand_ins: list[StandIn] = []
        own_files = {part.file for part in self.exercise.parts}
        reached = growth.stages(self.folder)

        for source in solutions.service_sources(self.root):
            path = target / source.file
            if source.file == TOOLS or not path.is_file() or path.is_symlink():
                continue

            stage = reached.get(source.path, source.stages[-1])
            expected = regions.ids(source.at(stage))
            try:
                text = solutions.others_solved(path.read_bytes().decode(), source, expected, begun_exercises)
                path.write_bytes(text.encode())
                stand_ins += _stand_ins(source.file, text, begun_exercises)
            except (regions.MarkerError, UnicodeDecodeError):
                if source.file in own_files:
                    whole_files.append(source.file)

        return ServiceCopy(tuple(whole_files), tuple(stand_ins))

    def _begun_exercises(self, exercises: Iterable[Exercise]) -> set[str]:
        """Return the ids of this exercise, and of those whose regions the participant has changed."""
        own_id = self.exercise.id
        begun_ids = {own_id}
        for exercise in exercises:
            if exercise.in_service and exercise.id != own_id:
                begun_ids.update(part.id for part in exercise.parts if replace(self, exercise=part).is_changed())
        return begun_ids

    def text_of(self, names: Iterable[str]) -> str:
        """Return the participant's files of these names in ``my_service/``, one after the other."""
        folder = self.folder / MY_SERVICE
        return "\n".join((folder / name).read_bytes().decode(errors="replace") for name in sorted(set(names)))

    def region(self) -> str | None:
        """Return the participant's region, or their cell; None where it cannot be found."""
        try:
            if self.exercise.file:
                return regions.region_of(self.mine(), self.exercise.id)
            return "".join(_cell(json.loads(self.mine()), self.exercise.cell)["source"])
        except (WorkshopError, ValueError, LookupError, TypeError, StopIteration):
            return None

    def place(self, name: str) -> str:
        """Return what to edit: ``lines 34–43 of config.py``, and the other files; without a region the whole file."""
        files = [name, *self.exercise.more_files]
        with contextlib.suppress(WorkshopError):
            region = regions.find(self.mine(), self.exercise.id)
            first_line = region.first_line
            last_line = region.first_line + max(0, region.body.count("\n") - 1)
            if first_line == last_line:
                files[0] = f"line {first_line} of {name}"
            else:
                files[0] = f"lines {first_line}–{last_line} of {name}"
        return ", ".join(files)

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

    def with_body(self, body: str) -> str:
        """Return the participant's file with ``body`` in the exercise's place.

        If the file is damaged, ``body`` goes into the file of the checkout; the caller keeps the damaged one aside.
        Raises Unreadable where a later step of the lessons has replaced the exercise's lines.
        """
        self._require_stage()
        try:
            return self._put_into(self.mine(), body)
        except (WorkshopError, ValueError, LookupError, TypeError, StopIteration):
            shipped_file = self.root / self.exercise.path
            fresh_text = regions.starter(self.source_text) if self.exercise.file else shipped_file.read_text()
            return self._put_into(fresh_text, body)

    def _require_stage(self) -> None:
        """Raise Unreadable where the file has grown past the stages that have the exercise."""
        reached = growth.stages(self.folder).get(self.exercise.path)
        if not self.exercise.in_service or reached is None:
            return

        source = self._source
        stages = source.stages_of(self.exercise.id)
        is_there = self.exercise.id in regions.ids(source.at(reached))
        if stages and reached > stages[-1] and not is_there:
            raise Unreadable(
                f"{self.shown_name} has grown past {self.exercise.id}: a later step replaced its lines.",
                f"`./workshop goto {self.exercise.lesson}` brings the lesson back to its start.",
            )

    def _put_into(self, text: str, body: str) -> str:
        if self.exercise.file:
            return regions.replace(text, self.exercise.id, body)
        notebook = json.loads(text)
        _cell(notebook, self.exercise.cell)["source"] = body.rstrip("\n").splitlines(keepends=True)
        return notebook_bytes(notebook).decode()


def _stand_ins(file: str, text: str, begun: Collection[str]) -> list[StandIn]:
    """Return the references in a file of the copy."""
    return [
        StandIn(region.id, file, region.first_line, tuple(region.body.splitlines()))
        for region in regions.parse(text)
        if region.id not in begun
    ]


def _cell(notebook: Mapping[str, Any], cell_id: str) -> dict[str, Any]:
    cell: dict[str, Any] = next(cell for cell in notebook["cells"] if cell.get("id") == cell_id)
    return cell
