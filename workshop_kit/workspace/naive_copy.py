"""The colleague's lines in place of a participant's answers, so that a resumed lesson can show its naive half again.

A file cell keeps answers: after a restart of the kernel in the middle of a lesson, the cells above an exercise would
run the participant's version. ``.workshop/set_aside.json`` has the answers that were set aside, by their file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from workshop_kit.errors import NotReady, WorkshopError
from workshop_kit.files import read_small_text, write_atomically
from workshop_kit.workspace import content, growth, regions, solutions
from workshop_kit.workspace.folder import HIDDEN, Workspace
from workshop_kit.workspace.regions import FileStage
from workshop_kit.workspace.solutions import Source

RECORD = Path(HIDDEN) / "set_aside.json"


class SetAside(BaseModel):
    """The exercises whose answers the colleague's lines replace, and the file's copy in ``kept/`` that has them."""

    names: tuple[str, ...]
    copy_path: str


RECORDS = TypeAdapter(dict[str, SetAside])


@dataclass(frozen=True)
class NaiveCopy:
    """A file with a participant's answers, or with the colleague's lines in their place.

    ``stage`` is that of the cell. ``shown`` are the answers whose naive lines the cell shows, ``names`` all that `use`
    replaces: those of the cell's lesson.
    """

    workspace: Workspace
    source: Source
    stage: FileStage
    shown: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def is_in_use(self) -> bool:
        """Whether the colleague's lines are in the file."""
        return self._set_aside is not None

    @property
    def sentence(self) -> str:
        """What the file holds."""
        file = self.source.file
        set_aside = self._set_aside
        if set_aside is not None:
            names = _join_names(set_aside.names)
            return f"{file} has the colleague's lines for {names}. Yours are in {set_aside.copy_path}."
        if self.shown:
            kept_answers = f"{file} keeps your {_join_names(self.shown)}"
            return f"{kept_answers}: this part of the lesson then shows your version, not the colleague's."
        return f"{file} has your lines."

    def use(self) -> str:
        """Put the colleague's lines into the file, and copy it to ``kept/`` before; return what it holds then.

        Raises WorkshopError where the file has changed so that this is not possible.
        """
        if self.is_in_use:
            return self.sentence
        text = self._text()
        for name in self.names:
            text = regions.replace(text, name, self._naive_lines(name))

        copy_path = content.Backup(self.workspace).keep(self.source.path)
        self._record(SetAside(names=self.names, copy_path=copy_path))
        content.write(self.workspace, self.source.path, text)
        return self.sentence

    def put_back(self) -> str:
        """Put the participant's lines back, from the copy in ``kept/``; return what the file holds then.

        A file in which they were written anew meanwhile is copied to ``kept/`` before. Raises WorkshopError where the
        copy is gone, or the file has changed so that this is not possible.
        """
        set_aside = _records(self.workspace).get(self.source.path)
        if set_aside is None:
            return f"{self.source.file} has your lines."

        mine = _read(self.workspace, set_aside.copy_path)
        text = self._text()
        if self._set_aside is None:
            content.Backup(self.workspace).keep(self.source.path)

        content.write(self.workspace, self.source.path, solutions.keep_regions(mine, text, set_aside.names))
        self._record(None)
        return f"{self.source.file} has your {_join_names(set_aside.names)} again."

    @property
    def _set_aside(self) -> SetAside | None:
        """The record of the file, as long as that has the colleague's lines."""
        set_aside = _records(self.workspace).get(self.source.path)
        if set_aside is None or not (self.workspace.folder / set_aside.copy_path).is_file():
            return None
        try:
            answers = _answers(self.source, self._text())
        except WorkshopError:  # there is no file, or its markers are damaged
            return None
        return None if answers & set(set_aside.names) else set_aside

    def _naive_lines(self, name: str) -> str:
        """Return the lines of an exercise as the cell shows them, or as the file has them that came after it."""
        reached = growth.stages(self.workspace.folder)[self.source.path]
        stage = self.stage if name in regions.ids(self.source.at(self.stage)) else reached
        return regions.region_of(regions.starter(self.source.at(stage)), name)

    def _text(self) -> str:
        return _read(self.workspace, self.source.path)

    def _record(self, set_aside: SetAside | None) -> None:
        records = _records(self.workspace)
        records.pop(self.source.path, None)
        if set_aside is not None:
            records[self.source.path] = set_aside
        write_atomically(self.workspace.folder / RECORD, RECORDS.dump_json(records, indent=1))


def find(workspace: Workspace, source: Source, stage: FileStage, shown: str) -> NaiveCopy | None:
    """Return the naive copy for a cell at ``stage`` that shows the lines ``shown`` of a file.

    None where no answer to an exercise of its lesson is in the way, and where the file's markers are damaged.
    """
    reached = growth.stages(workspace.folder).get(source.path)
    if reached is None:
        return None
    try:
        answers = _answers(source, _read(workspace, source.path))
    except WorkshopError:
        return None

    answered = [name for name in regions.ids(source.at(reached)) if name in answers]
    names = tuple(name for name in answered if source.stages_of(name)[0].lesson == stage.lesson)

    markers = [regions.REGION.fullmatch(line) for line in regions.lines_of(shown)]
    in_cell = {marker[2] for marker in markers if marker}
    shown_names = tuple(name for name in names if name in in_cell)
    copy = NaiveCopy(workspace, source, stage, shown_names, names)
    return copy if copy.shown or copy.is_in_use else None


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
    """Return the exercises in a participant's file that are begun. Raises MarkerError for damaged markers."""
    ids = source.ids()
    exercise_regions = [region for region in regions.parse(text) if region.id in ids]
    return {region.id for region in exercise_regions if not source.is_starter(region.id, region.body)}


def _records(workspace: Workspace) -> dict[str, SetAside]:
    try:
        return RECORDS.validate_json(read_small_text(workspace.folder / RECORD))
    except (FileNotFoundError, NotReady, ValidationError):
        return {}  # damaged: the copies are in kept/ all the same


def _read(workspace: Workspace, name: str) -> str:
    """Return a file of the workspace with its line ends. Raises NotReady."""
    try:
        return read_small_text(workspace.folder / name)
    except FileNotFoundError as error:
        raise NotReady(f"{name} is not there.", "Look for your lines in kept/.") from error


def _join_names(names: tuple[str, ...]) -> str:
    *first_names, last_name = names
    return f"{', '.join(first_names)} and {last_name}" if first_names else last_name
