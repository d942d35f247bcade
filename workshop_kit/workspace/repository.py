"""``my_service/`` as a git repository: the kit begins it, and commits what has changed.

No git configuration of the user's takes part: git reads that of the repository alone, and `SETTINGS` win over it. Where
git is missing or fails, nothing is committed.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from workshop_kit.errors import WorkshopError
from workshop_kit.names import in_words
from workshop_kit.workspace import definitions
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.workspace.folder import HIDDEN, Workspace

GITIGNORE = Path(__file__).with_name("gitignore")
"""What no commit of the kit adds; a new repository has these lines in its ``.gitignore``."""
MAX_BYTES = 5_000_000
"""The kit commits no larger file."""
SECONDS = 60
"""How long a command, and the lock, may take."""
SETTINGS = {
    "commit.gpgSign": "false",
    "core.attributesFile": os.devnull,
    "core.autocrlf": "false",
    "core.excludesFile": str(GITIGNORE),
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "gc.auto": "0",
    "init.defaultBranch": "main",
    "maintenance.auto": "false",
}
UNDER_WAY = {
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "BISECT_LOG": "a bisect",
}
"""Files of git's folder, each with what the participant is doing while it is there."""
FAILURES = (OSError, subprocess.SubprocessError, WorkshopError)


@dataclass(frozen=True)
class Commit:
    """A commit with all that is in the folder: its ``id``, or "" where there is none. ``note`` says what it lacks."""

    id: str = ""
    note: str = ""


def begin(workspace: Workspace) -> None:
    """Make ``my_service/`` a git repository with all that is in it, unless it is one."""
    if _git_folder(workspace).exists():
        return
    try:
        with _lock(workspace):
            _run(workspace, "init", "--quiet", "--template=")
            _write_gitignore(workspace.my_service / ".gitignore")
    except FAILURES:
        return
    commit(workspace, "the service so far")


def commit(workspace: Workspace, message: str) -> Commit:
    """Commit what has changed in ``my_service/``, and return the last commit.

    In a rebase, a merge or a detached head of the participant's, nothing is committed.
    """
    if not _git_folder(workspace).exists():
        return Commit()
    try:
        with _lock(workspace):
            return _commit(workspace, message)
    except FAILURES:
        return Commit()


def has(workspace: Workspace, commit_id: str, name: str) -> bool:
    """Return whether a commit has the file ``name`` of ``my_service/`` as it is now, byte for byte."""
    if not commit_id:
        return False
    try:
        content = _run(workspace, "cat-file", "blob", f"{commit_id}:{name}")
        return content == (workspace.my_service / name).read_bytes()
    except FAILURES:
        return False


def _commit(workspace: Workspace, message: str) -> Commit:
    obstacle = _obstacle(workspace)
    if obstacle:
        return Commit(note=f"Nothing was committed: {obstacle} in {MY_SERVICE}/.")

    changed = list(_changed_files(workspace))
    large = [path for path in changed if _is_large(workspace.my_service / path)]
    added = [path for path in changed if path not in large]
    if added:
        names = "".join(f"{path}\0" for path in added)
        _run(workspace, "update-index", "--add", "--remove", "-z", "--stdin", stdin=os.fsencode(names))
        _run(workspace, "commit", "--quiet", "--message", message)

    note = f"Not committed, larger than 5 MB: {in_words(large)}." if large else ""
    return Commit(_run(workspace, "rev-parse", "--short", "HEAD").decode().strip(), note)


def _changed_files(workspace: Workspace) -> Iterator[str]:
    """Yield the files that differ from the last commit, without those that git ignores and other repositories."""
    options = ("--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=all")
    for entry in os.fsdecode(_run(workspace, "status", *options)).split("\0"):
        if entry and not entry.endswith("/"):
            yield entry[3:]


def _obstacle(workspace: Workspace) -> str:
    """Return what the participant is doing with git, in which a commit would be in the way; "" if nothing."""
    git_folder = Path(os.fsdecode(_run(workspace, "rev-parse", "--absolute-git-dir").rstrip(b"\n")))
    for name, action in UNDER_WAY.items():
        if (git_folder / name).exists():
            return f"{action} is under way"

    if _run(workspace, "ls-files", "--unmerged"):
        return "files are in conflict"
    if not _run(workspace, "branch", "--show-current"):
        return "no branch is checked out (a detached HEAD)"
    return ""


def _is_large(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > MAX_BYTES


def _write_gitignore(path: Path) -> None:
    """Write ``.gitignore``, or add the lines that the participant's lacks."""
    mine = path.read_text() if path.exists() else ""
    path.write_text(definitions.apply(path.name, mine, GITIGNORE.read_text()))


def _git_folder(workspace: Workspace) -> Path:
    return workspace.my_service / ".git"


def _lock(workspace: Workspace) -> FileLock:
    """Return the lock of the repository: a kernel, another one and a command may commit at once."""
    return FileLock(workspace.folder / HIDDEN / "repository.lock", timeout=SECONDS)


def _run(workspace: Workspace, *words: str, stdin: bytes = b"") -> bytes:
    """Return what a git command prints. Raises OSError and SubprocessError."""
    command = ["git"]
    for name, value in SETTINGS.items():
        command += ["-c", f"{name}={value}"]

    process = subprocess.run(
        [*command, *words],
        cwd=workspace.my_service,
        env=_environment(workspace),
        input=stdin,
        capture_output=True,
        check=True,
        timeout=SECONDS,
    )
    return process.stdout


def _environment(workspace: Workspace) -> dict[str, str]:
    """Return the environment of a git command: the repository is named, so git searches no folder above for one."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    author = "the participant"
    mail = "participant@workshop.invalid"
    return {
        **others,
        "GIT_DIR": str(_git_folder(workspace)),
        "GIT_WORK_TREE": str(workspace.my_service),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": author,
        "GIT_AUTHOR_EMAIL": mail,
        "GIT_COMMITTER_NAME": author,
        "GIT_COMMITTER_EMAIL": mail,
    }
