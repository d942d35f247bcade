"""The workspace: the participant's copy of the lessons, made at the first start and never overwritten."""

from __future__ import annotations

import itertools
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workshop_kit.engine.labels import Identity
from workshop_kit.engine.recipes import VARIABLES
from workshop_kit.errors import NotReady
from workshop_kit.files import explain, files_below, read_small, read_small_text, write_atomically
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import MY_SERVICE, SHORT, TABLES_SUFFIX

PRIVATE = 0o700
ELSEWHERE = "name another folder in WORKSHOP_WORKSPACE"
COPIED = ("notebooks", "exercises")
"""Folders of the checkout that are copied into a workspace."""
REFERENCES = "docs/references.md"
LINKED = ("docs/audit.md", REFERENCES)
"""Pages that lessons link to; they are copied to the same place in a workspace."""
EDITED = (*COPIED, MY_SERVICE)
"""Folders of a workspace that the participant edits."""
NOT_COPIED = ("exercises.toml", ".notes.md", f"{SHORT}.md")
"""Endings of the names of files that are not copied: a copy would become outdated, and they contain answers."""
BASE = "base"
"""The folder below `HIDDEN` with the versions that copies were made from."""
HIDDEN = ".workshop"
"""The kit's files inside a workspace: JupyterLab neither lists nor serves hidden folders."""
SEED = "seed"
"""The file below `HIDDEN` with a shared seed."""
FORMER_RECORD = "stages.json"
"""The file below `HIDDEN` that only a workspace of the former lessons has, whose files had stages."""
DIGITS = re.compile(r"[0-9]{1,4000}")
ID = re.compile(r"[0-9a-f]{8}")


@dataclass(unsafe_hash=True)
class Workspace:
    """One participant's folder. ``id`` (8 hex digits) labels everything that is made for it."""

    folder: Path
    id: str

    def __post_init__(self) -> None:
        self.notebooks = self.folder / "notebooks"
        self.exercises = self.folder / "exercises"
        self.my_service = self.folder / MY_SERVICE
        self.progress_path = self.folder / "progress.json"  # checks, hints and predictions
        hidden = self.folder / HIDDEN
        self.base = hidden / BASE  # what the copies were made from: an update compares with it
        self.secrets_folder = hidden / "secrets"  # the stack's secrets as files; mode 0700
        self.jupyter_folder = hidden / "jupyter"  # settings, kernel and log, apart from the user's own

    @classmethod
    def open(cls, folder: Path | None = None, source: Path = CHECKOUT) -> Workspace:
        """Return the workspace in ``folder`` (default: ``workspace`` in ``source``); make it if it is absent.

        Copies the files of ``source`` that the workspace lacks; a file that is there stays as it is.
        Raises NotReady when the folder cannot be written or holds something else.
        """
        folder = (folder or source / "workspace").absolute()
        try:
            _make_folders(folder)
            _add_missing_files(folder, source)
            return cls(folder, _id_of(folder / HIDDEN / "id"))
        except OSError as error:
            raise explain(error, folder, ELSEWHERE) from error

    @classmethod
    def existing(cls, folder: Path) -> Workspace | None:
        """Return the workspace in ``folder``, without writing anything; None while there is none."""
        id_file = folder / HIDDEN / "id"
        return cls(folder, id_file.read_text().strip()) if id_file.is_file() else None

    @property
    def seed(self) -> int:
        """The seed for the numbers in exercises: one that was shared (`--seed`), or else the participant's own."""
        seed = shared_seed(self.folder)
        return int(self.id, 16) if seed is None else seed

    def share_seed(self, seed: int) -> None:
        """Use ``seed`` for the numbers in exercises from now on. Raises NotReady when it cannot be written."""
        write_atomically(self.folder / HIDDEN / SEED, f"{seed}\n".encode())

    @property
    def compose_project(self) -> str:
        """The stack's compose project, a different one in each workspace."""
        return Identity(self.id).project

    def service_folder(self) -> Path:
        """Return ``my_service``, the folder of the participant's own service; make it if it is absent.

        Its ``.env`` names the compose project; without it, two workspaces on one engine would share a project. It also
        names the workshop's images for Compose.
        """
        self.my_service.mkdir(exist_ok=True)
        path = self.my_service / ".env"
        lines = read_small_text(path).splitlines() if path.exists() else []
        variables = {"COMPOSE_PROJECT_NAME": Identity(self.id).service_project, **VARIABLES}
        own_lines = [f"{name}={value}" for name, value in variables.items()]
        other_lines = [line for line in lines if line.partition("=")[0] not in variables]
        if lines != [*own_lines, *other_lines]:
            write_atomically(path, "\n".join([*own_lines, *other_lines, ""]).encode())

        return self.my_service


def _make_folders(folder: Path) -> None:
    """Make the folders of a workspace that are absent."""
    hidden = folder / HIDDEN
    hidden.mkdir(parents=True, exist_ok=True)

    secrets_folder = hidden / "secrets"
    secrets_folder.mkdir(exist_ok=True)
    mode = stat.S_IMODE(secrets_folder.stat().st_mode)
    if mode != PRIVATE:  # a needless chmod would fail in a read-only workspace
        secrets_folder.chmod(PRIVATE)

    for name in EDITED:
        (folder / name).mkdir(exist_ok=True)


def _add_missing_files(folder: Path, source: Path) -> None:
    """Write the files of lessons that a workspace lacks."""
    for copy in lesson_copies(source):
        if not (folder / copy.name).exists():
            _write_copy(folder, copy.name, copy.source.read_bytes())


def shared_seed(folder: Path) -> int | None:
    """Return the seed that was shared with the workspace in ``folder``; None without one."""
    try:
        text = read_small_text(folder / HIDDEN / SEED).strip()
    except (FileNotFoundError, NotReady):
        return None
    return int(text) if DIGITS.fullmatch(text) else None


def own_folder() -> Path:
    """Return the folder of the command line's workspace: ``WORKSHOP_WORKSPACE``, else ``workspace`` in the checkout."""
    return Path(os.environ.get("WORKSHOP_WORKSPACE") or CHECKOUT / "workspace")


def own_workspace(seed: int | None = None) -> Workspace:
    """Return the workspace of the command line; make it if it is absent.

    With a ``seed`` it uses that one from now on. Raises NotReady as `Workspace.open` does.
    """
    workspace = Workspace.open(own_folder())
    if seed is not None:
        workspace.share_seed(seed)
    return workspace


def begin_anew(folder: Path) -> list[str]:
    """Rename the participant's folders in a workspace of the former lessons: its service does not fit the new ones.

    Returns a sentence about it; none for any other workspace. Raises NotReady.
    """
    record = folder / HIDDEN / FORMER_RECORD
    if not record.is_file():
        return []

    suffix = "-before"
    numbers = itertools.count(2)
    while any((folder / f"{name}{suffix}").exists() for name in EDITED):
        suffix = f"-before-{next(numbers)}"

    try:
        for name in (*EDITED, "progress.json"):
            if (folder / name).exists():
                (folder / name).rename(folder / f"{name}{suffix}")
        shutil.rmtree(folder / HIDDEN / BASE, ignore_errors=True)
        record.unlink()
    except OSError as error:
        raise explain(error, folder, ELSEWHERE) from error
    return [f"The lessons are new, and you begin anew: what you had is in {MY_SERVICE}{suffix}/ and beside it."]


def find_workspace(start: Path, environment: dict[str, str]) -> Workspace:
    """Return the workspace that a notebook in the folder ``start`` belongs to.

    It is the one that the variable ``WORKSHOP_WORKSPACE`` in ``environment`` names, else the nearest one above
    ``start``. A notebook in the checkout itself gets the checkout's workspace. Raises NotReady when there is none.
    """
    chosen_folder = environment.get("WORKSHOP_WORKSPACE")
    if chosen_folder:
        return Workspace.open(Path(chosen_folder))

    for folder in (start, *start.parents):
        for candidate in (folder, folder / "workspace"):
            if (candidate / HIDDEN / "id").is_file():
                return Workspace.open(candidate)
    raise NotReady(f"{start} is not in a workspace.", "Run `./workshop start` and open the lesson there.")


@dataclass(frozen=True)
class LessonCopy:
    """A file to copy: its ``source`` in the checkout, its ``name`` (a path in the workspace) and its lesson.

    The lesson is a name like ``01_container``, or "" for a file of no lesson.
    """

    source: Path
    name: str
    lesson: str


def lesson_copies(root: Path) -> Iterator[LessonCopy]:
    """Yield the files of the checkout ``root`` that a participant gets as they are, with their places in the workspace.

    Not among them are the files of ``my_service/``: the lessons' cells write these.
    """
    for folder in COPIED:
        for path in lesson_files(root / folder):
            relative_path = path.relative_to(root / folder)
            lesson = relative_path.parts[0].removesuffix(".ipynb")
            yield LessonCopy(path, f"{folder}/{relative_path.as_posix()}", lesson)

    for page in LINKED:
        if (root / page).is_file():
            yield LessonCopy(root / page, page, lesson="")


def lesson_files(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder that a workspace gets: all but the list of exercises, notes and tables."""
    for path in files_below(folder):
        is_table = folder.name == "notebooks" and path.suffix == TABLES_SUFFIX
        if not is_table and not path.name.endswith(NOT_COPIED):
            yield path


def _write_copy(folder: Path, name: str, content: bytes) -> None:
    """Write a file of the workspace, and the same content as the base that an update compares it with."""
    for path in (folder / HIDDEN / BASE / name, folder / name):
        write_atomically(path, content)


def _id_of(file: Path) -> str:
    """Return the workspace's id from ``file``, a new one if the file is absent. Raises NotReady for any other text."""
    if not file.exists():
        write_atomically(file, f"{secrets.token_hex(4)}\n".encode())

    text = read_small(file).decode(errors="replace").strip()
    if not ID.fullmatch(text):
        raise NotReady(
            f"{file} does not hold a workspace id (8 hexadecimal digits).",
            "Restore it, or delete it to get a new one after `./workshop down`.",
        )
    return text
