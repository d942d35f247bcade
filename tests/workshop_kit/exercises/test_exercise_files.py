"""``my_service/``: the files of the service's exercises, and the copy that a check builds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.private_engine import filled
from workshop_kit.errors import NotReady
from workshop_kit.exercises import checkpoint, generator
from workshop_kit.exercises.exercise_files import Unreadable
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.workspace.folder import Workspace

DOCKERFILE = "container.dockerfile"
FILES = {".dockerignore", "Dockerfile", "app.py", "compose.yaml", "requirements.txt", "start.sh"}


def copied(engineless: ExerciseService, identifier: str, target: Path) -> list[str]:
    """Copy the folder for a check of the exercise to ``target``; return the files that stayed whole."""
    return engineless.exercise_files(engineless.find(identifier)).copy_service(target)


def test_an_exercise_with_several_files_is_solved_and_reset_in_all_of_them(engineless: ExerciseService) -> None:
    """The replaced files are in kept/, and the solution names the other files."""
    folder = engineless.workspace.my_service
    before = {name: (folder / name).read_text() for name in FILES}
    assert engineless.exercise_files(engineless.find(DOCKERFILE)).is_untouched()
    assert checkpoint.solve(engineless, DOCKERFILE)
    changed = {name for name in FILES if (folder / name).read_text() != before[name]}
    assert changed == {"Dockerfile", ".dockerignore", "requirements.txt"}
    shown = engineless.solution(DOCKERFILE, anyway=True) or ""
    assert "# .dockerignore\n__pycache__\n.git" in shown
    engineless.reset(DOCKERFILE)
    assert {name: (folder / name).read_text() for name in FILES} == before
    kept = {path.name for path in (engineless.workspace.folder / "kept").rglob("*") if path.is_file()}
    assert kept == changed


def test_a_reset_on_a_full_disk_loses_nothing(engineless: ExerciseService, checkout: Path, small_disk: Path) -> None:
    """It is refused in a sentence; the participant's file stays as it is, and no half copy is left."""
    generator.build(checkout)
    exercise_service = ExerciseService.of(Workspace.open(small_disk / "mine", checkout), engineless.stack, checkout)
    path = exercise_service.workspace.exercises / "01_container/leaving.py"
    path.write_text(f"{path.read_text()}# {'x' * 8_000}\n")
    mine = path.read_bytes()
    with filled(small_disk), pytest.raises(NotReady, match="is full"):
        exercise_service.reset("container.graceful")
    assert path.read_bytes() == mine
    assert not [*(exercise_service.workspace.folder / "kept").rglob("leaving.py")]


@pytest.mark.parametrize(
    ("content", "said"), [(None, r"cannot be read \(No such file"), (b"#" * 2_000_000, "is larger than 1 MB")]
)
def test_a_file_that_cannot_be_judged_is_named(
    engineless: ExerciseService, tmp_path: Path, content: bytes | None, said: str
) -> None:
    """Nothing of it is built or run; one sentence says how to get it back."""
    path = engineless.workspace.my_service / "Dockerfile"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(Unreadable, match=rf"my_service/Dockerfile {said}.*`./workshop reset"):
        copied(engineless, DOCKERFILE, tmp_path / "copy")


def test_the_dockerfile_of_an_earlier_lesson_misses_no_markers(engineless: ExerciseService, tmp_path: Path) -> None:
    """Lesson 04 writes the Dockerfile after its first exercise: until then it is lesson 02's, and that is no damage."""
    checkpoint.arrange(engineless, "04_monitoring")
    assert copied(engineless, "monitoring.deep", tmp_path / "deep") == []
    assert "HEALTHCHECK" not in (tmp_path / "deep/Dockerfile").read_text()
    assert copied(engineless, "monitoring.healthcheck", tmp_path / "probe") == ["Dockerfile"]
