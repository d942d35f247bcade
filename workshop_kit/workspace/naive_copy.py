"""The colleague's lines in place of a participant's answers, so that a resumed lesson can show its naive half again.

A file cell keeps answers: after a restart of the kernel in the middle of a lesson, the cells above an exercise would
run the participant's version. ``.workshop/set_aside.json`` has the answers that were set aside, by their file.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from workshop_kit.errors import NotReady, WorkshopError, in_words
from workshop_kit.files import load_document, read_small_text, write_atomically
from workshop_kit.workspace import content, regions, solutions
from workshop_kit.workspace.folder import HIDDEN, Workspace
from workshop_kit.workspace.regions import FileStage
from workshop_kit.workspace.solutions import Source

RECORD = Path(HIDDEN) / "set_aside.json"


@dataclass(frozen=True)
class SetAside:
    """The exercises of a file whose answers are set aside, and the copy of the file in ``kept/`` with these answers."""

    names: tuple[str, ...]
    copy_path: str


@dataclass(frozen=True)
class NaiveCopy:
    """A file with a participant's answers, or with the colleague's lines in their place.

    ``stage`` is the stage of a file cell. ``names`` are the answered exercises of the cell's lesson, which `use`
    replaces; ``shown_ids`` are those among them whose naive lines the cell shows.
    """

    workspace: Workspace
    source: Source
    stage: FileStage
    shown_ids: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def is_in_use(self) -> bool:
        """Whether the colleague's lines are in the file."""
        return self._set_aside is not None

    @property
    def sentence(self) -> str:
        """A sentence about the file: whether it has the participant's lines or the colleague's."""
        file = self.source.file
        set_aside = self._set_aside
        if set_aside is not None:
            names = in_words(set_aside.names)
            return f"{file} has the colleague's lines for {names}. Yours are in {set_aside.copy_path}."
        if self.shown_ids:
            answers = in_words(self.shown_ids)
            return f"{file} keeps your {answers}: this part of the lesson then shows your version, not the colleague's."
        return f"{file} has your lines."

    def use(self) -> str:
        """Copy the file to ``kept/``, put the colleague's lines into it, and return a sentence about it.

        Raises WorkshopError where the file has changed so that this is not possible.
        """
        if self.is_in_use:
            return self.sentence

        text = self._read_text()
        for name in self.names:
            text = regions.replace(text, name, self._naive_lines(name))

        copy_path = content.Backup(self.workspace).keep(self.source.path)
        self._write_record(SetAside(names=self.names, copy_path=copy_path))
        content.write(self.workspace, self.source.path, text)
        return self.sentence

    def put_back(self) -> str:
        """Put the participant's lines back, from the copy in ``kept/``; return a sentence about the file.

        If the participant wrote new answers meanwhile, the file is copied to ``kept/`` first. Raises WorkshopError
        where the copy is gone, or the file has changed so that this is not possible.
        """
        set_aside = _records(self.workspace).get(self.source.path)
        if set_aside is None:
            return f"{self.source.file} has your lines."

        mine = _read_file(self.workspace, set_aside.copy_path)
        text = self._read_text()
        if not self.is_in_use:
            content.Backup(self.workspace).keep(self.source.path)

        restored_text = solutions.keep_regions(mine, text, set_aside.names)
        content.write(self.workspace, self.source.path, restored_text)
        self._write_record(None)
        return f"{self.source.file} has your {in_words(set_aside.names)} again."

    @property
    def _set_aside(self) -> SetAside | None:
        """The record of the file while the colleague's lines are in it; None when they are not."""
        set_aside = _records(self.workspace).get(self.source.path)
        if set_aside is None or not (self.workspace.folder / set_aside.copy_path).is_file():
            return None
        try:
            answers = _answers(self.source, self._read_text())
        except WorkshopError:  # there is no file, or its markers are damaged
            return None

        has_new_answers = not answers.isdisjoint(set_aside.names)
        return None if has_new_answers else set_aside

    def _naive_lines(self, name: str) -> str:
        """Return the colleague's lines for an exercise: those of the cell's stage, or else of the file's own stage."""
        file_stage = solutions.stages_in(self.workspace.folder)[self.source.path]
        is_in_cell = name in regions.ids(self.source.at(self.stage))
        stage = self.stage if is_in_cell else file_stage
        return regions.region_of(regions.starter(self.source.at(stage)), name)

    def _read_text(self) -> str:
        return _read_file(self.workspace, self.source.path)

    def _write_record(self, set_aside: SetAside | None) -> None:
        """Write the record of the file; None removes it."""
        records = _records(self.workspace)
        records.pop(self.source.path, None)
        if set_aside is not None:
            records[self.source.path] = set_aside
        document = {path: asdict(record) for path, record in records.items()}
        write_atomically(self.workspace.folder / RECORD, json.dumps(document, indent=1).encode())


def find(workspace: Workspace, source: Source, stage: FileStage, cell_text: str) -> NaiveCopy | None:
    """Return the naive copy for a cell at ``stage`` that shows ``cell_text``, lines of a file.

    None where the participant has answered no exercise that the cell shows, and no answer is set aside; None also
    where the file's markers are damaged.
    """
    file_stage = solutions.stages_in(workspace.folder).get(source.path)
    if file_stage is None:
        return None
    try:
        answers = _answers(source, _read_file(workspace, source.path))
    except WorkshopError:
        return None

    answered_ids = [name for name in regions.ids(source.at(file_stage)) if name in answers]
    answered_in_lesson = tuple(name for name in answered_ids if source.stages_of(name)[0].lesson == stage.lesson)

    markers = [regions.REGION.fullmatch(line) for line in regions.lines_of(cell_text)]
    ids_in_cell = {marker[2] for marker in markers if marker}
    shown_ids = tuple(name for name in answered_in_lesson if name in ids_in_cell)

    copy = NaiveCopy(workspace, source, stage, shown_ids, answered_in_lesson)
    return copy if copy.shown_ids or copy.is_in_use else None


def put_all_back(workspace: Workspace, root: Path) -> None:
    """Put back the answers that are set aside in any file that still has the colleague's lines."""
    for path in _records(workspace):
        source = solutions.source_of(root, path)
        if source is not None:
            copy = NaiveCopy(workspace, source, source.stages[-1], (), ())
            if copy.is_in_use:
                copy.put_back()
    (workspace.folder / RECORD).unlink(missing_ok=True)


def _answers(source: Source, text: str) -> set[str]:
    """Return the ids of the exercises that a participant's file has an answer to: its lines are not the starter.

    Raises MarkerError for damaged markers.
    """
    ids = source.ids()
    exercise_regions = [region for region in regions.parse(text) if region.id in ids]
    return {region.id for region in exercise_regions if not source.is_starter(region.id, region.body)}


def _records(workspace: Workspace) -> dict[str, SetAside]:
    """Return the records of answers that are set aside, by the path of their file; none where they cannot be read."""
    try:
        return load_document(workspace.folder / RECORD, dict[str, SetAside])
    except (FileNotFoundError, NotReady):
        return {}  # where the file is damaged, the participant still has the copies in kept/


def _read_file(workspace: Workspace, name: str) -> str:
    """Return the text of a file of the workspace, its line ends as they are. Raises NotReady."""
    try:
        return read_small_text(workspace.folder / name)
    except FileNotFoundError as error:
        raise NotReady(f"{name} is not there.", "Look for your lines in kept/.") from error
