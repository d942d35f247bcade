"""``my_service/`` as a git repository: commits of the kit, which no settings of the user's spoil or stop."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.trials.result import Result, Verdict
from workshop_kit.workspace import history, repository
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.repository import Commit

FIRST = "one = 1\n"
SECOND = "two = 2\n"


@pytest.fixture
def workspace(empty_workspace: Workspace, clean_git: None) -> Workspace:
    """A workspace whose service has a file and a secret, in a repository that the kit has begun."""
    (empty_workspace.my_service / "app.py").write_text(FIRST)
    secret = empty_workspace.my_service / "secrets" / "password"
    secret.parent.mkdir()
    secret.write_text("tea")
    empty_workspace.service_folder()  # writes .env
    repository.begin(empty_workspace)
    return empty_workspace


@pytest.fixture
def clean_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let `git` of the tests see no settings but those of a test."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def git(workspace: Workspace, *words: str, status: int = 0) -> str:
    """Run git as the participant does, in ``my_service/``."""
    participant = ["-c", "user.name=P", "-c", "user.email=p@example.org"]
    command = ["git", *participant, *words]
    process = subprocess.run(command, cwd=workspace.my_service, capture_output=True, text=True, check=False)
    assert process.returncode == status, process.stderr
    return process.stdout.strip()


def log(workspace: Workspace) -> list[str]:
    """Return the subjects of the commits, the newest first."""
    return git(workspace, "log", "--format=%s").splitlines()


def edit(workspace: Workspace, text: str = SECOND) -> Path:
    """Write the service's file, and return its path."""
    path = workspace.my_service / "app.py"
    path.write_text(text)
    return path


def test_it_begins_without_secrets_and_is_begun_once(workspace: Workspace) -> None:
    """The first commit has .gitignore; another lesson changes nothing, and neither does a commit without a change."""
    assert git(workspace, "ls-files").splitlines() == [".gitignore", "app.py"]
    repository.begin(workspace)
    first = repository.commit(workspace, "nothing new")
    assert first == repository.commit(workspace, "nothing new")
    assert log(workspace) == ["the service so far"]


def test_a_gitignore_of_the_participants_gains_the_lines_that_it_lacks(
    empty_workspace: Workspace, clean_git: None
) -> None:
    """Theirs stay."""
    path = empty_workspace.my_service / ".gitignore"
    path.write_text("mine/\n.env\n")
    repository.begin(empty_workspace)
    lines = path.read_text().splitlines()
    assert "mine/" in lines
    assert "secrets/" in lines
    assert lines.count(".env") == 1


def test_a_change_is_committed_after_what_was_there_before(workspace: Workspace) -> None:
    """The file as it was can be shown by the command, also after later commits; removed files are gone."""
    path = edit(workspace)
    (workspace.my_service / "gone.py").write_text("")
    with history.recorded(workspace, "reset orders.recent") as backup:
        place = backup.keep("my_service/app.py")
        path.write_text("three = 3\n")
        (workspace.my_service / "gone.py").unlink()
    repository.commit(workspace, "more")

    command = place.partition("`")[2].partition("`")[0]
    assert git(workspace, *command.split()[1:]) == SECOND.strip()
    assert log(workspace)[:2] == ["reset orders.recent", "before reset orders.recent"]
    assert git(workspace, "ls-files").splitlines() == [".gitignore", "app.py"]
    assert backup.sentences() == [f"What you had is in the history of my_service/ (`{command}`)."]
    assert not (workspace.folder / "kept").exists()


def test_passes_jumps_solutions_and_resets_are_commits(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is named by what was done, and a jump says where the files are that it replaced."""
    monkeypatch.setattr(ExerciseService, "judge", lambda *_: Result(Verdict.PASSED, "It holds."))
    service = ExerciseService.of(workspace, pytest.fail)
    arrived = checkpoint.arrange(service, "02_configuration")
    assert "`git show " in arrived.sentences()[-1]

    service.reset("orders.recent")
    path = workspace.my_service / "orders.py"
    path.write_text(path.read_text().replace("respond([])", "respond([1])"))
    service.check("orders.recent")
    checkpoint.solve(service, "orders.recent")
    done = ["solution of orders.recent", "orders.recent: passed", "reset orders.recent", "goto 02_configuration"]
    assert log(workspace) == [*done, "the service so far"]
    assert not (workspace.folder / "kept").exists()


@pytest.mark.parametrize("name", ["secrets/password", "data.bin", "mine.txt"])
def test_what_is_ignored_or_large_is_kept_as_a_copy(workspace: Workspace, name: str) -> None:
    """The sentence names a large file; a file that .gitignore names is the participant's own matter."""
    path = workspace.my_service / name
    path.write_bytes(b"x" * (repository.MAX_BYTES + 1 if name == "data.bin" else 1))
    with (workspace.my_service / ".gitignore").open("a") as file:
        file.write("mine.txt\n")
    with history.recorded(workspace, "a change") as backup:
        place = backup.keep(f"my_service/{name}")

    assert (workspace.folder / place).read_bytes() == path.read_bytes()
    assert ("larger than 5 MB: data.bin." in backup.commit.note) == (name == "data.bin")
    assert name not in git(workspace, "ls-files")


HOSTILE = """
[commit]
 gpgSign = true
[gpg]
 program = false
[core]
 hooksPath = {home}/hooks
 autocrlf = true
 safecrlf = true
 excludesFile = {home}/excludes
 attributesFile = {home}/attributes
 fsmonitor = false
 bare = true
[init]
 templateDir = {home}/templates
[diff]
 external = false
 noprefix = true
[status]
 showUntrackedFiles = no
 short = true
[user]
 useConfigOnly = true
"""


@pytest.mark.parametrize("place", ["user", "repository"])
def test_no_settings_spoil_it(empty_workspace: Workspace, clean_git: None, tmp_path: Path, place: str) -> None:
    """Neither the user's nor those of a repository that the participant made: all is committed, byte for byte."""
    for folder in ("hooks", "templates/hooks"):
        hook = tmp_path / folder / "pre-commit"
        hook.parent.mkdir(parents=True)
        hook.write_text("#!/bin/sh\nexit 1\n")
        hook.chmod(0o755)
    (tmp_path / "excludes").write_text("*.env\n*.py\n")
    (tmp_path / "attributes").write_text("*.py text eol=crlf filter=none\n")
    path = empty_workspace.my_service / "app.py"
    path.write_bytes(b"one = 1\r\n")
    (empty_workspace.my_service / "settings.env").write_text("HOST=x\n")

    if place == "repository":
        git(empty_workspace, "init", "--quiet")
    settings = {"user": tmp_path / ".gitconfig", "repository": empty_workspace.my_service / ".git" / "config"}
    with settings[place].open("a") as file:
        file.write(HOSTILE.format(home=tmp_path))
    repository.begin(empty_workspace)

    commit = repository.commit(empty_workspace, "all")
    assert commit.id
    for name in ("app.py", "settings.env"):
        assert repository.has(empty_workspace, commit.id, name)


def test_no_variable_leads_elsewhere(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The kernel may have been started from a hook of another repository."""
    edit(workspace)
    with monkeypatch.context() as patch:
        for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
            patch.setenv(name, str(tmp_path / "elsewhere"))
        repository.commit(workspace, "all")
    assert log(workspace)[0] == "all"
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a folder away")
def test_a_folder_of_another_owner_is_no_matter(workspace: Workspace) -> None:
    """Git itself refuses to work there without safe.directory."""
    path = edit(workspace)
    for file in (workspace.my_service, workspace.my_service / ".git"):
        os.chown(file, 12345, 12345)
    assert repository.has(workspace, repository.commit(workspace, "all").id, path.name)


def stop_in_conflict(workspace: Workspace, *words: str) -> None:
    """Begin a merge or the like of a branch that changes the same line, so that it stops."""
    git(workspace, "switch", "--quiet", "--create", "other")
    edit(workspace, "other = 1\n")
    git(workspace, "commit", "--quiet", "--all", "--message", "other")
    git(workspace, "switch", "--quiet", "main")
    edit(workspace)
    git(workspace, "commit", "--quiet", "--all", "--message", "mine")
    git(workspace, *words, status=1)


def stash_in_conflict(workspace: Workspace) -> None:
    """Bring edits back that do not fit any more."""
    edit(workspace, "other = 1\n")
    git(workspace, "stash")
    edit(workspace)
    git(workspace, "commit", "--quiet", "--all", "--message", "mine")
    git(workspace, "stash", "pop", status=1)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("merge", "other"), "a merge is under way"),
        (("rebase", "other"), "a rebase is under way"),
        (("cherry-pick", "other"), "a cherry-pick is under way"),
        (("stash",), "files are in conflict"),
        (("checkout", "--quiet", "--detach"), "no branch is checked out (a detached HEAD)"),
    ],
    ids=lambda words: words[0] if isinstance(words, tuple) else "",
)
def test_what_the_participant_has_begun_is_not_disturbed(
    workspace: Workspace, words: tuple[str, ...], reason: str
) -> None:
    """Nothing is committed, one sentence says why, and the file is copied to kept/."""
    if words == ("stash",):
        stash_in_conflict(workspace)
    elif "--detach" in words:
        git(workspace, *words)
        edit(workspace)
    else:
        stop_in_conflict(workspace, *words)
    commits = git(workspace, "rev-list", "--all")
    status = git(workspace, "status", "--porcelain")

    with history.recorded(workspace, "a change") as backup:
        place = backup.keep("my_service/app.py")

    assert backup.commit == Commit(note=f"Nothing was committed: {reason} in my_service/.")
    assert (workspace.folder / place).is_file()
    assert backup.sentences()[-1] == backup.commit.note
    assert git(workspace, "rev-list", "--all") == commits
    assert git(workspace, "status", "--porcelain") == status


@pytest.mark.parametrize("damage", ["no git", "no objects", "locked index"])
def test_without_a_repository_that_works_files_are_copied(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    """Nothing is said of commits, and no repository in a folder above is taken for it."""
    git_folder = workspace.my_service / ".git"
    subprocess.run(["git", "init", "--quiet", workspace.folder], check=True)
    edit(workspace)
    match damage:
        case "no git":
            monkeypatch.setenv("PATH", str(workspace.folder))
        case "no objects":
            (git_folder / "objects").rename(workspace.folder / "away")
        case "locked index":
            (git_folder / "index.lock").write_text("")

    with history.recorded(workspace, "a change") as backup:
        place = backup.keep("my_service/app.py")

    assert backup.commit == Commit()
    assert (workspace.folder / place).read_text() == SECOND
    assert len(backup.sentences()) == 1


COMMITS = """
import sys
from pathlib import Path
from workshop_kit.workspace import repository
from workshop_kit.workspace.folder import Workspace

folder, name = sys.argv[1:]
workspace = Workspace(Path(folder), "00000000")
for number in range(5):
    (workspace.my_service / f"{name}{number}").write_text(name)
    assert repository.commit(workspace, f"{name}{number}").id
"""


def test_two_processes_commit_at_once(workspace: Workspace, root: Path) -> None:
    """Two notebooks, or a notebook and a command: each commit succeeds, and all files are in the last one."""
    command = [sys.executable, "-P", "-c", COMMITS, str(workspace.folder)]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    processes = [subprocess.Popen([*command, name], env=environment) for name in ("a", "b")]
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    assert git(workspace, "status", "--porcelain") == ""
    assert len(git(workspace, "ls-files").splitlines()) == 12
