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
from workshop_kit.untrusted_text import visible
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
        sha256 = hashlib.sha256(f"seed {self.seed}\0".encode())
        for path in sorted(self.files):
            content = self.files[path]
            sha256.update(f"{path}\0{len(content)}\0".encode() + content)
        for path in sorted(self.left_out):
            sha256.update(f"{path}\0{self.left_out[path]}\0".encode())
        return sha256.hexdigest()


_PathSubmission = tuple[Path, Submission]
"""A submission, and the path that it was read from."""


def read_submissions(paths: Sequence[Path], seed: int | None = None) -> list[Submission]:
    """Read what the paths name; of a folder of submissions, all that is in it. Nothing in them raises.

    ``seed`` is for those that do not say theirs. Raises WrongUsage for a path that is not there.
    """
    pairs: list[_PathSubmission] = []
    for path in paths:
        if not path.exists():
            raise WrongUsage(f"There is no {path}.", WHAT_TO_NAME)
        pairs += [(place, _read_submission(place)) for place in _submissions_at(path)]
    if not pairs:
        raise WrongUsage("There is nothing to grade.", WHAT_TO_NAME)

    pairs = _rename_duplicates(pairs, [f"{path.parent.name}/{submission.name}" for path, submission in pairs])
    pairs = _rename_duplicates(pairs, [str(path) for path, _ in pairs])
    submissions = [submission for _, submission in pairs]
    return [replace(submission, seed=seed) if submission.seed is None else submission for submission in submissions]


def _rename_duplicates(pairs: Sequence[_PathSubmission], names: Iterable[str]) -> list[_PathSubmission]:
    """Return the pairs; a submission that shares its name has that of ``names`` at its place."""
    counts = Counter(submission.name for _, submission in pairs)
    renamed_pairs = []
    for (path, submission), name in zip(pairs, names, strict=True):
        if counts[submission.name] > 1:
            renamed_pairs.append((path, replace(submission, name=name)))
        else:
            renamed_pairs.append((path, submission))
    return renamed_pairs


def _submissions_at(path: Path) -> Iterable[Path]:
    """Return the path, or what is in it, if it is a folder of submissions."""
    if not path.is_dir() or _has_work(_unwrapped(path)):
        return [path]
    children = sorted(child for child in path.iterdir() if not child.name.startswith("."))
    submissions = [child for child in children if _is_submission(child)]
    return submissions or [path]


def _is_submission(path: Path) -> bool:
    return path.is_dir() or path.is_symlink() or _is_file_of_work(path)


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
        only_child = _only_child(folder)
        if only_child is None or not only_child.is_dir():
            break
        folder = only_child
    return folder


def _only_child(folder: Path) -> Path | None:
    """Return what is alone in a folder, unless it is a link; None if there is more, or nothing."""
    children = [child for child in _children(folder) if not child.name.startswith(("__MACOSX", "."))]
    return children[0] if len(children) == 1 and not children[0].is_symlink() else None


def _children(folder: Path) -> Iterator[Path]:
    try:
        yield from folder.iterdir()
    except OSError:
        return


def _read_submission(path: Path) -> Submission:
    """Read one submission; whatever is wrong with it becomes its problem."""
    name = _name_of(path)
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
    except Exception as error:  # a library may raise anything for a file from outside
        return Submission(name, problem=f"It cannot be read ({type(error).__name__}).")


def _name_of(path: Path) -> str:
    """Return the name of a folder as it is, that of a file without its endings (``.tar.gz``)."""
    if path.is_dir():
        return path.name
    name, _, _ = path.name.partition(".")
    return name or path.name


def _from_folder(name: str, folder: Path) -> Submission:
    if (folder / MY_SERVICE).exists() or (folder / MY_SERVICE).is_symlink():
        handed_in = read_folder(folder, MY_SERVICE, EXERCISES)
        hidden = {file: _read_or_empty(folder / HIDDEN / file) for file in (SEED, "id")}
        return _from_workspace(name, handed_in, hidden, _read_or_empty(folder / PROGRESS, PROGRESS_BYTES))
    if _has_work(folder):
        return _from_service(name, read_folder(folder))
    only_child = _only_child(folder)
    if only_child is not None and only_child.is_file() and _is_file_of_work(only_child):
        return replace(_read_submission(only_child), name=name)
    raise Refused(f"It has no {MY_SERVICE}/, and is none: there is neither {' nor '.join(SIGNS)}.")


def _from_archive(name: str, handed_in: HandedInFiles) -> Submission:
    """Return the submission in an archive, whose hidden files are not read: its seed is not known."""
    top = _outermost_folder(handed_in, f"{MY_SERVICE}/")
    if top is not None:
        workspace_files = handed_in.below(top)
        return _from_workspace(name, workspace_files, {}, workspace_files.files.get(PROGRESS, b""))
    for sign in SIGNS:
        top = _outermost_folder(handed_in, sign)
        if top is not None:
            return _from_service(name, handed_in.below(top))
    raise Refused(f"The archive has no {MY_SERVICE}/, and neither {' nor '.join(SIGNS)}.")


def _outermost_folder(handed_in: HandedInFiles, sought: str) -> str | None:
    """Return the outermost folder that has a file, or files below a folder; None without one."""
    tops = set()
    for name in (*handed_in.files, *handed_in.left_out):
        for folder in PurePosixPath(name).parents:
            top = "" if str(folder) == "." else folder.as_posix()
            inner_name = name.removeprefix(f"{top}/") if top else name
            is_below = sought.endswith("/") and inner_name.startswith(sought)
            if inner_name == sought or is_below:
                tops.add(top)
    return min(tops, key=_depth, default=None)


def _depth(folder: str) -> tuple[int, str]:
    return folder.count("/"), folder


def _from_workspace(name: str, handed_in: HandedInFiles, hidden: Mapping[str, bytes], progress: bytes) -> Submission:
    if reason := handed_in.left_out.get(MY_SERVICE):
        raise Refused(f"Its {MY_SERVICE} {reason}.")
    if MY_SERVICE in handed_in.files:
        raise Refused(f"Its {MY_SERVICE} is a file.")
    files = {path: data for path, data in handed_in.files.items() if path.split("/")[0] in (MY_SERVICE, EXERCISES)}
    if not files and not handed_in.left_out:
        raise Refused(f"Its {MY_SERVICE}/ is empty.")
    return Submission(name, files, _seed(hidden), _recorded(progress), handed_in.left_out)


def _from_service(name: str, handed_in: HandedInFiles) -> Submission:
    files = {f"{MY_SERVICE}/{path}": data for path, data in handed_in.files.items()}
    left_out = {f"{MY_SERVICE}/{path}": why for path, why in handed_in.left_out.items()}
    return Submission(name, files, left_out=left_out)


def _from_export(name: str, path: Path) -> Submission:
    work = read_work(path)
    texts = {file: "\n".join(exported_file.text).encode() for file, exported_file in work.files.items()}
    handed_in = HandedInFiles()

    for file, content in texts.items():
        if file.split("/")[0] not in (MY_SERVICE, EXERCISES):
            continue
        if is_plain(file):
            handed_in.add(file, content)
        else:
            handed_in.leave_out(visible(file, MAX_NAME), NO_PLAIN_NAME)

    return Submission(name, handed_in.files, work.seed, _passed(work.progress), handed_in.left_out)


def _seed(hidden: Mapping[str, bytes]) -> int | None:
    """Return the seed of a workspace: a shared one, else the one that its id gives."""
    shared_seed = hidden.get(SEED, b"").decode(errors="replace").strip()
    workspace_id = hidden.get("id", b"").decode(errors="replace").strip()
    if shared_seed.isascii() and shared_seed.isdecimal() and len(shared_seed) < 20:
        return int(shared_seed)
    return int(workspace_id, 16) if ID.fullmatch(workspace_id) else None


def _recorded(progress: bytes) -> frozenset[str]:
    """Return what a progress file calls passed; nothing for a damaged one."""
    try:
        return _passed(Document.model_validate_json(progress))
    except (ValidationError, RecursionError):
        return frozenset()


def _passed(progress: Document) -> frozenset[str]:
    return frozenset(name for name, record in progress.exercises.items() if record.passed_at is not None)


def _read_or_empty(path: Path, max_bytes: int = 100) -> bytes:
    """Return the content of a small file; nothing where it cannot be read, or a folder on the way is a link."""
    try:
        if path.parent.is_symlink() or path.is_symlink():
            return b""
        return read_small(path, max_bytes=max_bytes)
    except (FileNotFoundError, WorkshopError):
        return b""
