"""The workspace: the participant's copy of the lessons, made at the first start and never overwritten."""

from __future__ import annotations

import getpass
import os
import re
import secrets
import socket
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workshop_kit.engine.labels import Identity
from workshop_kit.errors import NotReady
from workshop_kit.files import explain, files_below, read_small, read_small_text, write_atomically
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import growth, lesson_tables, regions, solutions
from workshop_kit.workspace.course import MY_SERVICE, TRACKS, find_track
from workshop_kit.workspace.solutions import FIRST

PRIVATE = 0o700
ELSEWHERE = "name another folder in WORKSHOP_WORKSPACE"
COPIED = ("notebooks", "exercises")
"""Folders of the checkout that are copied into a workspace."""
REFERENCES = "docs/references.md"
LINKED = ("docs/audit.md", REFERENCES)
"""Pages that lessons link to; they are copied to the same place in a workspace."""
EDITED = (*COPIED, MY_SERVICE)
"""Folders of a workspace that the participant edits."""
NOT_COPIED = ("exercises.toml", ".notes.md")
"""Endings of names that are not copied, beside the tables of lessons: a copy would go stale, and they tell answers."""
BASE = "base"
"""The folder below `HIDDEN` with the versions that copies were made from."""
WRITTEN = "written"
"""The folder below `HIDDEN` with the last text that each file cell wrote."""
HIDDEN = ".workshop"
"""The kit's files inside a workspace: JupyterLab neither lists nor serves hidden folders."""
REMOVED = "removed"
"""The file below `HIDDEN` with the files that are no part of the participant's project any more, a line each."""
SEED = "seed"
"""The file below `HIDDEN` with a shared seed."""
TRACK = "track"
"""The file below `HIDDEN` with the track that `start --track` chose."""
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
        self.ledger_path = hidden / "ledger.jsonl"  # all objects made for this workspace in the engine
        self.jupyter_folder = hidden / "jupyter"  # settings, kernel and log, apart from the user's own

    @classmethod
    def open(cls, folder: Path | None = None, source: Path = CHECKOUT) -> Workspace:
        """Return the workspace in ``folder`` (default: ``workspace`` in ``source``), made at first start.

        Copies the files of ``source`` that the workspace lacks; a file that is there stays as it is.
        Raises NotReady when the folder cannot be written or holds something else.
        """
        folder = (folder or source / "workspace").absolute()
        try:
            hidden = folder / HIDDEN
            hidden.mkdir(parents=True, exist_ok=True)
            (hidden / "secrets").mkdir(exist_ok=True)
            if stat.S_IMODE((hidden / "secrets").stat().st_mode) != PRIVATE:  # a folder that is read-only may be read
                (hidden / "secrets").chmod(PRIVATE)
            for name in EDITED:
                (folder / name).mkdir(exist_ok=True)

            for copy in lesson_copies(source):
                if not (folder / copy.name).exists():
                    _copy(folder, copy.name, copy.source.read_bytes())
            for file in solutions.service_sources(source):
                if file.lesson == FIRST and not (folder / file.path).exists() and file.path not in _removed(folder):
                    _copy(folder, file.path, regions.starter(file.at(file.stages[0])).encode())
                    growth.record(folder, file.path, file.stages[0])

            return cls(folder, _id_of(hidden / "id"))
        except OSError as error:
            raise explain(error, folder, ELSEWHERE) from error

    @property
    def owner(self) -> str:
        """The participant as a label value: ``user@host``, at most 63 harmless characters."""
        try:
            user = getpass.getuser()
        except (KeyError, OSError):  # a uid without an account, as in many containers
            user = f"uid{os.getuid()}"
        return re.sub(r"[^A-Za-z0-9_.@-]", "-", f"{user}@{socket.gethostname()}")[:63]

    @property
    def seed(self) -> int:
        """The seed for the numbers in exercises: the participant's own, or one that a table shares (`--seed`)."""
        try:
            return int(read_small(self.folder / HIDDEN / SEED))
        except (OSError, ValueError, NotReady):
            return int(self.id, 16)

    def share_seed(self, seed: int) -> None:
        """Use ``seed`` for the numbers in exercises from now on. Raises NotReady when it cannot be written."""
        write_atomically(self.folder / HIDDEN / SEED, f"{seed}\n".encode())

    @property
    def track(self) -> str:
        """The track that was chosen last; ``full`` without one."""
        try:
            name = read_small(self.folder / HIDDEN / TRACK).decode(errors="replace").strip()
        except (OSError, NotReady):
            return "full"
        return name if name in TRACKS else "full"

    def choose_track(self, name: str) -> None:
        """Use the track ``name`` from now on. Raises WrongUsage for an unknown one, NotReady as a full disk does."""
        write_atomically(self.folder / HIDDEN / TRACK, f"{find_track(name)}\n".encode())

    @property
    def compose_project(self) -> str:
        """The stack's compose project, a different one in each workspace."""
        return Identity(self.id, self.owner).project

    def note_removed(self, name: str) -> None:
        """Do not bring a file of the first lesson back at the next start; `goto` brings it."""
        names = sorted({*_removed(self.folder), name})
        lines = "".join(f"{removed_name}\n" for removed_name in names)
        write_atomically(self.folder / HIDDEN / REMOVED, lines.encode())

    def service_folder(self) -> Path:
        """Return ``my_service``, the participant's own service, made if absent.

        Its ``.env`` names the compose project; without it, two workspaces on one engine would share a project.
        """
        self.my_service.mkdir(exist_ok=True)
        path = self.my_service / ".env"
        lines = read_small_text(path).splitlines() if path.exists() else []
        line = f"COMPOSE_PROJECT_NAME={Identity(self.id, self.owner).service_project}"
        if line not in lines:
            other_lines = [kept_line for kept_line in lines if not kept_line.startswith("COMPOSE_PROJECT_NAME=")]
            write_atomically(path, "\n".join([line, *other_lines, ""]).encode())

        return self.my_service


def _removed(folder: Path) -> list[str]:
    """Return the files that the participant's project lacks on purpose."""
    path = folder / HIDDEN / REMOVED
    return read_small_text(path).splitlines() if path.is_file() else []


def own_folder() -> Path:
    """Return the folder of the command line's workspace: ``WORKSHOP_WORKSPACE``, else ``workspace`` in the checkout."""
    return Path(os.environ.get("WORKSHOP_WORKSPACE") or CHECKOUT / "workspace")


def own_workspace(seed: int | None = None) -> Workspace:
    """Return the workspace of the command line, made at its first use.

    A ``seed`` becomes its seed. Raises NotReady as `Workspace.open` does.
    """
    workspace = Workspace.open(own_folder())
    if seed is not None:
        workspace.share_seed(seed)
    return workspace


def find_workspace(start: Path, environment: dict[str, str]) -> Workspace:
    """Return the workspace a notebook belongs to: ``WORKSHOP_WORKSPACE``, else the nearest one above ``start``.

    A notebook opened in the checkout itself (in another editor, say) gets the checkout's workspace.
    Raises NotReady when there is none.
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
    """A file of the checkout, its ``name`` (a path in the workspace) and its lesson (``01_container``; "" for none)."""

    source: Path
    name: str
    lesson: str


def lesson_copies(root: Path) -> Iterator[LessonCopy]:
    """Yield the files of the checkout ``root`` that a participant gets as they are, with their places in the workspace.

    Not among them are the files of ``my_service/``: `growth` makes these.
    """
    of_service = {(source.lesson, source.file) for source in solutions.service_sources(root)}
    for folder in COPIED:
        for path in lesson_files(root / folder):
            name = path.relative_to(root / folder)
            lesson = name.parts[0].removesuffix(".ipynb")
            file = "/".join(name.parts[1:])
            if folder != "exercises" or (lesson, file) not in of_service:
                yield LessonCopy(path, f"{folder}/{name.as_posix()}", lesson)
    for page in LINKED:
        if (root / page).is_file():
            yield LessonCopy(root / page, page, lesson="")


def lesson_files(folder: Path) -> Iterator[Path]:
    """Yield the files to copy: without the registry, and without the notes and the tables of lessons."""
    for path in files_below(folder):
        is_table = folder.name == "notebooks" and path.suffix == lesson_tables.SUFFIX
        if not is_table and not path.name.endswith(NOT_COPIED):
            yield path


def _copy(folder: Path, name: str, content: bytes) -> None:
    """Write a file of the workspace, and the version that an update compares it with."""
    for path in (folder / HIDDEN / BASE / name, folder / name):
        write_atomically(path, content)


def _id_of(file: Path) -> str:
    """Return the id in ``file``, which the first start writes."""
    if not file.exists():
        write_atomically(file, f"{secrets.token_hex(4)}\n".encode())
    text = read_small(file).decode(errors="replace").strip()
    if not ID.fullmatch(text):
        raise NotReady(
            f"{file} does not hold a workspace id (8 hexadecimal digits).",
            "Restore it, or delete it to get a new one after `./workshop down`.",
        )
    return text
