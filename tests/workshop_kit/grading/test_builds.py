"""Builds of others: what ends them, the group of the kernel that limits them, and what is not built twice."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from workshop_kit.engine import images, recipes
from workshop_kit.exercises import registry, service_trial
from workshop_kit.exercises.check_api import CheckEnded, Context
from workshop_kit.exercises.control import Waits
from workshop_kit.exercises.image_builds import ImageBuilds, folder_digest
from workshop_kit.exercises.result import Result
from workshop_kit.grading import build_guard, cgroup_inside
from workshop_kit.grading.build_guard import BuildGuard
from workshop_kit.paths import CHECKOUT


class FakeMachine:
    """A machine whose numbers a test sets."""

    def __init__(self) -> None:
        self.tasks = 300
        self.free_memory = 0.5
        self.free_disk = 100 * 2**30

    def guard(self, monkeypatch: pytest.MonkeyPatch) -> BuildGuard:
        """A guard that sees this machine, and looks at everything each time."""
        monkeypatch.setattr(build_guard, "SLOW_LOOK_SECONDS", -1.0)
        monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=self.free_disk))
        return BuildGuard(Path("/"), lambda: self.tasks, lambda: self.free_memory)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("tasks", 1_500, "it started more than 1,000 processes"),
        ("free_memory", 0.01, "the memory of this machine was nearly used up"),
        ("free_disk", 97 * 2**30, "it wrote more than 2 GiB"),
    ],
)
def test_a_build_that_takes_too_much_is_ended(
    monkeypatch: pytest.MonkeyPatch, name: str, value: float, reason: str
) -> None:
    """What the machine had before the build does not count."""
    machine = FakeMachine()
    guard = machine.guard(monkeypatch)
    assert guard() == ""
    setattr(machine, name, value)
    assert guard() == reason


def test_this_machine_can_be_looked_at() -> None:
    """Where the kernel tells its tasks, they are those of all programs; memory is a part of the whole."""
    tasks = build_guard.tasks_of_machine()
    if Path("/proc/loadavg").exists():
        assert tasks is not None
        assert tasks >= len(list(Path("/proc/self/task").iterdir()))
    assert 0 < build_guard.free_memory() <= 1


@pytest.mark.parametrize("is_v2", [True, False])
def test_the_group_has_limits_and_is_removed(tmp_path: Path, is_v2: bool) -> None:
    """cgroup v2 has one tree, v1 one for each controller; the files have the kernel's names."""
    if is_v2:
        (tmp_path / "cgroup.controllers").touch()
        group = {"memory.max": tmp_path / "grade", "pids.max": tmp_path / "grade"}
    else:
        group = {"memory.limit_in_bytes": tmp_path / "memory" / "grade", "pids.max": tmp_path / "pids" / "grade"}
        for folder in group.values():
            folder.parent.mkdir()
    cgroup_inside.limit(tmp_path, "grade", "1000", "20")
    values = {name: (folder / name).read_text() for name, folder in group.items()}
    assert sorted(values.values()) == ["1000", "20"]

    for folder in group.values():  # the kernel's files go with their folder
        for file in [path for path in folder.iterdir() if path.is_file()]:
            file.unlink()
        (folder / "buildkit" / "run").mkdir(parents=True, exist_ok=True)
    cgroup_inside.remove(tmp_path, "grade")
    assert not any(folder.exists() for folder in group.values())


def test_the_digest_of_a_folder_is_of_names_modes_contents_and_links(tmp_path: Path) -> None:
    """Whatever a build could see changes it; the time of a file does not."""
    (tmp_path / "a").mkdir()
    file = tmp_path / "a" / "app.py"
    file.write_text("1")
    (tmp_path / "link").symlink_to("nowhere")
    first = folder_digest(tmp_path)
    os.utime(file, (0, 0))
    assert folder_digest(tmp_path) == first

    seen = {first}
    file.chmod(0o755)
    seen.add(folder_digest(tmp_path))
    file.write_text("2")
    seen.add(folder_digest(tmp_path))
    file.rename(tmp_path / "app.py")
    seen.add(folder_digest(tmp_path))
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("elsewhere")
    seen.add(folder_digest(tmp_path))
    assert len(seen) == 5


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the builder by one that notes each image; and note each that is removed, with a minus before it."""
    log: list[str] = []

    def run_builder(command: list[str], context: Context) -> None:
        tag, *_, folder = command
        log.append(tag)
        if Path(folder, "fails").exists():
            context.waits.add("the builder was not done", 60.0)
            raise CheckEnded(Result.did_not_start("It does not build."))

    monkeypatch.setattr(service_trial, "_run_builder", run_builder)
    monkeypatch.setattr(images, "command", lambda _engine, tag, _labels: [tag])
    monkeypatch.setattr(service_trial, "remove_image", lambda _session, tag: log.append(f"-{tag}"))
    monkeypatch.setattr(recipes, "tags", lambda _root: {"python": "base:1"})
    return log


def context_of(folder: Path, builds: ImageBuilds) -> Context:
    """The context of a check of a folder."""
    session = SimpleNamespace(engine=None, labels=lambda _scope: {})
    stack: Any = SimpleNamespace(session=session, root=CHECKOUT)
    exercise = registry.load(CHECKOUT)[0]
    return Context(exercise, stack, 7, folder=folder, builds=builds, waits=Waits())


def test_a_folder_is_built_once(tmp_path: Path, built: list[str]) -> None:
    """Where images are kept, a second check of the same folder gets the same one; another folder or base does not."""
    builds = ImageBuilds(keeps_images=True)
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "app.py").touch()
    tags = []
    for folder, base in (("one", None), ("one", None), ("two", None), ("one", "base:2")):
        with service_trial.build(context_of(tmp_path / folder, builds), base=base) as tag:
            tags.append(tag)
    assert tags[0] == tags[1]
    assert len(set(tags)) == 3
    assert built == [tags[0], tags[2], tags[3]]
    builds.forget(lambda tag: built.append(f"-{tag}"))
    assert sorted(built[3:]) == sorted(f"-{tag}" for tag in set(tags))


def test_a_check_of_a_participant_keeps_no_image(tmp_path: Path, built: list[str]) -> None:
    """Each save is built, and its image is removed."""
    builds = ImageBuilds()
    for _ in range(2):
        with service_trial.build(context_of(tmp_path, builds)) as tag:
            pass
        assert built[-2:] == [tag, f"-{tag}"]
    assert len(built) == 4


def test_a_build_that_failed_is_not_tried_again(tmp_path: Path, built: list[str]) -> None:
    """A Dockerfile that never ends costs its time once; each check hears of the wait, for its control."""
    (tmp_path / "fails").touch()
    builds = ImageBuilds(keeps_images=True)
    for _ in range(2):
        context = context_of(tmp_path, builds)
        with pytest.raises(CheckEnded, match="does not build"), service_trial.build(context):
            pass
        assert [wait.what for wait in context.waits.ended] == ["the builder was not done"]
    assert len([tag for tag in built if not tag.startswith("-")]) == 1
