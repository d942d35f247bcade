"""What one person handed in: a workspace, a folder ``my_service/``, an archive of either, or an exported file."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.exercises.progress import MAX_BYTES as PROGRESS_BYTES
from workshop_kit.exercises.progress import Document
from workshop_kit.exercises.work_file import read_work
from workshop_kit.files import read_small
from workshop_kit.screen import visible
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.workspace.folder import HIDDEN, ID, SEED
from workshop_room.grading.handed_in_files import (
    MAX_NAME,
    NO_PLAIN_NAME,
    HandedInFiles,
    Refused,
    is_archive,
    is_plain,
    read_archive,
    read_folder,
)

EXERCISES = "exercises"
PROGRESS = "progress.json"
SIGNS = ("Dockerfile", "app.py")
"""A folder with one of these files is a ``my_service/``."""
MAX_WRAPPERS = 2
"""The most folders with nothing but a folder in them around a submission, as archives have them."""
EXPORT = ".json"
OTHER_ARCHIVES = (".rar", ".7z", ".gz", ".bz2", ".xz", ".zst", ".tbz2", ".txz")
SHOWN_NAME = 32
WHAT_TO_NAME = (
    "Name workspaces, my_service folders, archives of them, files of `./workshop progress export`, or a folder of them."
)


@dataclass(frozen=True)
class Submission:
    """What one person handed in; ``files`` by their paths in a workspace.

    ``seed`` is that of the workspace, None where nothing says it. ``recorded`` are the exercises that its own progress
    calls passed. ``left_out`` has the reason for each path that was not read. With a ``problem`` nothing is graded.
    """

    name: str
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    seed: int | None = None
    recorded: frozenset[str] = frozenset()
    left_out: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""

    @property
    def shown_name(self) -> str:
        """The name as a terminal can show it."""
        return visible(self.name, SHOWN_NAME)

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of all that is judged: what was judged once is known by it."""
        found = hashlib.sha256(f"seed {self.seed}\0".encode())
        for path in sorted(self.files):
            content = self.files[path]
            found.update(f"{path}\0{len(content)}\0".encode() + content)
        for path in sorted(self.left_out):
            found.update(f"{path}\0{self.left_out[path]}\0".encode())
        return found.hexdigest()


_Named = tuple[Path, Submission]
"""A submission, and the path that it was read from."""


def read_submissions(paths: Sequence[Path], seed: int | None = None) -> list[Submission]:
    """Read what the paths name; of a folder of submissions, all that is in it. Nothing in them raises.

    ``seed`` is for those that do not say theirs. Raises WrongUsage for a path that is not there.
    """
    found: list[_Named] = []
    for path in paths:
        if not path.exists():
            raise WrongUsage(f"There is no {path}.", WHAT_TO_NAME)
        found += [(one, _read(one)) for one in _submissions_at(path)]
    if not found:
        raise WrongUsage("There is nothing to grade.", WHAT_TO_NAME)

    found = _told_apart(found, [f"{path.parent.name}/{one.name}" for path, one in found])
    found = _told_apart(found, [str(path) for path, _ in found])
    return [replace(one, seed=seed) if one.seed is None else one for _, one in found]


def _told_apart(found: Sequence[_Named], names: Iterable[str]) -> list[_Named]:
    """Return the submissions, with the other one of ``names`` for each that shares its name."""
    counts = Counter(one.name for _, one in found)
    return [
        (path, replace(one, name=name) if counts[one.name] > 1 else one)
        for (path, one), name in zip(found, names, strict=True)
    ]


def _submissions_at(path: Path) -> Iterable[Path]:
    """Return the path, or what is in it, if it is a folder of submissions."""
    if not path.is_dir() or _has_work(_unwrapped(path)):
        return [path]
    inside = sorted(one for one in path.iterdir() if not one.name.startswith("."))
    found = [one for one in inside if one.is_dir() or one.is_symlink() or _is_file_of_work(one)]
    return found or [path]


def _is_file_of_work(path: Path) -> bool:
    """Return whether a file may be what somebody handed in, by its name."""
    return is_archive(path) or path.suffix == EXPORT or path.name.lower().endswith(OTHER_ARCHIVES)


def _has_work(folder: Path) -> bool:
    return any(os.path.lexists(folder / name) for name in (MY_SERVICE, *SIGNS))


def _unwrapped(folder: Path) -> Path:
    """Return the folder that has the work: an archive's folder often has one folder, and nothing else."""
    for _ in range(MAX_WRAPPERS):
        if _has_work(folder):
            break
        inside = _only_child(folder)
        if inside is None or not inside.is_dir():
            break
        folder = inside
    return folder


def _only_child(folder: Path) -> Path | None:
    """Return what is alone in a folder, unless it is a link; None if there is more, or nothing."""
    inside = [one for one in _children(folder) if not one.name.startswith(("__MACOSX", "."))]
    return inside[0] if len(inside) == 1 and not inside[0].is_symlink() else None


def _children(folder: Path) -> Iterator[Path]:
    try:
        yield from folder.iterdir()
    except OSError:
        return


def _read(path: Path) -> Submission:
    """Read one submission; whatever is wrong with it becomes its problem."""
    name = path.name if path.is_dir() else path.name.partition(".")[0] or path.name
    try:
        if path.is_symlink():
            raise Refused("It is a link.", "Name what it leads to.")
        if path.is_dir():
            return _from_folder(name, _unwrapped(path))
        if is_archive(path):
            return _from_archive(name, read_archive(path))
        if path.name.lower().endswith(OTHER_ARCHIVES):
            raise Refused("It is packed in a way that is not read: ask for a zip or tar.gz archive.")
        return _from_export(name, path)
    except WorkshopError as error:
        return Submission(name, problem=error.what)
    except Exception as error:  # whatever a library meets in what strangers made
        return Submission(name, problem=f"It cannot be read ({type(error).__name__}).")


def _from_folder(name: str, folder: Path) -> Submission:
    if (folder / MY_SERVICE).exists() or (folder / MY_SERVICE).is_symlink():
        found = read_folder(folder, MY_SERVICE, EXERCISES)
        hidden = {file: _small(folder / HIDDEN / file) for file in (SEED, "id")}
        return _from_workspace(name, found, hidden, _small(folder / PROGRESS, PROGRESS_BYTES))
    if _has_work(folder):
        return _from_service(name, read_folder(folder))
    inside = _only_child(folder)
    if inside is not None and inside.is_file() and _is_file_of_work(inside):
        return replace(_read(inside), name=name)
    raise Refused(f"It has no {MY_SERVICE}/, and is none: there is neither {' nor '.join(SIGNS)}.")


def _from_archive(name: str, found: HandedInFiles) -> Submission:
    """Return the submission in an archive, whose hidden files are not read: its seed is not known."""
    top = _top(found, f"{MY_SERVICE}/")
    if top is not None:
        own = found.below(top)
        return _from_workspace(name, own, {}, own.files.get(PROGRESS, b""))
    for sign in SIGNS:
        top = _top(found, sign)
        if top is not None:
            return _from_service(name, found.below(top))
    raise Refused(f"The archive has no {MY_SERVICE}/, and neither {' nor '.join(SIGNS)}.")


def _top(found: HandedInFiles, wanted: str) -> str | None:
    """Return the outermost folder that has a file, or files below a folder; None without one."""
    tops = set()
    for name in (*found.files, *found.left_out):
        for folder in PurePosixPath(name).parents:
            top = "" if str(folder) == "." else folder.as_posix()
            rest = name.removeprefix(f"{top}/") if top else name
            if rest == wanted or (wanted.endswith("/") and rest.startswith(wanted)):
                tops.add(top)
    return min(tops, key=lambda top: (top.count("/"), top), default=None)


def _from_workspace(name: str, found: HandedInFiles, hidden: Mapping[str, bytes], progress: bytes) -> Submission:
    if reason := found.left_out.get(MY_SERVICE):
        raise Refused(f"Its {MY_SERVICE} {reason}.")
    if MY_SERVICE in found.files:
        raise Refused(f"Its {MY_SERVICE} is a file.")
    files = {path: data for path, data in found.files.items() if path.split("/")[0] in (MY_SERVICE, EXERCISES)}
    if not files and not found.left_out:
        raise Refused(f"Its {MY_SERVICE}/ is empty.")
    return Submission(name, files, _seed(hidden), _recorded(progress), found.left_out)


def _from_service(name: str, found: HandedInFiles) -> Submission:
    files = {f"{MY_SERVICE}/{path}": data for path, data in found.files.items()}
    left_out = {f"{MY_SERVICE}/{path}": why for path, why in found.left_out.items()}
    return Submission(name, files, left_out=left_out)


def _from_export(name: str, path: Path) -> Submission:
    work = read_work(path)
    texts = {file: "\n".join(one.text).encode() for file, one in work.files.items()}
    found = HandedInFiles()
    for file, content in texts.items():
        if file.split("/")[0] not in (MY_SERVICE, EXERCISES):
            continue
        if is_plain(file):
            found.add(file, content)
        else:
            found.leave_out(visible(file, MAX_NAME), NO_PLAIN_NAME)
    return Submission(name, found.files, work.seed, _passed(work.progress), found.left_out)


def _seed(hidden: Mapping[str, bytes]) -> int | None:
    """Return the seed of a workspace: a shared one, else the one that its id gives."""
    shared = hidden.get(SEED, b"").decode(errors="replace").strip()
    own = hidden.get("id", b"").decode(errors="replace").strip()
    if shared.isascii() and shared.isdecimal() and len(shared) < 20:
        return int(shared)
    return int(own, 16) if ID.fullmatch(own) else None


def _recorded(progress: bytes) -> frozenset[str]:
    """Return what a progress file calls passed; nothing for a damaged one."""
    try:
        return _passed(Document.model_validate_json(progress))
    except (ValidationError, RecursionError):
        return frozenset()


def _passed(progress: Document) -> frozenset[str]:
    return frozenset(name for name, one in progress.exercises.items() if one.passed_at is not None)


def _small(path: Path, max_bytes: int = 100) -> bytes:
    """Return the content of a small file; nothing where it cannot be read, or a folder on the way is a link."""
    try:
        if path.parent.is_symlink() or path.is_symlink():
            return b""
        return read_small(path, max_bytes=max_bytes)
    except (FileNotFoundError, WorkshopError):
        return b""
