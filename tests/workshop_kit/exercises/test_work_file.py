"""A participant's work as one file: complete on the other machine, nothing lost there, and foreign files refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.exercises import work_file
from workshop_kit.exercises.progress import Progress
from workshop_kit.trials.result import Verdict
from workshop_kit.workspace import content
from workshop_kit.workspace.folder import HIDDEN, Workspace

NOTEBOOK = "notebooks/00_start.ipynb"
APP = "my_service/app.py"
EXERCISE = "exercises/02_configuration/tasks.yaml"
PASSWORD = "correct-horse-battery"


def snapshot(folder: Path) -> dict[Path, bytes]:
    """Every file below a folder, but locks."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path: path.read_bytes() for path in files if path.suffix != ".lock"}


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace in which somebody has worked on a short track."""
    workspace = Workspace.open(tmp_path_factory.mktemp("old") / "workspace")
    workspace.share_seed(42)
    workspace.choose_track("90min")
    content.follow_track(workspace)
    progress = Progress(workspace.progress_path)
    progress.lock_guess("00_start.database-gone", "green")
    progress.record_check("container.limits", Verdict.PASSED)
    progress.keep_policy("03_logging", ["We log to stdout."])
    workspace.service_folder()
    (workspace.folder / APP).write_bytes("mine = 'ü'\r\n".encode())
    (workspace.my_service / "picture.png").write_bytes(b"\x89PNG\xff")
    (workspace.my_service / "secrets").mkdir()
    (workspace.my_service / "secrets" / "password").write_text(PASSWORD)
    (workspace.folder / EXERCISE).write_text("mine: true\n")
    (workspace.folder / HIDDEN / "written" / "my_service").mkdir(parents=True)
    (workspace.folder / HIDDEN / "written" / APP).write_text("as its cell wrote it\n")
    notebook = nbformat.read(workspace.folder / NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    notebook.cells[1].source = "my_own = 1"
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="an output of mine")]  # type: ignore[no-untyped-call]
    nbformat.write(notebook, workspace.folder / NOTEBOOK)  # type: ignore[no-untyped-call]
    return workspace


@pytest.fixture
def new(tmp_path: Path) -> Workspace:
    """A workspace on another machine, in which somebody has already begun."""
    workspace = Workspace.open(tmp_path / "new" / "workspace")
    (workspace.folder / APP).write_text("begun here\n")
    Progress(workspace.progress_path).record_check("logging.stdout", Verdict.WRONG)
    return workspace


def test_work_goes_on_at_another_machine(old: Workspace, new: Workspace, tmp_path: Path) -> None:
    """Files, their earlier versions, seed, track and progress arrive; what was there is kept, and its records stay.

    What the track folds in a notebook is no edit.
    """
    exported, _ = work_file.export_work(old, tmp_path / "progress.json")
    assert {APP, EXERCISE, NOTEBOOK} <= set(exported)
    assert {name for name in exported if name.startswith("notebooks/")} <= {NOTEBOOK}
    before = (new.folder / "progress.json").read_bytes()
    changed, backup = work_file.import_work(new, tmp_path / "progress.json")
    assert {APP, EXERCISE, NOTEBOOK} == set(changed)
    for name in (APP, EXERCISE, f"{HIDDEN}/written/{APP}", f"{HIDDEN}/base/{EXERCISE}", f"{HIDDEN}/base/{NOTEBOOK}"):
        assert (new.folder / name).read_bytes() == (old.folder / name).read_bytes(), name
    assert "my_own = 1" in (new.folder / NOTEBOOK).read_text()
    assert "an output of mine" not in (new.folder / NOTEBOOK).read_text()
    assert (new.seed, new.track) == (42, "90min")
    assert "skip-stop-text" in (new.notebooks / "01_container.ipynb").read_text()
    progress = Progress(new.progress_path)
    assert progress.guess("00_start.database-gone") == Progress(old.progress_path).guess("00_start.database-gone")
    assert progress.exercise("container.limits").passed_at
    assert progress.document().policies == {"03_logging": ["We log to stdout."]}
    assert progress.exercise("logging.stdout").attempts == 1
    assert backup.folder is not None
    assert (backup.folder / APP).read_text() == "begun here\n"
    assert (backup.folder / "progress.json").read_bytes() == before
    assert work_file.import_work(new, tmp_path / "progress.json")[0] == []
    assert content.update(new).sentences() == ["Everything is up to date."]


def test_an_export_has_no_passwords_and_overwrites_nothing(old: Workspace, tmp_path: Path) -> None:
    """Files in a folder of secrets and files that are no text stay behind, and are named; so do hidden files."""
    target = tmp_path / "progress.json"
    _, left_out = work_file.export_work(old, target)
    assert set(left_out) == {"my_service/picture.png", "my_service/secrets/password"}
    assert PASSWORD not in target.read_text()
    assert old.id not in target.read_text()
    before = target.read_bytes()
    with pytest.raises(WrongUsage, match=r"exists, and an export overwrites nothing\."):
        work_file.export_work(old, target)
    assert target.read_bytes() == before


Change = Callable[[dict[str, Any]], Any]


def named(name: str) -> Change:
    """Return a change that adds a file of this name."""
    return lambda document: document["files"].update({name: {"text": ["hostile"]}})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (named("../outside.py"), "'../outside.py' is no file of notebooks, exercises, my_service"),
        (named("my_service/.env"), "is no file of"),
        (named("my_service/a\0.py"), "is no file of"),
        (lambda document: document.update(format="something else"), "format: Input should be"),
        (lambda document: document.update(track="week"), "track: String should match"),
        (lambda document: document["progress"].update(exercises={"x": {"hints": "2"}}), "progress.exercises.x.hints"),
    ],
)
def test_a_foreign_file_is_one_sentence_and_changes_nothing(
    old: Workspace, new: Workspace, tmp_path: Path, change: Change, sentence: str
) -> None:
    """Names outside of what participants edit, another form, or another program's file."""
    target = tmp_path / "progress.json"
    work_file.export_work(old, target)
    document = json.loads(target.read_text())
    change(document)
    target.write_text(json.dumps(document))
    before = snapshot(new.folder)
    with pytest.raises(WrongUsage, match="is no exported progress: ") as refused:
        work_file.import_work(new, target)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
    assert snapshot(new.folder) == before


def test_a_link_leads_nowhere_else(old: Workspace, new: Workspace, tmp_path: Path) -> None:
    """A folder of the workspace that is a link to another place gets no file."""
    work_file.export_work(old, tmp_path / "progress.json")
    (new.folder / "my_service").rename(tmp_path / "elsewhere")
    (new.folder / "my_service").symlink_to(tmp_path / "elsewhere")
    before = snapshot(tmp_path / "elsewhere")
    with pytest.raises(WorkshopError, match="leads out of the workspace by a link"):
        work_file.import_work(new, tmp_path / "progress.json")
    assert snapshot(tmp_path / "elsewhere") == before
