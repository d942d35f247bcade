"""``update``, ``goto``, ``hint``, ``check`` and ``watch`` at the terminal."""

from __future__ import annotations

import itertools
import mmap
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import pytest
from nbformat.sign import NotebookNotary

from tests.workshop_kit.exercises.conftest import no_engine
from workshop_dev import generated, generator
from workshop_dev.commands import development
from workshop_kit import files
from workshop_kit.commands import exercises
from workshop_kit.commands.watch import CheckOnSave
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises.exercise_service import ExerciseService, Superseded
from workshop_kit.reporting import Report, silent
from workshop_kit.trials.result import Finding, Result, Verdict
from workshop_kit.workspace.folder import FORMER_RECORD, HIDDEN, Workspace
from workshop_kit.workspace.lab_settings import DATA

NAME = "notebooks/00_start.ipynb"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The workspace that the commands work on."""
    monkeypatch.setenv("WORKSHOP_WORKSPACE", str(tmp_path / "workspace"))
    return Workspace.open(tmp_path / "workspace")


def is_signed(workspace: Workspace) -> bool:
    """Whether JupyterLab trusts the notebook as it is now."""
    notary = NotebookNotary(data_dir=str(workspace.jupyter_folder / DATA))  # type: ignore[no-untyped-call]
    notebook = nbformat.read(workspace.folder / NAME, as_version=4)  # type: ignore[no-untyped-call]
    return bool(notary.check_signature(notebook))  # type: ignore[no-untyped-call]


def test_an_update_signs_what_it_changed(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    """A notebook that got newer is signed; without one nothing is, and no second and a half is spent on it."""
    exercises.update()
    assert "Everything is up to date." in capsys.readouterr().err
    assert not workspace.jupyter_folder.exists()
    older = (workspace.folder / NAME).read_text().replace("light", "lamp")
    for folder in (workspace.folder, workspace.base):
        (folder / NAME).write_text(older)
    exercises.update()
    assert f"Updated: {NAME}" in capsys.readouterr().err
    assert is_signed(workspace)


def test_an_update_begins_anew_in_a_workspace_of_the_former_lessons(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing of the participant's is lost, also where a folder has the name; a second update finds nothing to do."""
    (workspace.folder / HIDDEN / FORMER_RECORD).write_text('{"my_service/app.py": "01.2"}')
    (workspace.folder / "my_service-before").mkdir()
    (workspace.my_service / "app.py").write_text("print('mine')")
    (workspace.folder / NAME).write_text("mine")
    workspace.progress_path.write_text("{}")

    exercises.update()
    assert "my_service-before-2/" in capsys.readouterr().err
    assert (workspace.folder / "my_service-before-2" / "app.py").read_text() == "print('mine')"
    assert (workspace.folder / "notebooks-before-2" / "00_start.ipynb").read_text() == "mine"
    assert list(workspace.my_service.iterdir()) == []
    assert not workspace.progress_path.exists()
    assert is_signed(workspace)
    assert Workspace.open(workspace.folder) == workspace

    exercises.update()
    assert "Everything is up to date." in capsys.readouterr().err


def test_a_build_that_is_interrupted_says_what_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All files behind the last one that was finished."""
    monkeypatch.setattr(generator, "build", lambda _: [])
    *_, before_last, last = generated.FILES

    def interrupted(_: Path) -> Iterator[tuple[Path, bool]]:
        for path in generated.FILES[:-2]:
            yield path, False
        raise KeyboardInterrupt

    monkeypatch.setattr(generated, "write_all", interrupted)
    with pytest.raises(KeyboardInterrupt):
        development.build()
    assert capsys.readouterr().err == f"Left as they were: {before_last}, {last}.\n"


DOCKERFILE = "container.dockerfile"
SAVED = frozenset({"my_service/requirements.txt"})


@dataclass(frozen=True)
class RecordedService(ExerciseService):
    """A service whose checks return the given verdicts; with None a check runs until a newer one begins."""

    verdicts: list[Verdict | None] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)

    def check(self, identifier: str, report: Report = silent) -> Result:
        """Write the exercise down, and judge it as was wanted."""
        self.checked.append(identifier)
        verdict = self.verdicts.pop(0)
        if verdict is None:
            superseded = self.running.setdefault(identifier, threading.Event())
            assert superseded.wait(20)
            raise Superseded("A newer check has begun.")
        self.progress.record_check(identifier, str(verdict))
        findings = (Finding(False, "called", "root", "a user", "It is root."),)
        return Result(verdict, "It is root.", findings, exercise=identifier)


@pytest.fixture
def watch(tmp_path: Path) -> CheckOnSave:
    """The watch of a new participant."""
    return CheckOnSave(RecordedService.of(Workspace.open(tmp_path / "mine"), no_engine))


def play(watch: CheckOnSave, verdicts: list[Verdict | None], *events: frozenset[str] | str) -> list[str]:
    """Let these things happen one after the other; which exercises were checked."""
    assert isinstance(watch.service, RecordedService)
    watch.service.verdicts.extend(verdicts)
    for event in (*events, "q"):
        watch.events.put(event)
    watch.run()
    return watch.service.checked


def test_it_begins_with_the_first_exercise(watch: CheckOnSave, capsys: pytest.CaptureFixture[str]) -> None:
    """A hint and the solution are those of it, the solution on the second press."""
    assert play(watch, [], "h", "s", "s") == []
    output = capsys.readouterr()
    first = next(exercise.id for exercise in watch.service.exercises if exercise.file)
    assert f"({first})" in output.err
    assert output.out.startswith("1. ")
    assert "Press s again" in output.out
    assert (watch.service.solution(first) or "nothing").rstrip() in output.out


def test_saves_that_cannot_be_seen_end_it_with_a_sentence(watch: CheckOnSave) -> None:
    """Linux watches so many files, and no more: nobody waits for a check that never comes."""
    watch.events.put(WorkshopError("Files that you save are not seen."))
    with pytest.raises(WorkshopError, match="are not seen"):
        watch.run()


def test_a_save_checks_the_exercise_of_the_file(watch: CheckOnSave, capsys: pytest.CaptureFixture[str]) -> None:
    """Also when it is one of its further files; what is no exercise, or passed already, is not checked."""
    assert play(watch, [Verdict.PASSED], frozenset({"my_service/app.py"}), SAVED) == [DOCKERFILE]
    assert play(watch, [], SAVED) == [DOCKERFILE]
    assert DOCKERFILE in capsys.readouterr().out


def test_a_newer_save_ends_the_running_check(watch: CheckOnSave, capsys: pytest.CaptureFixture[str]) -> None:
    """One result is shown, and none of the check that was ended."""
    assert play(watch, [None, Verdict.WRONG], SAVED, SAVED) == [DOCKERFILE, DOCKERFILE]
    assert capsys.readouterr().out.count("came back       root") == 1


def test_saves_at_short_intervals_come_together(tmp_path: Path) -> None:
    """Files of editors and caches are no saves; a file that an editor replaces is one."""
    stop = threading.Event()
    folder = tmp_path / "my_service"
    folder.mkdir()
    both = {"my_service/Dockerfile", "my_service/.dockerignore"}
    saves: list[frozenset[str]] = []

    def listen() -> None:
        saves.append(next(names for names in files.saves(tmp_path, folder, stop=stop) if names >= both))

    listener = threading.Thread(target=listen)
    listener.start()
    while listener.is_alive():  # it may begin in the middle of a burst
        for name in (".Dockerfile.swp", "other.pyc", ".dockerignore"):
            (folder / name).write_text("new")
        (folder / "written").write_text("new")
        (folder / "written").replace(folder / "Dockerfile")
        listener.join(0.5)
    assert saves[0] <= both | {"my_service/written"}


def test_a_folder_whose_saves_send_no_event_is_polled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write through shared memory sends none, as a save on the other side of a share: only polling sees it."""
    stop = threading.Event()
    path = tmp_path / "app.py"
    path.write_text("old")
    monkeypatch.setattr(files, "sends_events", lambda _: False)
    saves: list[frozenset[str]] = []

    def listen() -> None:
        saves.extend(itertools.islice(files.saves(tmp_path, tmp_path, stop=stop), 1))

    listener = threading.Thread(target=listen)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        listener.start()
        for number in range(100):  # it may begin late
            memory[0] = number
            memory.flush()
            listener.join(0.3)
            if not listener.is_alive():
                break
        stop.set()
        listener.join()  # before the file is closed, which does send an event
    assert saves == [frozenset({"app.py"})]
