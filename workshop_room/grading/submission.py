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
        """The SHA-256 of all that is judged. Submissions with the same one have the same grades."""
        sha256 = hashlib.sha256(f"seed {self.seed}\0".encode())
        for path, content in sorted(self.files.items()):
            sha256.update(f"{path}\0{len(content)}\0".encode() + content)
        for path, reason in sorted(self.left_out.items()):
            sha256.update(f"{path}\0{reason}\0".encode())
        return sha256.hexdigest()


_PathSubmission = tuple[Path, Submission]
"""A submission, and the path that it was read from."""


def read_submissions(paths: Sequence[Path], seed: int | None = None) -> list[Submission]:
    """Read the submission at each path, or all submissions in it if it is a folder of them.

    ``seed`` is for those that do not say theirs. What is wrong with a submission becomes its problem. Raises
    WrongUsage for a path that is not there.
    """
    pairs: list[_PathSubmission] = []
    for path in paths:
        if not path.exists():
            raise WrongUsage(f"There is no {path}.", WHAT_TO_NAME)
        pairs += [(place, _read_submission(place)) for place in _submissions_at(path)]
    if not pairs:
        raise WrongUsage("There is nothing to grade.", WHAT_TO_NAME)

    names_with_folder = [f"{path.parent.name}/{submission.name}" for path, submission in pairs]
    pairs = _rename_duplicates(pairs, names_with_folder)
    whole_paths = [str(path) for path, _ in pairs]
    pairs = _rename_duplicates(pairs, whole_paths)
    return [_set_missing_seed(submission, seed) for _, submission in pairs]


def _set_missing_seed(submission: Submission, seed: int | None) -> Submission:
    if submission.seed is not None:
        return submission
    return replace(submission, seed=seed)


def _rename_duplicates(pairs: Sequence[_PathSubmission], names: Iterable[str]) -> list[_PathSubmission]:
    """Return the pairs; a submission whose name another one has, too, gets the name at its place in ``names``."""
    counts = Counter(submission.name for _, submission in pairs)
    renamed_pairs = []
    for (path, submission), name in zip(pairs, names, strict=True):
        if counts[submission.name] > 1:
            renamed_pairs.append((path, replace(submission, name=name)))
        else:
            renamed_pairs.append((path, submission))
    return renamed_pairs


def _submissions_at(path: Path) -> Iterable[Path]:
    """Return the paths of the submissions in a folder of them; the path itself if it is one submission."""
    if not path.is_dir() or _has_work(_find_work_folder(path)):
        return [path]
    children = sorted(child for child in path.iterdir() if not child.name.startswith("."))
    submissions = [child for child in children if _is_submission(child)]
    return submissions or [path]


def _is_submission(path: Path) -> bool:
    return path.is_dir() or path.is_symlink() or _is_file_of_work(path)


def _is_file_of_work(path: Path) -> bool:
    """Return whether a file may be a submission, by its name."""
    return is_archive(path) or path.suffix == EXPORT or path.name.lower().endswith(OTHER_ARCHIVES)


def _has_work(folder: Path) -> bool:
    """Return whether a folder is a workspace or a ``my_service/``."""
    return any(os.path.lexists(folder / name) for name in (MY_SERVICE, *SIGNS))


def _find_work_folder(folder: Path) -> Path:
    """Return the folder that has the work. In an archive it is often the only folder of another one.

    Returns the innermost folder that was looked at if none has it.
    """
    for _ in range(MAX_WRAPPERS):
        if _has_work(folder):
            break
        only_child = _only_child(folder)
        if only_child is None or not only_child.is_dir():
            break
        folder = only_child
    return folder


def _only_child(folder: Path) -> Path | None:
    """Return the only file or folder in a folder; None if there are more, or none, or if it is a link."""
    children = [child for child in _children(folder) if not child.name.startswith(("__MACOSX", "."))]
    if len(children) != 1 or children[0].is_symlink():
        return None
    return children[0]


def _children(folder: Path) -> Iterator[Path]:
    """Yield what is in a folder; nothing if it cannot be read."""
    try:
        yield from folder.iterdir()
    except OSError:
        return


def _read_submission(path: Path) -> Submission:
    """Read one submission. It raises nothing: what is wrong becomes the submission's problem."""
    name = _name_of(path)
    try:
        if path.is_symlink():
            raise Refused("It is a link.", "Name what it leads to.")
        if path.is_dir():
            return _from_folder(name, _find_work_folder(path))
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
    """Return the name of a folder; the name of a file without its endings (``.tar.gz``)."""
    if path.is_dir():
        return path.name
    name, _, _ = path.name.partition(".")
    return name or path.name


def _from_folder(name: str, folder: Path) -> Submission:
    """Return the submission in a workspace, a ``my_service/``, or a folder with only a file of one in it.

    Raises Refused for any other folder.
    """
    my_service = folder / MY_SERVICE
    if my_service.exists() or my_service.is_symlink():
        handed_in = read_folder(folder, MY_SERVICE, EXERCISES)
        hidden_files = {file: _read_or_empty(folder / HIDDEN / file) for file in (SEED, "id")}
        progress = _read_or_empty(folder / PROGRESS, PROGRESS_BYTES)
        return _from_workspace(name, handed_in, hidden_files, progress)
    if _has_work(folder):
        return _from_service(name, read_folder(folder))

    only_child = _only_child(folder)
    if only_child is not None and only_child.is_file() and _is_file_of_work(only_child):
        return replace(_read_submission(only_child), name=name)
    raise Refused(f"It has no {MY_SERVICE}/, and is none: there is neither {' nor '.join(SIGNS)}.")


def _from_archive(name: str, handed_in: HandedInFiles) -> Submission:
    """Return the submission in an archive. Its hidden files were not read, so its seed is not known.

    Raises Refused for an archive without a ``my_service/``.
    """
    workspace_folder = _outermost_folder(handed_in, f"{MY_SERVICE}/")
    if workspace_folder is not None:
        workspace_files = handed_in.below(workspace_folder)
        progress = workspace_files.files.get(PROGRESS, b"")
        return _from_workspace(name, workspace_files, {}, progress)

    for sign in SIGNS:
        service_folder = _outermost_folder(handed_in, sign)
        if service_folder is not None:
            return _from_service(name, handed_in.below(service_folder))
    raise Refused(f"The archive has no {MY_SERVICE}/, and neither {' nor '.join(SIGNS)}.")


def _outermost_folder(handed_in: HandedInFiles, sought: str) -> str | None:
    """Return the outermost folder in which ``sought`` is: a file, or a folder, which ends with a slash.

    Returns "" for the top of the archive, None if nothing is found.
    """
    folders = set()
    for path in (*handed_in.files, *handed_in.left_out):
        for parent in PurePosixPath(path).parents:
            folder = "" if str(parent) == "." else parent.as_posix()
            if _leads_to(path, folder, sought):
                folders.add(folder)
    return min(folders, key=_depth, default=None)


def _leads_to(path: str, folder: str, sought: str) -> bool:
    """Return whether a path is the sought file in a folder, or is below the sought folder in it."""
    inner_path = path.removeprefix(f"{folder}/") if folder else path
    if sought.endswith("/"):
        return inner_path.startswith(sought)
    return inner_path == sought


def _depth(folder: str) -> tuple[int, str]:
    return folder.count("/"), folder


def _from_workspace(
    name: str, handed_in: HandedInFiles, hidden_files: Mapping[str, bytes], progress: bytes
) -> Submission:
    """Return the submission in a workspace. Raises Refused if its ``my_service`` is no folder with files."""
    reason = handed_in.left_out.get(MY_SERVICE)
    if reason:
        raise Refused(f"Its {MY_SERVICE} {reason}.")
    if MY_SERVICE in handed_in.files:
        raise Refused(f"Its {MY_SERVICE} is a file.")
    files = {path: data for path, data in handed_in.files.items() if _is_work(path)}
    if not files and not handed_in.left_out:
        raise Refused(f"Its {MY_SERVICE}/ is empty.")
    return Submission(name, files, _seed_of(hidden_files), _passed_in(progress), handed_in.left_out)


def _is_work(path: str) -> bool:
    """Return whether a path in a workspace is of the service or of the exercises."""
    top_folder, _, _ = path.partition("/")
    return top_folder in (MY_SERVICE, EXERCISES)


def _from_service(name: str, handed_in: HandedInFiles) -> Submission:
    """Return the submission in a ``my_service/``; the paths in it become those in a workspace."""
    files = {f"{MY_SERVICE}/{path}": data for path, data in handed_in.files.items()}
    left_out = {f"{MY_SERVICE}/{path}": why for path, why in handed_in.left_out.items()}
    return Submission(name, files, left_out=left_out)


def _from_export(name: str, path: Path) -> Submission:
    """Return the submission in a file of `./workshop progress export`. Raises WorkshopError for any other file."""
    work = read_work(path)
    contents = {file: "\n".join(exported_file.text).encode() for file, exported_file in work.files.items()}
    handed_in = HandedInFiles()

    for file, content in contents.items():
        if not _is_work(file):
            continue
        if is_plain(file):
            handed_in.add(file, content)
        else:
            handed_in.leave_out(visible(file, MAX_NAME), NO_PLAIN_NAME)

    return Submission(name, handed_in.files, work.seed, _passed_exercises(work.progress), handed_in.left_out)


def _seed_of(hidden_files: Mapping[str, bytes]) -> int | None:
    """Return the seed of a workspace: a shared one, else the one that its id gives; None without either."""
    shared_seed = hidden_files.get(SEED, b"").decode(errors="replace").strip()
    if shared_seed.isascii() and shared_seed.isdecimal() and len(shared_seed) < 20:
        return int(shared_seed)

    workspace_id = hidden_files.get("id", b"").decode(errors="replace").strip()
    if ID.fullmatch(workspace_id):
        return int(workspace_id, 16)
    return None


def _passed_in(progress: bytes) -> frozenset[str]:
    """Return the exercises that a progress file calls passed; none for a damaged file."""
    try:
        return _passed_exercises(Document.model_validate_json(progress))
    except (ValidationError, RecursionError):
        return frozenset()


def _passed_exercises(progress: Document) -> frozenset[str]:
    return frozenset(name for name, record in progress.exercises.items() if record.passed_at is not None)


def _read_or_empty(path: Path, max_bytes: int = 100) -> bytes:
    """Return the content of a small file; nothing if it cannot be read, or if it or its folder is a link."""
    try:
        if path.parent.is_symlink() or path.is_symlink():
            return b""
        return read_small(path, max_bytes=max_bytes)
    except (FileNotFoundError, WorkshopError):
        return b""
