"""``my_service/``: where the exercises of the service stand, and the copy that a check builds."""

from __future__ import annotations

from pathlib import Path

import pytest

from workshop_kit.engine.stack import Stack
from workshop_kit.exercises import checkpoint, service_folder
from workshop_kit.exercises.exercise_files import Unreadable
from workshop_kit.exercises.exercise_service import Desk
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import content, regions
from workshop_kit.workspace.folder import Workspace

DOCKERFILE, LIMITS = "container.dockerfile", "container.limits"
FILES = {".dockerignore", "Dockerfile", "app.py", "compose.yaml", "requirements.txt", "start.sh"}


def no_engine() -> Stack:
    """What a desk must not ask for where no engine is needed."""
    raise AssertionError("this needs no engine")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A participant's desk on a machine without an engine."""
    return Desk.of(Workspace.open(tmp_path / "mine"), no_engine)


def copied(desk: Desk, identifier: str, target: Path) -> list[str]:
    """What a check of the exercise builds, in ``target``; the files that stayed whole."""
    return service_folder.copy(desk.texts(desk.find(identifier)), target)


def test_a_workspace_begins_with_the_starters(desk: Desk) -> None:
    """They are in ``my_service/`` and nowhere else, as `./workshop build` made them from the solutions."""
    workspace = desk.workspace
    assert {path.name for path in workspace.my_service.iterdir()} == FILES
    assert not (workspace.exercises / "01_container").exists()
    for name in FILES:
        assert (workspace.my_service / name).read_bytes() == (CHECKOUT / "exercises/01_container" / name).read_bytes()


def test_an_exercise_with_several_files_is_solved_and_reset_in_all_of_them(desk: Desk) -> None:
    """What was there is kept aside, and the solution that is shown names the other files."""
    folder = desk.workspace.my_service
    before = {name: (folder / name).read_text() for name in FILES}
    assert desk.texts(desk.find(DOCKERFILE)).is_untouched()
    assert checkpoint.solve(desk, DOCKERFILE)[0]
    changed = {name for name in FILES if (folder / name).read_text() != before[name]}
    assert changed == {"Dockerfile", ".dockerignore", "requirements.txt"}
    shown = desk.solution(DOCKERFILE, anyway=True) or ""
    assert "# .dockerignore\n__pycache__\n.git" in shown
    desk.reset(DOCKERFILE)
    assert {name: (folder / name).read_text() for name in FILES} == before
    kept = {path.name for path in (desk.workspace.folder / "kept").rglob("*") if path.is_file()}
    assert kept == changed


def test_a_jump_and_an_update_work_in_my_service(desk: Desk) -> None:
    """A later lesson finds the solutions there, the lesson itself its start; an update keeps what was edited."""
    path = desk.workspace.my_service / "compose.yaml"
    assert LIMITS in checkpoint.arrange(desk, "02_configuration").solved
    assert "read_only: true" in path.read_text()
    checkpoint.arrange(desk, "01_container")
    assert path.read_text() == (CHECKOUT / "exercises/01_container/compose.yaml").read_text()
    mine = regions.replace(path.read_text(), LIMITS, "    cpus: 2\n")
    path.write_text(mine)
    (desk.workspace.base / "my_service/compose.yaml").write_text("# older\n" + path.read_text())
    content.update(desk.workspace)
    assert "cpus: 2" in path.read_text()


def test_a_check_gets_the_other_regions_solved(desk: Desk, tmp_path: Path) -> None:
    """Its own regions are as the participant has them, in every file of the exercise."""
    (desk.workspace.my_service / "mine.txt").write_text("mine")
    assert copied(desk, LIMITS, tmp_path / "limits") == []
    assert "USER" in (tmp_path / "limits/Dockerfile").read_text()
    assert "cpu_shares" in (tmp_path / "limits/compose.yaml").read_text()
    assert (tmp_path / "limits/mine.txt").read_text() == "mine"
    assert copied(desk, DOCKERFILE, tmp_path / "dockerfile") == []
    assert "USER" not in (tmp_path / "dockerfile/Dockerfile").read_text()
    assert ".git" not in (tmp_path / "dockerfile/.dockerignore").read_text()


def test_a_file_without_markers_is_taken_whole(desk: Desk, tmp_path: Path) -> None:
    """It is judged as it is, and its name is told."""
    (desk.workspace.my_service / "Dockerfile").write_text("FROM scratch\n")
    assert copied(desk, DOCKERFILE, tmp_path / "copy") == ["Dockerfile"]
    assert (tmp_path / "copy/Dockerfile").read_text() == "FROM scratch\n"


def test_a_file_that_is_gone_is_told(desk: Desk, tmp_path: Path) -> None:
    """One sentence says how to get it back."""
    (desk.workspace.my_service / "Dockerfile").unlink()
    with pytest.raises(Unreadable, match=r"my_service/Dockerfile cannot be read .* `./workshop reset"):
        copied(desk, DOCKERFILE, tmp_path / "copy")


@pytest.mark.parametrize(
    ("content", "said"), [(b"#" * 2_000_000, "is larger than a megabyte"), (b"\xff\xfe", "is not text in UTF-8")]
)
def test_what_cannot_be_a_file_of_the_service_is_told(desk: Desk, tmp_path: Path, content: bytes, said: str) -> None:
    """Nothing of it is built or run."""
    (desk.workspace.my_service / "Dockerfile").write_bytes(content)
    with pytest.raises(Unreadable, match=rf"my_service/Dockerfile {said}.*`./workshop reset"):
        copied(desk, DOCKERFILE, tmp_path / "copy")


def test_the_dockerfile_of_an_earlier_lesson_misses_no_markers(desk: Desk, tmp_path: Path) -> None:
    """Lesson 04 writes the Dockerfile after its first exercise: until then it is lesson 02's, and that is no damage."""
    checkpoint.arrange(desk, "04_monitoring")
    assert copied(desk, "monitoring.deep", tmp_path / "deep") == []
    assert "HEALTHCHECK" not in (tmp_path / "deep/Dockerfile").read_text()
    assert copied(desk, "monitoring.healthcheck", tmp_path / "probe") == ["Dockerfile"]
