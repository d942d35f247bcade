"""What people hand in is read safely: what is wrong with one submission is that one's problem, in a sentence."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workshop_room.grading.conftest import HandIn
from workshop_kit.errors import WrongUsage
from workshop_kit.exercises.progress import Progress
from workshop_kit.exercises.work_file import export_work
from workshop_kit.workspace.folder import Workspace
from workshop_room.grading import handed_in_files
from workshop_room.grading.submission import Submission, read_submissions

DOCKERFILE = "my_service/Dockerfile"


def read(*paths: Path) -> dict[str, Submission]:
    """The submissions that the paths name, by name."""
    return {submission.name: submission for submission in read_submissions(paths)}


def test_a_workspace_a_service_and_an_export_say_the_same(tmp_path: Path) -> None:
    """The files of my_service/ are found by the same paths; a service alone says neither seed nor progress."""
    workspace = Workspace.open(tmp_path / "ann")
    workspace.share_seed(7)
    Progress(workspace.progress_path).record_check("container.limits", "passed")
    export_work(workspace, tmp_path / "ben.json")

    submissions = read(workspace.folder, workspace.my_service, tmp_path / "ben.json")
    whole = submissions["ann"]
    service = submissions["my_service"]
    exported = submissions["ben"]
    of_service = {path: data for path, data in whole.files.items() if path.startswith("my_service/")}
    assert DOCKERFILE in of_service
    assert dict(service.files) == dict(exported.files) == of_service
    assert (whole.seed, exported.seed, service.seed) == (7, 7, None)
    assert whole.recorded == exported.recorded == {"container.limits"}
    assert {submission.problem for submission in submissions.values()} == {""}


def test_a_seed_is_given_to_those_that_do_not_say_theirs(hand_in: HandIn) -> None:
    """`--seed` never replaces the numbers that a participant had."""
    folder = hand_in("ann", seed=3)
    submissions = read_submissions([folder, folder / "my_service"], seed=7)
    assert [submission.seed for submission in submissions] == [3, 7]


def test_a_folder_of_submissions(hand_in: HandIn, tmp_path: Path) -> None:
    """Each of its folders, archives and exports is one; other files are none, and a wrapping folder does not count."""
    hand_in("ann")
    hand_in("ben").rename(tmp_path / "inner")
    (tmp_path / "handed in" / "ben").mkdir()
    (tmp_path / "inner").rename(tmp_path / "handed in" / "ben" / "workspace")
    (tmp_path / "handed in" / "readme.txt").write_text("no submission")
    submissions = read(tmp_path / "handed in")
    assert list(submissions) == ["ann", "ben"]
    assert submissions["ann"].digest == submissions["ben"].digest


def test_folders_of_a_learning_platform(hand_in: HandIn, tmp_path: Path) -> None:
    """Each has one archive or export in it, and the folder has the person's name; another packer's file is named."""
    top = tmp_path / "handed in"
    (top / "Ann Lee_12_file").mkdir(parents=True)
    zipped(top / "Ann Lee_12_file" / "work.zip", {DOCKERFILE: "FROM x\n"})
    (top / "Ben_13_file").mkdir()
    (top / "Ben_13_file" / "work.rar").write_text("Rar!")
    (top / "cem.7z").write_text("7z")
    submissions = read(top)
    assert dict(submissions["Ann Lee_12_file"].files) == {DOCKERFILE: b"FROM x\n"}
    assert {submissions[name].problem for name in ("Ben_13_file", "cem")} == {
        "It is packed in a way that is not read: ask for a zip or tar.gz archive."
    }


def test_two_of_one_name_are_told_apart(hand_in: HandIn, tmp_path: Path) -> None:
    """Their folder stands before their name, and their path where that is the same, too."""
    first = hand_in("ann")
    second = tmp_path / "late" / "ann"
    second.parent.mkdir()
    hand_in("other").rename(second)
    assert list(read(first, second)) == ["handed in/ann", "late/ann"]
    assert list(read(first, first)) == [str(first)]


def fifo(path: Path) -> None:
    """Put a FIFO there: to open it would wait for ever."""
    path.unlink()
    os.mkfifo(path)


def endless_link(path: Path) -> None:
    """Put a link to a device there that has no end."""
    path.unlink()
    path.symlink_to("/dev/zero")


def huge(path: Path) -> None:
    """Put a file there that is larger than a disk; it takes no space."""
    with path.open("wb") as file:
        file.truncate(2**40)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("damage", "reason"), [(fifo, "is no regular file"), (endless_link, "is a link"), (huge, "is larger than 1 MB")]
)
def test_what_is_no_small_file_is_left_out(hand_in: HandIn, damage: Callable[[Path], None], reason: str) -> None:
    """It is named with the reason, and the rest is read."""
    folder = hand_in("eve")
    damage(folder / DOCKERFILE)
    submission = read(folder)["eve"]
    assert submission.left_out == {DOCKERFILE: reason}
    assert DOCKERFILE not in submission.files
    assert "my_service/app.py" in submission.files


def test_a_name_with_terminal_codes_is_not_read(hand_in: HandIn) -> None:
    """It is shown escaped, and nothing is written under it."""
    folder = hand_in("eve")
    (folder / "my_service" / "\x1b[2Jx.py").write_text("")
    submission = read(folder)["eve"]
    assert list(submission.left_out) == ["my_service/\\x1b[2Jx.py"]


@pytest.mark.timeout(20)
def test_a_link_in_place_of_a_submission_or_of_its_service(hand_in: HandIn, tmp_path: Path) -> None:
    """Nobody hands in the files of another, or of this machine."""
    folder = hand_in("ann")
    link = folder.parent / "ben"
    link.symlink_to(folder)
    device = folder.parent / "cem.json"
    device.symlink_to("/dev/zero")
    (folder.parent / "dan").mkdir()
    (folder.parent / "dan" / "my_service").symlink_to("/etc")
    (folder.parent / "fay").mkdir()
    (folder.parent / "fay" / "my_service").write_text("a file")
    submissions = read(folder.parent)
    assert {name: submission.problem for name, submission in submissions.items()} == {
        "ann": "",
        "ben": "It is a link.",
        "cem": "It is a link.",
        "dan": "Its my_service is a link.",
        "fay": "Its my_service is a file.",
    }


@pytest.mark.timeout(20)
@pytest.mark.parametrize("limit", ["MAX_FILES", "MAX_ENTRIES", "MAX_BYTES", "MAX_DEPTH"])
def test_too_much_is_refused(hand_in: HandIn, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    """It is one row with the limit, not a full memory."""
    monkeypatch.setattr(handed_in_files, limit, 1)
    folder = hand_in("eve")
    (folder / "my_service" / "a" / "b").mkdir(parents=True)
    assert "more than" in read(folder)["eve"].problem


def test_nothing_to_grade_is_said_before_anything_runs(tmp_path: Path) -> None:
    """A path that is not there is a typing error; a folder without work is a row."""
    with pytest.raises(WrongUsage, match=r"There is no .*nowhere"):
        read_submissions([tmp_path / "nowhere"])
    assert "has no my_service/" in read(tmp_path)[tmp_path.name].problem


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps({"format": "another"}), "[" * 100_000, "\ud800"])
def test_a_damaged_export_is_a_problem(tmp_path: Path, text: str) -> None:
    """It says that it is no exported progress."""
    file = tmp_path / "eve.json"
    file.write_bytes(text.encode(errors="surrogatepass"))
    assert read(file)["eve"].problem


def zipped(path: Path, members: dict[str, str]) -> Path:
    """Write a zip archive."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def tarred(path: Path, members: dict[str, str]) -> Path:
    """Write a tar archive, packed."""
    with tarfile.open(path, "w:gz") as archive:
        for name, text in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


@pytest.mark.parametrize(("make", "name"), [(zipped, "ann.zip"), (tarred, "ann.tar.gz")])
@pytest.mark.parametrize("top", ["", "ann/", "my_service/", "ann/workspace/my_service/"])
def test_an_archive_is_read_wherever_the_work_stands_in_it(
    tmp_path: Path, make: Callable[[Path, dict[str, str]], Path], name: str, top: str
) -> None:
    """The folder around it does not count; hidden files stay out."""
    file = make(tmp_path / name, {f"{top}Dockerfile": "FROM x\n", f"{top}.env": "A=1\n"})
    submission = read(file)["ann"]
    assert (submission.problem, dict(submission.files)) == ("", {DOCKERFILE: b"FROM x\n"})


@pytest.mark.parametrize(("make", "name"), [(zipped, "eve.zip"), (tarred, "eve.tgz")])
@pytest.mark.parametrize("member", ["../../outside", "/etc/outside", "my_service/../../outside"])
def test_an_archive_that_leads_out_is_refused(
    tmp_path: Path, make: Callable[[Path, dict[str, str]], Path], name: str, member: str
) -> None:
    """Nothing is written, and the member is named."""
    file = make(tmp_path / name, {DOCKERFILE: "FROM x\n", member: "harm"})
    assert "leads out of its folder" in read(file)["eve"].problem


def test_links_and_devices_in_an_archive_are_left_out(tmp_path: Path) -> None:
    """The rest is read."""
    file = tmp_path / "eve.tar"
    with tarfile.open(file, "w") as archive:
        for name, kind in (("link", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE), ("device", tarfile.CHRTYPE)):
            member = tarfile.TarInfo(f"my_service/{name}")
            member.type = kind
            member.linkname = "/etc/passwd"
            archive.addfile(member)
        archive.addfile(tarfile.TarInfo("my_service/app.py"))
    submission = read(file)["eve"]
    assert dict(submission.files) == {"my_service/app.py": b""}
    assert set(submission.left_out) == {f"my_service/{name}" for name in ("link", "hard", "device")}


@pytest.mark.timeout(60)
def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not unpacked to its end: neither a tar bomb nor a member that is larger than its header says."""
    monkeypatch.setattr(handed_in_files, "MAX_UNPACKED_BYTES", 100_000)
    bomb = tmp_path / "eve.tar.gz"
    member = tarfile.TarInfo("my_service/app.py")
    member.size = 2**40
    bomb.write_bytes(gzip.compress(member.tobuf() + bytes(1_000_000)))
    assert "unpacks to more than" in read(bomb)["eve"].problem

    large = zipped(tmp_path / "dan.zip", {"my_service/app.py": "x" * 2_000_000, DOCKERFILE: "FROM x\n"})
    assert read(large)["dan"].left_out == {"my_service/app.py": "is larger than 1 MB"}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ["my_service/.hidden", "my_service/app.py"])
def test_a_tar_archive_that_says_it_is_endless_is_refused(tmp_path: Path, name: str) -> None:
    """It is small, and one member has the size of all disks: to go to the next one would take years."""
    endless = tarfile.TarInfo(name)
    endless.size = 2**60
    (tmp_path / "eve.tar").write_bytes(endless.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    assert read(tmp_path / "eve.tar")["eve"].problem.startswith("The archive cannot be read")


def test_a_zip_archive_with_too_many_entries_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each would be an object of the library."""
    file = zipped(tmp_path / "eve.zip", {f"my_service/{number}": "" for number in range(40)})
    monkeypatch.setattr(handed_in_files, "MAX_ENTRIES", 10)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    assert "more than 10 files" in read(file)["eve"].problem


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ["eve.zip", "eve.tar.gz"])
def test_what_is_no_archive_is_a_problem(tmp_path: Path, name: str) -> None:
    """Neither a text nor a FIFO under such a name raises or waits."""
    (tmp_path / name).write_text("no archive")
    assert read(tmp_path / name)["eve"].problem == "The archive cannot be read (" + (
        "BadZipFile)." if name.endswith("zip") else "ReadError)."
    )
    fifo(tmp_path / name)
    assert "is no regular file" in read(tmp_path / name)["eve"].problem


@pytest.mark.parametrize("names", [("my_service/a", "my_service/a/b"), ("my_service/a/b", "my_service/a")])
def test_a_file_and_a_folder_of_one_name_are_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    """A folder cannot hold both."""
    file = zipped(tmp_path / "eve.zip", dict.fromkeys(names, ""))
    assert "a file and a folder of one name" in read(file)["eve"].problem


def test_a_name_that_no_disk_takes_is_not_read(tmp_path: Path) -> None:
    """The rest is."""
    long_name = f"my_service/{'ä' * 150}"
    submission = read(zipped(tmp_path / "eve.zip", {DOCKERFILE: "FROM x\n", long_name: ""}))["eve"]
    assert (list(submission.files), list(submission.left_out)) == ([DOCKERFILE], [long_name])


def test_the_digest_changes_with_all_that_is_judged(hand_in: HandIn) -> None:
    """A byte, a name, the seed; not the name of the submission."""
    folders = {
        "ann": hand_in("ann"),
        "same": hand_in("same"),
        "byte": hand_in("byte", {"Dockerfile": "FROM y\n"}),
        "file": hand_in("file", {"new.py": ""}),
        "seed": hand_in("seed", seed=8),
    }
    digests = {name: read(folder)[name].digest for name, folder in folders.items()}
    assert digests["ann"] == digests["same"]
    assert len(set(digests.values())) == 4
